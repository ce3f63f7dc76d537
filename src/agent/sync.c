/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/sync.c - three lock files, a number in two of them.
 */
#include "agent/sync.h"

#include "base/alloc.h"
#include "base/append.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    PIECE = 64 << 10,        /* bytes of zeroes; when fewer are ahead, more are written: */
    AHEAD_MOST = 16 * PIECE, /* as many as there is journal, but no more than these */
};

struct mn_sync {
    char *turns, *synced, *gate, *journal; /* paths */
    mn_desks *line;
    int passing, shut; /* of the gate: who reads, who shut it; or -1 */
    int wal;           /* of the journal, or -1 */
    int durable;
    uint64_t mine; /* number of the last own commit */
};

int mn_sync_open(const char *path, int durable, mn_sync **out) {
    mn_sync *s = mn_calloc(1, sizeof *s);
    if (!s) return MN_FAIL(MN_ENOMEM, "no memory to open %s", path);
    *s = (mn_sync){.passing = -1, .shut = -1, .wal = -1, .durable = durable};
    int rc = mn_file_mkdirs_of(path);
    if (rc >= 0) rc = mn_file_beside(path, "-lock", &s->turns);
    if (rc >= 0) rc = mn_desks_open(path, &s->line);
    if (rc >= 0) rc = mn_file_beside(path, "-sync", &s->synced);
    if (rc >= 0) rc = mn_file_beside(path, "-gate", &s->gate);
    if (rc >= 0) rc = mn_file_beside(path, "-wal", &s->journal);
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
    mn_desks_close(&s->line);
    mn_file_close(&s->passing);
    mn_file_close(&s->shut);
    mn_free(s->turns);
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

int mn_sync_lock(mn_sync *s) {
    return mn_sync_ask(s, NULL, 0, &(mn_desk_reply){0});
}

int mn_sync_ask(mn_sync *s, const void *request, size_t n, mn_desk_reply *reply) {
    const int rc = mn_desks_wait(s->line, request, n, reply);
    if (rc == 1) s->mine = reply->commit;
    return rc;
}

int mn_sync_take(mn_sync *s, mn_desks_each *each, void *user) {
    return mn_desks_take(s->line, each, user);
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
    const int turn = mn_desks_turn(s->line);
    if (!number_of(turn, &committed) || !number_synced(s, &done)) return UINT64_MAX;
    const uint64_t most = committed > done ? committed : done;
    if (most >= UINT64_MAX - 1 || set_number(turn, s->turns, most + 1) < 0) return UINT64_MAX;
    return most + 1;
}

void mn_sync_unlock(mn_sync *s, int kept) {
    if (s->durable || mn_desks_took(s->line)) s->mine = next_number(s);
    mn_desks_tell(s->line, kept, s->mine);
    mn_desks_leave(s->line);
}

static int open_journal(mn_sync *s) {
    if (s->wal < 0) s->wal = mn_append_open(s->journal, 0);
    return s->wal;
}

/* Without zeroes a sync takes longer, that is all. */
void mn_sync_ahead(mn_sync *s, int64_t used) {
    static const char zeroes[PIECE];
    uint64_t end;
    const uint64_t from = (uint64_t)used, more = from < AHEAD_MOST ? from : AHEAD_MOST;
    if (!s->durable || open_journal(s) < 0 || mn_append_end(s->wal, s->journal, &end) < 0) return;
    if (end > from + PIECE) return;
    for (; end < from + PIECE + more; end += PIECE)
        if (mn_append(s->wal, s->journal, zeroes, PIECE) < 0) return;
}

/* With the lock of PATH-sync in `fd`: sync, and say so, unless somebody has. */
static int synced(mn_sync *s, int fd) {
    uint64_t end, done, committed;
    int turns = -1;
    if (s->mine != UINT64_MAX && number_of(fd, &done) && done >= s->mine) return 0;
    MN_TRY(mn_file_open(s->turns, &turns));
    number_of(turns, &committed); /* all of these are in the journal by now; 0: nobody else's */
    mn_file_close(&turns);
    MN_TRY(open_journal(s));
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
