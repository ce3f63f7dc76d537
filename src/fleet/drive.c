/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/drive.c - actors in real processes: they step, then sleep until the board changes where it
 * concerns them, a program of theirs has said something, or their time has come.
 *
 * What wakes is a topic of the region (a word that is slept on), and what programs say comes
 * through file descriptors: a small thread for each topic sleeps there and writes to one eventfd,
 * on which everything waits. A robot has three topics (its call, its lease, the stop), the brain
 * seven, and the ends of robots' processes; heartbeats wake nobody. A thread looks again by itself
 * every two seconds, as watchers do, for who was killed between a change and telling of it.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "fleet/actors.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { TOPICS = 8, FDS = 128 };
static const uint64_t SECOND = 1000000000;

typedef struct sleeper {
    mn_drive *d;
    mn_topic *topic;
    pthread_t thread;
    char key[MN_FLEET_KEY];
} sleeper;

struct mn_drive {
    mn_region *r;
    mn_board *b;
    int fd, ending;
    sleeper on[TOPICS];
    int n;
};

static void ring(const mn_drive *d) {
    const uint64_t one = 1;
    while (write(d->fd, &one, sizeof one) < 0 && errno == EINTR) continue;
}

static void *sleep_on(void *user) {
    sleeper *const s = user;
    uint64_t seen = mn_topic_count(s->topic);
    ring(s->d); /* what changed before it looked */
    while (!__atomic_load_n(&s->d->ending, __ATOMIC_ACQUIRE)) {
        mn_topic_sleep(s->topic, seen, 2 * SECOND);
        seen = mn_topic_count(s->topic);
        ring(s->d);
    }
    return NULL;
}

static int add_topic(mn_drive *d, const char *kind, const char *name) {
    sleeper *const s = &d->on[d->n];
    s->d = d;
    MN_TRY(mn_board_key(d->b, kind, name, s->key));
    s->topic = mn_topic_of(d->r, s->key, strlen(s->key));
    const int rc = pthread_create(&s->thread, NULL, sleep_on, s);
    if (rc) return MN_FAIL(MN_ENOMEM, "no thread to watch '%s': %s", s->key, strerror(rc));
    d->n++;
    return 0;
}

int mn_drive_open(mn_region *r, mn_board *b, const char *robot, mn_drive **out) {
    static const char *const kinds[] = {"call/", "lease/", "ask/", "task/", "confirm/"};
    mn_drive *d = mn_calloc(1, sizeof *d);
    *out = NULL;
    if (!d) return MN_FAIL(MN_ENOMEM, "no memory to watch the board of a fleet");
    d->r = r;
    d->b = b;
    d->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = d->fd < 0 ? MN_FAIL(MN_EIO, "no eventfd to wait on: %s", strerror(errno)) : 0;
    if (rc >= 0) rc = add_topic(d, "stop", "");
    if (rc >= 0 && robot) rc = add_topic(d, "call/", robot);
    if (rc >= 0 && robot) rc = add_topic(d, "lease/", robot);
    for (int i = 0; i < 5 && !robot && rc >= 0; i++) rc = add_topic(d, kinds[i], "");
    if (rc >= 0 && !robot) rc = add_topic(d, "brain", "");
    if (rc < 0) {
        mn_drive_close(&d);
        return rc;
    }
    *out = d;
    return 0;
}

/* Touching its topic wakes a thread; others that watch there find nothing new. */
void mn_drive_close(mn_drive **d) {
    mn_drive *const drive = *d;
    if (!drive) return;
    __atomic_store_n(&drive->ending, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < drive->n; i++)
        mn_topics_touch(drive->r, drive->on[i].key, strlen(drive->on[i].key), 0);
    for (int i = 0; i < drive->n; i++) pthread_join(drive->on[i].thread, NULL);
    if (drive->fd >= 0) close(drive->fd);
    mn_free(drive);
    *d = NULL;
}

int mn_drive_fd(const mn_drive *d) {
    return d->fd;
}

void mn_drive_clear(mn_drive *d) {
    uint64_t n;
    while (read(d->fd, &n, sizeof n) < 0 && errno == EINTR) continue;
}

int mn_drive_wait(mn_drive *d, const int *fds, int n, uint64_t until) {
    struct pollfd on[FDS + 1] = {{.fd = d->fd, .events = POLLIN}};
    const uint64_t now = d->b->ops->now(d->b), left = until > now ? until - now : 0;
    const struct timespec time = {(time_t)(left / SECOND), (long)(left % SECOND)};
    if (n > FDS) n = FDS;
    for (int i = 0; i < n; i++) on[i + 1] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    if (ppoll(on, (nfds_t)n + 1, &time, NULL) < 0) {
        if (errno == EINTR) return 1;
        return MN_FAIL(MN_EIO, "waiting for the fleet: %s", strerror(errno));
    }
    if (on[0].revents) mn_drive_clear(d);
    for (int i = 0; i <= n; i++)
        if (on[i].revents) return 1;
    return 0;
}

/* ---- loops ------------------------------------------------------------------------------- */
static int over(const volatile int *end) {
    return end && __atomic_load_n(end, __ATOMIC_RELAXED);
}

/* A step that failed, but for a lease that is gone: said, and tried again a little later. */
static int trouble(mn_board *b, int rc, const char *robot, uint64_t *again) {
    if (rc >= 0 || rc == MN_ECANCELLED) return rc < 0 ? rc : 0;
    mn_board_tell(b, "trouble", "{s:s, s:s}", "robot", robot, "text", mn_error_detail());
    *again = b->ops->now(b) + SECOND / 4;
    return 0;
}

int mn_drive_robot(mn_drive *d, mn_actor_robot *r, double hz, const volatile int *end) {
    const uint64_t period = hz > 0 ? (uint64_t)(1e9 / (hz < 10000 ? hz : 10000)) : 0;
    uint64_t next = d->b->ops->now(d->b) + period, again = 0;
    for (int woken = 1; !over(end);) {
        int fds[FDS];
        const uint64_t now = d->b->ops->now(d->b);
        if (period && now >= next) {
            MN_TRY(mn_actor_robot_publish(r));
            next = next + period > now ? next + period : now + period; /* what was missed is gone */
        }
        if (woken || now >= again)
            MN_TRY(trouble(d->b, mn_actor_robot_step(r, &again), mn_actor_robot_name(r), &again));
        const int n = mn_actor_robot_fds(r, fds, FDS);
        woken = mn_drive_wait(d, fds, n, period && next < again ? next : again);
        MN_TRY(woken);
    }
    return 0;
}

int mn_drive_brain(mn_drive *d, mn_brain *k, const volatile int *end) {
    while (!over(end)) {
        uint64_t again = 0;
        int fds[FDS];
        const int rc = mn_brain_step(k, &again);
        MN_TRY(trouble(d->b, rc, "", &again));
        const int n = rc < 0 ? 0 : mn_brain_fds(k, fds, FDS); /* who has died goes on ringing */
        MN_TRY(mn_drive_wait(d, fds, n, again));
    }
    return 0;
}
