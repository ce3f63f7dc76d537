/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/sync.c - two lock files, a number in each.
 */
#include "agent/sync.h"

#include "base/alloc.h"
#include "base/append.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct mn_sync {
    char *turns, *synced, *journal; /* paths */
    int turn;                       /* descriptor of the lock that is held, or -1 */
    int wal;                        /* of the journal, or -1 */
    int durable;
    uint64_t mine; /* number of the last own commit */
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
    *s = (mn_sync){.turn = -1, .wal = -1, .durable = durable};
    int rc = mn_file_mkdirs_of(path);
    if (rc >= 0) rc = path_of(path, "-lock", &s->turns);
    if (rc >= 0) rc = path_of(path, "-sync", &s->synced);
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
    mn_free(s->turns);
    mn_free(s->synced);
    mn_free(s->journal);
    mn_free(s);
    *sync = NULL;
}

/* The number a file begins with; one that is too short begins with 0. */
static uint64_t number_of(int fd) {
    uint64_t n = 0;
    return !mn_fault() && pread(fd, &n, sizeof n, 0) == (ssize_t)sizeof n ? n : 0;
}

static int set_number(int fd, const char *path, uint64_t n) {
    if (!mn_fault() && pwrite(fd, &n, sizeof n, 0) == (ssize_t)sizeof n) return 0;
    return MN_FAIL(errno == ENOSPC ? MN_EFULL : MN_EIO, "cannot write %s: %s", path,
                   strerror(errno));
}

int mn_sync_lock(mn_sync *s) {
    const int fd = mn_file_lock(s->turns, -1);
    if (fd < 0) return fd;
    s->turn = fd;
    return 0;
}

void mn_sync_unlock(mn_sync *s) {
    if (s->durable) {
        s->mine = number_of(s->turn) + 1;
        /* Not counted: nobody syncs for us, so mn_sync_wait does it itself. */
        if (set_number(s->turn, s->turns, s->mine) < 0) s->mine = UINT64_MAX;
    }
    mn_file_close(&s->turn);
}

/* With the lock of PATH-sync in `fd`: sync, and say so, unless somebody has. */
static int synced(mn_sync *s, int fd) {
    uint64_t end;
    if (s->mine != UINT64_MAX && number_of(fd) >= s->mine) return 0;
    int turns = -1;
    MN_TRY(mn_file_open(s->turns, &turns));
    const uint64_t committed = number_of(turns); /* all of these are in the journal by now */
    mn_file_close(&turns);
    if (s->wal < 0) s->wal = mn_append_open(s->journal, 0);
    if (s->wal < 0) return s->wal;
    MN_TRY(mn_append_sync(s->wal, s->journal, &end));
    return set_number(fd, s->synced, committed);
}

int mn_sync_wait(mn_sync *s) {
    if (!s->durable) return 0;
    int fd = mn_file_lock(s->synced, -1);
    if (fd < 0) return fd;
    const int rc = synced(s, fd);
    mn_file_close(&fd);
    return rc;
}

int64_t mn_sync_length(mn_sync *s) {
    uint64_t bytes;
    int64_t when;
    return mn_file_stat(s->journal, &bytes, &when) < 0 ? 0 : (int64_t)bytes;
}
