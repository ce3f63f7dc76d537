/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/monitor_life.c - robots whose death this machine itself knows of.
 *
 * A lease bears the word of a life (mn_board_life). The kernel lets go of what shows that it goes
 * on when its process ends, and an fd becomes readable then: so the brain is woken by a death, and
 * need not wait for heartbeats. Those remain for robots of other machines, whose word says nothing
 * here, and for processes that hang.
 *
 * Where no fd wakes (no pidfd, or another number of the process in another container), the word is
 * asked after every LOOK.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "fleet/brain_inside.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const uint64_t LOOK = 50000000; /* ns */

struct mn_brain_life {
    char name[MN_NAME + 1], word[MN_LIFE];
    uint64_t lease;
    int pid;  /* 0: not known */
    int fd;   /* -1: nothing wakes us */
    int seen; /* in this step */
};

static void drop(mn_brain *k, int i) {
    if (k->life[i].fd >= 0) close(k->life[i].fd);
    k->life[i] = k->life[--k->n_lives];
}

static int add(mn_brain *k, const mn_brain_robot *r, mn_brain_life **out) {
    json_t *lease = NULL;
    uint64_t version = 0;
    if (k->n_lives == k->cap_lives) {
        const int cap = k->cap_lives ? 2 * k->cap_lives : 8;
        mn_brain_life *const more = mn_realloc(k->life, (size_t)cap * sizeof *more);
        if (!more) return mn_brain_no_memory();
        k->life = more;
        k->cap_lives = cap;
    }
    const int rc = mn_board_get(k->b, "lease/", r->name, &lease, &version);
    if (rc < 0 && rc != MN_ECORRUPT && rc != MN_EUNSUPPORTED) return rc;
    mn_brain_life *const l = &k->life[k->n_lives++];
    *l = (mn_brain_life){.lease = r->lease, .fd = -1};
    snprintf(l->name, sizeof l->name, "%s", r->name);
    if (rc > 0 && version == r->lease) {
        snprintf(l->word, sizeof l->word, "%s", mn_brain_field(lease, "life"));
        l->pid = mn_brain_number(lease, "pid");
    }
    json_decref(lease);
    if (*l->word) mn_board_lives(k->b, l->word, k->n_lives <= MN_BRAIN_FDS ? &l->fd : NULL);
    *out = l;
    return 0;
}

static int rings(const mn_brain_life *l) {
    struct pollfd p = {.fd = l->fd, .events = POLLIN};
    return l->fd >= 0 && poll(&p, 1, 0) > 0;
}

/* In the words of /proc/PID/stat: NUMBER (NAME) STATE .. */
static int wants_to_run(const char *path) {
    char line[64] = "";
    if (mn_file_read_at(path, 0, line, sizeof line - 1) < 0) return 0;
    const char *const end = strrchr(line, ')');
    return end && end[1] == ' ' && (end[2] == 'R' || end[2] == 'D');
}

int mn_monitor_starves(const mn_brain *k, const mn_brain_robot *r) {
    char path[300];
    int pid = 0, is = 0;
    for (int i = 0; i < k->n_lives; i++)
        if (strcmp(k->life[i].name, r->name) == 0) pid = k->life[i].pid;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *const threads = pid > 0 ? opendir(path) : NULL;
    for (struct dirent *e; threads && !is && (e = readdir(threads));) {
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/stat", pid, e->d_name);
        is = *e->d_name != '.' && wants_to_run(path);
    }
    if (threads) closedir(threads);
    return is;
}

int mn_monitor_life(mn_brain *k, const mn_brain_robot *r, mn_life *out) {
    mn_brain_life *l = NULL;
    for (int i = 0; i < k->n_lives && !l; i++)
        if (k->life[i].lease == r->lease && strcmp(k->life[i].name, r->name) == 0) l = &k->life[i];
    if (!l) MN_TRY(add(k, r, &l));
    l->seen = 1;
    const int rang = rings(l);
    *out = *l->word ? mn_board_lives(k->b, l->word, NULL) : MN_LIFE_UNKNOWN;
    if (*out != MN_LIFE_GOES_ON) return 0;
    if (rang) { /* of somebody else, then */
        close(l->fd);
        l->fd = -1;
    }
    if (l->fd < 0) mn_brain_sooner(k, k->b->ops->now(k->b) + LOOK);
    return 0;
}

void mn_monitor_lives_settle(mn_brain *k) {
    for (int i = k->n_lives - 1; i >= 0; i--)
        if (k->life[i].seen)
            k->life[i].seen = 0;
        else
            drop(k, i);
}

void mn_monitor_lives_free(mn_brain *k) {
    while (k->n_lives) drop(k, k->n_lives - 1);
    mn_free(k->life);
}

int mn_brain_fds(const mn_brain *k, int *fds, int cap) {
    int n = 0;
    for (int i = 0; i < k->n_lives && n < cap; i++)
        if (k->life[i].fd >= 0) fds[n++] = k->life[i].fd;
    return n;
}
