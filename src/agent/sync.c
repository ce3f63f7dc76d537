/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/sync.c - four lock files, a number in three of them.
 */
#include "agent/sync.h"

#include "base/alloc.h"
#include "base/append.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/sparse.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { PLACES = 4096, MORE_NS = 500000 };

struct mn_sync {
    char *turns, *line, *synced, *gate, *journal; /* paths */
    int turn;                                     /* descriptor of the lock that is held, or -1 */
    int queue, place;                             /* of PATH-line, or -1; the byte of it, or -1 */
    int passing, shut;                            /* of the gate: who reads, who shut it; or -1 */
    int wal;                                      /* of the journal, or -1 */
    int durable;
    uint64_t mine;  /* number of the last own commit */
    uint64_t since; /* ns: when it had come to the head of the line */
};

static int path_of(const char *path, const char *suffix, char **out) {
    mn_buf b = {0};
    MN_TRY(mn_buf_printf(&b, "%s%s", path, suffix));
    *out = b.data;
    return 0;
}

int mn_sync_open(const char *path, int durable, mn_sync **out) {
    mn_sync *s = mn_calloc(1, sizeof *s);
    if (!s) return MN_FAIL(MN_ENOMEM, "no memory to open %s", path);
    *s = (mn_sync){.turn = -1,
                   .queue = -1,
                   .place = -1,
                   .passing = -1,
                   .shut = -1,
                   .wal = -1,
                   .durable = durable};
    int rc = mn_file_mkdirs_of(path);
    if (rc >= 0) rc = path_of(path, "-lock", &s->turns);
    if (rc >= 0) rc = path_of(path, "-line", &s->line);
    if (rc >= 0) rc = path_of(path, "-sync", &s->synced);
    if (rc >= 0) rc = path_of(path, "-gate", &s->gate);
    if (rc >= 0) rc = path_of(path, "-wal", &s->journal);
    if (rc < 0)
        mn_sync_close(&s);
    else
        *out = s;
    return rc;
}

void mn_sync_close(mn_sync **sync) {
    mn_sync *const s = *sync;
    if (!s) return;
    mn_append_close(&s->wal);
    mn_byte_locks_close(&s->queue);
    mn_file_close(&s->passing);
    mn_file_close(&s->shut);
    mn_free(s->turns);
    mn_free(s->line);
    mn_free(s->synced);
    mn_free(s->gate);
    mn_free(s->journal);
    mn_free(s);
    *sync = NULL;
}

/* The number a file begins with; one that is too short begins with 0. 0: it cannot be read. */
static int number_of(int fd, uint64_t *n) {
    const ssize_t bytes = mn_fault() ? -1 : pread(fd, n, sizeof *n, 0);
    if (bytes != (ssize_t)sizeof *n) *n = 0;
    return bytes >= 0;
}

static int set_number(int fd, const char *path, uint64_t n) {
    if (!mn_fault() && pwrite(fd, &n, sizeof n, 0) == (ssize_t)sizeof n) return 0;
    return MN_FAIL(errno == ENOSPC ? MN_EFULL : MN_EIO, "cannot write %s: %s", path,
                   strerror(errno));
}

/* Take the next place and wait for the one before it. Whoever reads the number at the same time
 * finds the place taken and goes on to the next; what is written last may be one too few, and lets
 * somebody in early: the turn itself is a lock of its own. */
static int stand_in_line(mn_sync *s) {
    uint64_t n;
    if (s->queue < 0) MN_TRY(s->queue = mn_byte_locks_open(s->line));
    number_of(s->queue, &n);
    for (int tried = 0; tried < PLACES; tried++, n++) {
        if (!mn_byte_lock_try(s->queue, (int)(n % PLACES))) continue;
        s->place = (int)(n % PLACES);
        break;
    }
    set_number(s->queue, s->line, n + 1); /* or the next one looks for his place from here */
    mn_byte_lock_wait(s->queue, (int)((n + PLACES - 1) % PLACES));
    return 0;
}

static void leave_line(mn_sync *s) {
    if (s->place >= 0) mn_byte_lock_free(s->queue, s->place);
    s->place = -1;
}

int mn_sync_lock(mn_sync *s) {
    if (mn_clock_ns() - s->since < MORE_NS) {
        s->turn = mn_file_lock(s->turns, 0);
        if (s->turn >= 0) return 0;
    }
    int rc = stand_in_line(s);
    if (rc >= 0) rc = s->turn = mn_file_lock(s->turns, -1);
    if (rc < 0) leave_line(s);
    s->since = mn_clock_ns();
    return rc < 0 ? rc : 0;
}

/* The number that PATH-sync has, or 0 when there is none yet. 0: it cannot be read. */
static int number_synced(const mn_sync *s, uint64_t *n) {
    int fd = -1;
    *n = 0;
    const int rc = mn_file_open(s->synced, &fd);
    if (rc < 0) return rc == MN_ENOENT;
    const int ok = number_of(fd, n);
    mn_file_close(&fd);
    return ok;
}

/* The number of a commit: above all before it, and above what is said to be synced, for after a
 * power cut each of the two may be of any age. UINT64_MAX: it is not counted, so that nobody syncs
 * for us, and mn_sync_wait does it itself. */
static uint64_t next_number(const mn_sync *s) {
    uint64_t committed, done;
    if (!number_of(s->turn, &committed) || !number_synced(s, &done)) return UINT64_MAX;
    const uint64_t most = committed > done ? committed : done;
    if (most >= UINT64_MAX - 1 || set_number(s->turn, s->turns, most + 1) < 0) return UINT64_MAX;
    return most + 1;
}

void mn_sync_unlock(mn_sync *s) {
    if (s->durable) s->mine = next_number(s);
    mn_file_close(&s->turn);
    leave_line(s);
}

/* With the lock of PATH-sync in `fd`: sync, and say so, unless somebody has. */
static int synced(mn_sync *s, int fd) {
    uint64_t end, done, committed;
    int turns = -1;
    if (s->mine != UINT64_MAX && number_of(fd, &done) && done >= s->mine) return 0;
    MN_TRY(mn_file_open(s->turns, &turns));
    number_of(turns, &committed); /* all of these are in the journal by now; 0: nobody else's */
    mn_file_close(&turns);
    if (s->wal < 0) s->wal = mn_append_open(s->journal, 0);
    if (s->wal < 0) return s->wal;
    MN_TRY(mn_append_sync(s->wal, s->journal, &end));
    set_number(fd, s->synced, committed); /* or others sync once more */
    return 0;
}

int mn_sync_wait(mn_sync *s) {
    if (!s->durable) return 0;
    int fd = mn_file_lock(s->synced, -1);
    if (fd < 0) return fd;
    const int rc = synced(s, fd);
    mn_file_close(&fd);
    return rc;
}

void mn_sync_pass(mn_sync *s) {
    if (s->passing < 0) {
        s->passing = mn_file_lock(s->gate, -1);
        if (s->passing < 0) return; /* who wants to shut it has the same trouble */
    } else {
        while (flock(s->passing, LOCK_SH) < 0 && errno == EINTR) {
        }
    }
    flock(s->passing, LOCK_UN);
}

int mn_sync_shut(mn_sync *s) {
    s->shut = mn_file_lock(s->gate, -1);
    return s->shut < 0 ? s->shut : 0;
}

void mn_sync_reopen(mn_sync *s) {
    mn_file_close(&s->shut);
}

int64_t mn_sync_length(mn_sync *s) {
    uint64_t bytes;
    int64_t when;
    return mn_file_stat(s->journal, &bytes, &when) < 0 ? 0 : (int64_t)bytes;
}
