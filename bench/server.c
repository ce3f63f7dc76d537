/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/server.c - servers started, asked how they are, weighed and ended.
 *
 * llama-server is tried in three ways: 16 slots with a context of their own, 16 over one, and four
 * slots (with the same room each). Its other flags are its own best or its defaults: flash
 * attention, prompt cache, continuous batching.
 */
#include "bench/server.h"
#include "bench/peer.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/free_port.h"
#include "base/walk.h"

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const mn_server_kind mn_server_kinds[MN_SERVER_KINDS] = {
    {"omnesia serve", 0, {NULL}},
    {"llama-server -np 16 -c 65536", 1, {"-np", "16", "-c", "65536", NULL}},
    {"llama-server -np 16 -c 65536 --kv-unified",
     1,
     {"-np", "16", "-c", "65536", "--kv-unified", NULL}},
    {"llama-server -np 4 -c 32768", 1, {"-np", "4", "-c", "32768", NULL}}};

int mn_server_find_peer(const char *folder, char peer[PATH_MAX]) {
    glob_t found = {0};
    if (folder && *folder) {
        snprintf(peer, PATH_MAX, "%s/llama-server", folder);
    } else {
        const char *const inside = "/llama_cpp_python-*/vendor/llama.cpp/build/bin/llama-server";
        mn_peer_folder(peer);
        const size_t n = strlen(peer);
        snprintf(peer + n, PATH_MAX - n, "%s", inside);
    }
    const int there = glob(peer, 0, NULL, &found) == 0 && found.gl_pathc;
    snprintf(peer, PATH_MAX, "%s", there ? found.gl_pathv[found.gl_pathc - 1] : "");
    globfree(&found);
    return there && access(peer, X_OK) == 0 ? 1 : (*peer = 0);
}

/* ---- start -------------------------------------------------------------------------------- */
/* Is it well? One question; what it answers, or that it does not answer yet. */
static int is_well(int port) {
    mn_load *l;
    MN_TRY(mn_load_open(port, &l));
    int rc = mn_load_ask(l, 0, "/health", NULL, 0);
    if (rc >= 0) rc = mn_load_run(l, 5, NULL, NULL);
    if (rc >= 0) rc = mn_load_check(l);
    mn_load_close(&l);
    return rc;
}

static int ended(mn_server *s) {
    int status;
    if (waitpid(s->actor.pid, &status, WNOHANG) != s->actor.pid) return 0;
    s->actor.pid = 0;
    mn_buf said = {0};
    mn_file_read(s->actor.stage->errors, 1 << 20, &said);
    const size_t most = 400, from = said.len > most ? said.len - most : 0;
    const int rc = MN_FAIL(MN_EIO, "%s ended before it was well: %s", s->line,
                           said.len ? said.data + from : "it said nothing");
    mn_buf_free(&said);
    return rc;
}

static int wait_until_well(mn_server *s) {
    const double until = mn_clock_seconds() + 120;
    while (is_well(s->port) < 0) {
        MN_TRY(ended(s));
        if (mn_clock_seconds() > until)
            return MN_FAIL(MN_EIO, "%s was not well after 120 s", s->line);
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    return 0;
}

/* The words behind the program: what differs, then the kind's own flags. */
static int words(const mn_server_plan *p, const mn_server *s, const char *port, const char *threads,
                 const char **out) {
    const mn_server_kind *const k = s->kind;
    const char *const theirs[] = {
        "-m", p->model, "-t", threads,          "-tb",       threads, "--port",
        port, "-fa",    "on", "--cache-prompt", "--no-webui"};
    const char *const ours[] = {"serve",    "-m", p->model,   "-t",     threads,
                                "--listen", port, "--region", s->region};
    const char *const *const some = k->peer ? theirs : ours;
    const int m = (int)(k->peer ? sizeof theirs : sizeof ours) / (int)sizeof *ours;
    int n = 0;
    for (; n < m; n++) out[n] = some[n];
    for (int i = 0; k->flags[i]; i++) out[n++] = k->flags[i];
    out[n] = NULL;
    return n;
}

int mn_server_start(const mn_server_plan *p, const mn_server_kind *kind, mn_server *s) {
    const char *line[40];
    char port[32], threads[16];
    *s = (mn_server){.kind = kind};
    MN_TRY(mn_free_port(0, &s->port));
    snprintf(s->folder, sizeof s->folder, "%s/own", p->stage->folder);
    snprintf(s->region, sizeof s->region, "%s/region", s->folder);
    snprintf(port, sizeof port, kind->peer ? "%d" : "127.0.0.1:%d", s->port);
    snprintf(threads, sizeof threads, "%d", p->threads);
    const int n = words(p, s, port, threads, line);
    size_t used =
        (size_t)snprintf(s->line, sizeof s->line, "%s", kind->peer ? "llama-server" : "omnesia");
    for (int i = 0; i < n && used < sizeof s->line; i++)
        used += (size_t)snprintf(s->line + used, sizeof s->line - used, " %s", line[i]);
    unlink(p->stage->errors);
    mn_walk_remove(s->folder);
    MN_TRY(mn_file_mkdirs(s->folder));
    int rc = mn_actor_program(p->stage, kind->peer ? p->peer : "/proc/self/exe", line, &s->actor);
    if (rc >= 0) rc = wait_until_well(s);
    if (rc < 0) mn_server_kill(s);
    return rc;
}

/* ---- while it runs ------------------------------------------------------------------------ */
static double line_of(const char *text, const char *name) {
    const char *const at = strstr(text, name);
    return at ? strtod(at + strlen(name), NULL) * 1024 : 0;
}

int mn_server_weigh(const mn_server *s, mn_server_weight *out) {
    char path[64];
    mn_buf text = {0};
    snprintf(path, sizeof path, "/proc/%d/status", (int)s->actor.pid);
    int rc = mn_file_read(path, 1 << 16, &text);
    if (rc >= 0)
        *out = (mn_server_weight){line_of(text.data, "\nVmHWM:"), line_of(text.data, "\nVmRSS:"),
                                  line_of(text.data, "\nRssShmem:")};
    if (rc >= 0 && !(out->peak > 0)) rc = MN_FAIL(MN_EUNSUPPORTED, "%s has no VmHWM", path);
    mn_buf_free(&text);
    return rc;
}

/* The two numbers of ticks behind the name in /proc/PID/stat, in seconds; 0: it is gone. */
static double taken_by(pid_t pid) {
    char path[64];
    mn_buf text = {0};
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const int rc = pid > 0 ? mn_file_read(path, 1 << 16, &text) : -1;
    const char *const at = rc >= 0 && text.len ? strrchr(text.data, ')') : NULL;
    if (at) sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    mn_buf_free(&text);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

mn_server_clock mn_server_clock_read(const mn_server *s) {
    unsigned long long user = 0, nice = 0, system = 0, irq = 0, soft = 0, steal = 0;
    mn_buf text = {0};
    if (mn_file_read("/proc/stat", 1 << 20, &text) >= 0 && text.len)
        sscanf(text.data, "cpu %llu %llu %llu %*u %*u %llu %llu %llu", &user, &nice, &system, &irq,
               &soft, &steal);
    mn_buf_free(&text);
    return (mn_server_clock){mn_clock_seconds(),
                             (double)(user + nice + system + irq + soft + steal) /
                                 (double)sysconf(_SC_CLK_TCK),
                             taken_by(s->actor.pid) + taken_by(getpid())};
}

double mn_server_others(const mn_server *s, const mn_server_clock *since) {
    const mn_server_clock now = mn_server_clock_read(s);
    const double all = (now.wall - since->wall) * (double)sysconf(_SC_NPROCESSORS_ONLN),
                 others = now.busy - since->busy - (now.ours - since->ours);
    if (s->actor.pid <= 0) return -1; /* what it took went with it */
    return all > 0 && others > 0 ? others / all : 0;
}

int mn_server_term(mn_server *s, mn_load *clients, double *seconds) {
    const double from = mn_clock_seconds();
    int status;
    kill(s->actor.pid, SIGTERM);
    while (waitpid(s->actor.pid, &status, WNOHANG) != s->actor.pid) {
        if (mn_clock_seconds() > from + 60)
            return MN_FAIL(MN_EIO, "%s was still there 60 s after SIGTERM", s->line);
        MN_TRY(mn_load_spend(clients, 0.001));
        nanosleep(&(struct timespec){0, 1000000}, NULL); /* also when they have all ended */
    }
    s->actor.pid = 0;
    *seconds = mn_clock_seconds() - from;
    return 0;
}

void mn_server_kill(mn_server *s) {
    mn_actor_kill(&s->actor);
}
