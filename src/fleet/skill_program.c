/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/skill_program.c - a skill is a program: a process of its own that speaks MCP over its
 * standard streams, a message a line.
 *
 * What it says to standard error is kept for the sentence that tells of its end. A line has 1 MiB
 * at most; each look reads at most READ bytes, so who floods us holds nobody up. One that dies of
 * server/discover is started once more and greeted in the older way.
 *
 * Who eats memory takes neither the robot nor the brain along: the kernel takes skills first (by
 * FIRST thousandths of the machine's memory; more would have well-behaved skills die before a big
 * program that is none). A limit is RLIMIT_DATA: what a process can write and shares with nobody.
 * RLIMIT_AS would count what is only reserved or mapped to be read (a region's files, a model, the
 * heaps of Java and Go), and end who does no harm. Both hold for each process, and for what it
 * starts. What failed for want of memory is only known by the program, so it is told by how much it
 * had: NEARLY of the limit.
 */
#include "base/alloc.h"
#include "base/budget.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limit.h"
#include "fleet/skill_way.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ = 1 << 18, WAITING = 4 << 20, WORDS = 300, SHUT_MS = 100, FIRST = 500 };
static const double NEARLY = 0.75;

typedef struct program {
    char **argv;
    uint64_t memory;           /* bytes it may have; 0: no limit of ours */
    uint64_t had, taken_first; /* when it started: our own bytes, and whom the kernel had ended */
    mn_child *child;           /* NULL: down */
    int poll, armed;           /* epoll; its input is waited for */
    int deaf;                  /* it has closed its input */
    mn_buf in, out;            /* of a line that is not whole; what it has not read */
    size_t sent;               /* of out */
    uint64_t shut;             /* mn_clock_ns when its output was closed; 0: it is open */
} program;

static program *of(mn_speaker *h) {
    return h->its;
}

static int watch(program *h, int op, int fd, uint32_t events) {
    struct epoll_event e = {.events = events, .data.fd = fd};
    return epoll_ctl(h->poll, op, fd, &e) < 0
               ? MN_FAIL(MN_EIO, "cannot watch %s: %s", h->argv[0], strerror(errno))
               : 0;
}

static void down(mn_speaker *of_it) {
    program *const h = of(of_it);
    mn_child_end(&h->child); /* epoll forgets what is closed */
    mn_buf_clear(&h->in);
    mn_buf_clear(&h->out);
    h->sent = 0;
    h->armed = h->deaf = 0;
    h->shut = 0;
}

static int flush(program *h) {
    while (h->sent < h->out.len) {
        const ssize_t k =
            send(mn_child_to(h->child), h->out.data + h->sent, h->out.len - h->sent, MSG_NOSIGNAL);
        if (k > 0) h->sent += (size_t)k;
        if (k < 0 && errno != EINTR) break; /* full; or it has ended, which is seen elsewhere */
    }
    const int waits = h->sent < h->out.len;
    if (!waits) {
        mn_buf_clear(&h->out);
        h->sent = 0;
    }
    if (waits == h->armed || h->deaf) return 0;
    h->armed = waits;
    return watch(h, EPOLL_CTL_MOD, mn_child_to(h->child), waits ? EPOLLOUT : 0);
}

static int carry(void *user, int64_t id, const char *method, const char *name, const mn_buf *text) {
    program *const h = of(user);
    (void)id, (void)method, (void)name;
    if (h->out.len - h->sent + text->len > WAITING)
        return MN_FAIL(MN_EFULL, "%s does not read what it is told", h->argv[0]);
    MN_TRY(mn_buf_append(&h->out, text->data, text->len));
    MN_TRY(mn_buf_puts(&h->out, "\n"));
    return flush(h);
}

/* In the child, before it becomes the program. */
static int be_limited(void *user) {
    const program *const h = user;
    mn_limit_go_first(FIRST);
    return h->memory ? mn_limit_set(RLIMIT_DATA, h->memory) : 0;
}

static int up(mn_speaker *speaker) {
    program *const h = of(speaker);
    const mn_child_how how = {
        .env = (const char *const *)(uintptr_t)environ, .before = be_limited, .user = h, .talk = 1};
    h->had = mn_budget_resident();
    h->taken_first = mn_budget_ended_by_kernel();
    MN_TRY(mn_child_start_as((const char *const *)(uintptr_t)h->argv, &how, &h->child));
    MN_TRY(watch(h, EPOLL_CTL_ADD, mn_child_to(h->child), 0));
    MN_TRY(watch(h, EPOLL_CTL_ADD, mn_child_from(h->child), EPOLLIN));
    MN_TRY(watch(h, EPOLL_CTL_ADD, mn_child_words(h->child), EPOLLIN));
    if (mn_child_over(h->child) >= 0)
        MN_TRY(watch(h, EPOLL_CTL_ADD, mn_child_over(h->child), EPOLLIN));
    return mn_speaker_open(speaker, carry);
}

/* The last it has said to standard error. */
static void last_words(const program *h, char words[WORDS]) {
    const char *const all = mn_child_said(h->child);
    size_t n = strlen(all), from;
    while (n && strchr(" \r\n\t", all[n - 1])) n--;
    from = n;
    while (from && all[from - 1] != '\n') from--;
    snprintf(words, WORDS, "%s%.*s", n ? "; its last words: " : "", (int)(n - from), all + from);
}

/* Why it is for want of memory that it has ended; 0: that cannot be told. */
static int no_memory(const program *h, int status, char why[100]) {
    const uint64_t peak = mn_child_peak(h->child), nearly = (uint64_t)(NEARLY * (double)h->memory);
    char had[16], may[16];
    if (h->memory && status && h->had < nearly / 2 && peak >= nearly) {
        snprintf(why, 100, ": it had %s of memory and may have %s", mn_budget_human(peak, had),
                 mn_budget_human(h->memory, may));
        return 1;
    }
    if (status != 128 + SIGKILL || mn_budget_ended_by_kernel() == h->taken_first) return 0;
    snprintf(why, 100, ": the machine had no more memory");
    return 1;
}

static int crashed(mn_speaker *speaker, int status) {
    program *const h = of(speaker);
    mn_talk *const t = &speaker->talk;
    char words[WORDS], memory[100] = "", why[WORDS + 300];
    last_words(h, words);
    if (t->state == MN_TALK_OPENING && t->discover && !t->initialize && !speaker->shake) {
        speaker->shake = 1;
        down(speaker);
        return up(speaker);
    }
    const char *const code = no_memory(h, status, memory) ? "no_memory" : "crashed";
    snprintf(why, sizeof why, "%.100s %s %d%s%s", h->argv[0],
             status > 128 ? "was ended by signal" : "ended with status",
             status > 128 ? status - 128 : status, memory, words);
    return mn_speaker_crashed(speaker, code, why, words);
}

/* ---- what comes ---------------------------------------------------------------------------- */
static int lines(program *h, mn_talk *t) {
    size_t at = 0;
    for (;;) {
        const char *const from = h->in.data + at;
        const char *const end = at < h->in.len ? memchr(from, '\n', h->in.len - at) : NULL;
        const size_t n = end ? (size_t)(end - from) : h->in.len - at;
        if (n > MN_TALK_LINE)
            return MN_FAIL(MN_ECORRUPT, "it says a line of more than %d bytes", MN_TALK_LINE);
        if (!end) break;
        if (n > strspn(from, " \t\r")) MN_TRY(mn_talk_take(t, from, n));
        at += n + 1;
    }
    memmove(h->in.data, h->in.data + at, h->in.len - at);
    h->in.len -= at;
    h->in.data[h->in.len] = 0;
    return 0;
}

/* It has closed its output. It may be about to end, which is heard of in another way. */
static int shut(program *h) {
    h->shut = mn_clock_ns();
    return watch(h, EPOLL_CTL_DEL, mn_child_from(h->child), 0);
}

/* An input that it has closed would wake us again and again. */
static int see_deaf(program *h) {
    struct pollfd p = {.fd = mn_child_to(h->child)};
    if (h->deaf || poll(&p, 1, 0) <= 0) return 0;
    h->deaf = 1;
    return watch(h, EPOLL_CTL_DEL, mn_child_to(h->child), 0);
}

/* 1: there is more; 0: that was all for now. */
static int hear(program *h, mn_talk *t) {
    for (size_t all = 0; all < READ && !h->shut;) {
        MN_TRY(mn_buf_reserve(&h->in, 65536));
        const ssize_t k = read(mn_child_from(h->child), h->in.data + h->in.len, 65535);
        if (k < 0 && errno == EINTR) continue;
        if (k == 0) return shut(h);
        if (k < 0) return 0;
        h->in.len += (size_t)k;
        h->in.data[h->in.len] = 0;
        all += (size_t)k;
        MN_TRY(lines(h, t));
    }
    return !h->shut;
}

static int pump(mn_speaker *speaker) {
    program *const h = of(speaker);
    int status;
    MN_TRY(flush(h));
    MN_TRY(see_deaf(h));
    const int ended = mn_child_wait(h->child, 0, &status), more = hear(h, &speaker->talk);
    MN_TRY(more);
    if (more || speaker->talk.ended) return more;
    if (ended) return crashed(speaker, status);
    if (!h->shut || mn_clock_ns() - h->shut < (uint64_t)SHUT_MS * 1000000) return 0;
    char words[WORDS], why[WORDS + 200];
    last_words(h, words);
    snprintf(why, sizeof why, "%.100s has closed its standard output%s", h->argv[0], words);
    return mn_speaker_crashed(speaker, "crashed", why, words);
}

static int gone(mn_speaker *h) {
    int status;
    return of(h)->shut || mn_child_wait(of(h)->child, 0, &status);
}

static int cancel(mn_speaker *h) {
    /* Whether it can be told or not: it is killed when it goes on. */
    return mn_talk_cancel(&h->talk) < 0;
}

/* It has a moment to put its motors to rest. */
static void leave(mn_speaker *h) {
    int status;
    shutdown(mn_child_to(of(h)->child), SHUT_WR);
    (void)mn_child_wait(of(h)->child, MN_SPEAKER_LEAVE, &status);
}

static void free_program(program *h) {
    mn_child_end(&h->child);
    mn_buf_free(&h->in);
    mn_buf_free(&h->out);
    if (h->poll >= 0) close(h->poll);
    for (char **one = h->argv; one && *one; one++) mn_free(*one);
    mn_free(h->argv);
    mn_free(h);
}

static void free_its(mn_speaker *h) {
    free_program(of(h));
}

static const mn_skill_way way = {.name = "program",
                                 .up = up,
                                 .down = down,
                                 .gone = gone,
                                 .pump = pump,
                                 .cancel = cancel,
                                 .leave = leave,
                                 .free = free_its};

static int copy_argv(program *h, const char *const *argv) {
    size_t n = 0;
    while (argv[n]) n++;
    h->argv = mn_calloc(n + 1, sizeof *h->argv);
    for (size_t i = 0; h->argv && i < n; i++)
        if (!(h->argv[i] = mn_strdup(argv[i])))
            return MN_FAIL(MN_ENOMEM, "no memory for a host of skills");
    return h->argv ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a host of skills");
}

int mn_skill_host_limited(const char *const *argv, uint64_t memory, mn_skill_host **out) {
    *out = NULL;
    if (!argv[0] || !*argv[0]) return MN_FAIL(MN_EINVAL, "a skill's command is empty");
    program *const h = mn_calloc(1, sizeof *h);
    if (!h) return MN_FAIL(MN_ENOMEM, "no memory for a host of skills");
    h->memory = memory;
    h->poll = epoll_create1(EPOLL_CLOEXEC);
    int rc = copy_argv(h, argv);
    if (rc >= 0 && h->poll < 0) rc = MN_FAIL(MN_EIO, "cannot make an epoll: %s", strerror(errno));
    if (rc >= 0) return mn_speaker_make(&way, h, argv[0], h->poll, out);
    free_program(h);
    return rc;
}

int mn_skill_host_program(const char *const *argv, mn_skill_host **out) {
    return mn_skill_host_limited(argv, 0, out);
}
