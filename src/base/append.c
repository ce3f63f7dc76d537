/* SPDX-License-Identifier: Apache-2.0
 *
 * base/append.c - one write for one record; a lock of the whole file tells who may replace it.
 */
#include "base/append.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int fail(const char *verb, const char *path) {
    const int e = errno;
    const int full = e == ENOSPC || e == EDQUOT || e == EFBIG;
    return MN_FAIL(full ? MN_EFULL : MN_EIO, "cannot %s %s: %s", verb, path, strerror(e));
}

/* Is it still the file of that name? Another process may have replaced it. */
static int same_file(int fd, const char *path) {
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}

int mn_append_open(const char *path, int alone) {
    MN_TRY(mn_file_mkdirs_of(path));
    for (int tries = 0; tries < 100; tries++) {
        const int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
        const int fd = mn_fault() ? -1 : open(path, flags, 0600);
        if (fd < 0) return fail("open", path);
        const int locked = flock(fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0;
        if (locked && same_file(fd, path)) {
            mn_file_sync_folder(path);
            return fd;
        }
        close(fd);
        if (alone && !locked) return MN_FAIL(MN_EBUSY, "%s is in use by other processes", path);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return MN_FAIL(MN_EBUSY, "another process has been replacing %s for a second", path);
}

int mn_append(int fd, const char *path, const void *bytes, size_t n) {
    ssize_t k;
    do k = mn_fault() ? -1 : write(fd, bytes, n);
    while (k < 0 && errno == EINTR);
    if (k >= 0 && (size_t)k < n) errno = ENOSPC;
    return k < 0 || (size_t)k < n ? fail("write", path) : 0;
}

int mn_append_end(int fd, const char *path, uint64_t *end) {
    struct stat st;
    if (mn_fault() || fstat(fd, &st) < 0) return fail("examine", path);
    *end = (uint64_t)st.st_size;
    return 0;
}

int mn_append_sync(int fd, const char *path, uint64_t *end) {
    uint64_t size;
    MN_TRY(mn_append_end(fd, path, &size));
    if (mn_fault() || fdatasync(fd) < 0) return fail("sync", path);
    *end = size;
    return 0;
}

void mn_append_close(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}
