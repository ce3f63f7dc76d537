/* SPDX-License-Identifier: Apache-2.0
 *
 * base/sparse.c - one mapping, holes made and filled; open-file-description locks on bytes.
 */
#include "base/sparse.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { PAGE = 4096 };

static int fail(const char *verb, const char *path) {
    const int e = errno;
    const int full = e == ENOSPC || e == EDQUOT || e == EFBIG;
    if (full)
        return MN_FAIL(MN_EFULL,
                       "cannot %s %s: no space is left there; free some, or choose another "
                       "place with --region PATH",
                       verb, path);
    return MN_FAIL(e == ENOMEM   ? MN_ENOMEM
                   : e == ENOENT ? MN_ENOENT
                                 : MN_EIO,
                   "cannot %s %s: %s", verb, path, strerror(e));
}

/* A file without a name, which the death of its maker takes along; where the file system has none,
 * one with a name of its own. */
static int open_nameless(const char *path, const char *temp) {
    mn_buf folder = {0};
    const char *slash = strrchr(path, '/');
    int fd = -1;
    if (mn_fault()) return -1;
    if (mn_buf_printf(&folder, "%.*s", slash ? (int)(slash - path) + 1 : 2, slash ? path : "./") >=
        0)
        fd = open(folder.data, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    mn_buf_free(&folder);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return fd;
    unlink(temp); /* of an earlier process of this number */
    return open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Unlike rename, this replaces nothing. */
static int give_name(int fd, const char *temp, const char *path) {
    char self[32];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (mn_fault()) return -1;
    if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0) return 0;
    return errno == EEXIST ? -1 : link(temp, path);
}

static int fill_mapped(int fd, const char *path, uint64_t size,
                       int (*fill)(void *user, mn_sparse *s), void *user) {
    void *data = mn_fault() ? MAP_FAILED
                            : mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (data == MAP_FAILED) return fail("map", path);
    mn_sparse s = {fd, data, size, (char *)(uintptr_t)path};
    const int rc = fill(user, &s);
    munmap(data, (size_t)size);
    return rc;
}

int mn_sparse_make(const char *path, uint64_t size, int (*fill)(void *user, mn_sparse *s),
                   void *user) {
    mn_buf temp = {0};
    MN_TRY(mn_buf_printf(&temp, "%s.tmp.%ld", path, (long)getpid()));
    const int fd = open_nameless(path, temp.data);
    int rc = fd < 0 || mn_fault() || ftruncate(fd, (off_t)size) < 0
                 ? fail("make", path)
                 : fill_mapped(fd, path, size, fill, user);
    if (rc >= 0) {
        rc = 1;
        if (give_name(fd, temp.data, path) < 0) rc = errno == EEXIST ? 0 : fail("make", path);
    }
    if (fd >= 0) {
        close(fd);
        unlink(temp.data);
    }
    mn_buf_free(&temp);
    return rc;
}

/* May this file be trusted with the user's thoughts? */
static int vet(const char *path, const struct stat *st, uint64_t least) {
    if (!S_ISREG(st->st_mode)) return MN_FAIL(MN_EINVAL, "%s is no plain file", path);
    if (st->st_uid != geteuid())
        return MN_FAIL(MN_EINVAL, "%s belongs to another user (%u, you are %u)", path, st->st_uid,
                       geteuid());
    if (st->st_mode & 077)
        return MN_FAIL(MN_EINVAL,
                       "%s may be read or written by other users (mode %03o), which no region "
                       "may; name another file, or chmod 600 it if it is one",
                       path, st->st_mode & 0777);
    if ((uint64_t)st->st_size < least)
        return MN_FAIL(MN_ECORRUPT,
                       "%s is cut short: %llu bytes, at least %llu are expected; "
                       "remove it to begin anew",
                       path, (unsigned long long)st->st_size, (unsigned long long)least);
    return 0;
}

int mn_sparse_open(const char *path, uint64_t least, mn_sparse *out) {
    *out = (mn_sparse){.fd = -1};
    const int fd = mn_fault() ? -1 : open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ELOOP)
        return MN_FAIL(MN_EINVAL, "%s is a symbolic link; name the file itself", path);
    if (fd < 0) return fail("open", path);
    struct stat st;
    int rc = mn_fault() || fstat(fd, &st) < 0 ? fail("examine", path) : vet(path, &st, least);
    void *data = MAP_FAILED;
    if (rc >= 0) {
        if (!mn_fault())
            data = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_NORESERVE, fd, 0);
        if (data == MAP_FAILED) rc = fail("map", path);
    }
    /* No reading ahead: a file system with large folios would back what lies around each page. */
    if (rc >= 0 && (posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) != 0 ||
                    madvise(data, (size_t)st.st_size, MADV_RANDOM) < 0))
        errno = 0;
    char *copy = rc < 0 ? NULL : mn_strdup(path);
    if (rc >= 0 && !copy) {
        munmap(data, (size_t)st.st_size);
        rc = MN_FAIL(MN_ENOMEM, "no memory to open %s", path);
    }
    if (rc < 0) {
        close(fd);
        return rc;
    }
    *out = (mn_sparse){fd, data, (uint64_t)st.st_size, copy};
    return 0;
}

void mn_sparse_close(mn_sparse *s) {
    if (s->fd < 0) return;
    munmap(s->data, (size_t)s->size);
    close(s->fd);
    mn_free(s->path);
    *s = (mn_sparse){.fd = -1};
}

int mn_sparse_back(const mn_sparse *s, uint64_t at, uint64_t n) {
    while (mn_fault() || fallocate(s->fd, FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)n) < 0)
        if (errno != EINTR) return fail("get memory for", s->path);
    /* In one go into our page table, too; who is refused takes them one by one. */
    if (madvise(s->data + at, (size_t)n, MADV_POPULATE_WRITE) < 0) errno = 0;
    return 0;
}

int mn_sparse_punch(const mn_sparse *s, uint64_t at, uint64_t n) {
    const uint64_t from = (at + PAGE - 1) / PAGE * PAGE, to = (at + n) / PAGE * PAGE;
    if (from >= to) return 0;
    while (mn_fault() || fallocate(s->fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, (off_t)from,
                                   (off_t)(to - from)) < 0)
        if (errno != EINTR) return fail("give memory back to", s->path);
    return 0;
}

int mn_sparse_read(const mn_sparse *s, uint64_t at, void *out, uint64_t n) {
    for (uint64_t done = 0; done < n;) {
        const ssize_t k =
            mn_fault() ? -1 : pread(s->fd, (char *)out + done, n - done, (off_t)(at + done));
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return fail("read", s->path);
        done += (uint64_t)k;
    }
    return 0;
}

int mn_sparse_wipe(const mn_sparse *s, uint64_t at, uint64_t n) {
    static const char zero[65536];
    const off_t end = (off_t)(at + n);
    for (off_t p = (off_t)at; (p = lseek(s->fd, p, SEEK_DATA)) >= 0 && p < end;) {
        const uint64_t left = (uint64_t)(end - p), most = sizeof zero - (uint64_t)p % sizeof zero;
        off_t hole = lseek(s->fd, p, SEEK_HOLE);
        uint64_t k = left < most ? left : most;
        if (hole > p && (uint64_t)(hole - p) < k) k = (uint64_t)(hole - p);
        const ssize_t w = mn_fault() ? -1 : pwrite(s->fd, zero, k, p);
        if (w < 0 && errno == EINTR) continue;
        if (w <= 0) return fail("overwrite a part of", s->path);
        p += w;
    }
    return 0;
}

uint64_t mn_sparse_held(const mn_sparse *s) {
    struct stat st;
    return fstat(s->fd, &st) < 0 ? 0 : (uint64_t)st.st_blocks * 512;
}

int mn_sparse_named(const mn_sparse *s) {
    struct stat st;
    return fstat(s->fd, &st) < 0 || st.st_nlink > 0;
}

int mn_sparse_in_memory(const mn_sparse *s) {
    struct statfs st;
    return fstatfs(s->fd, &st) == 0 && st.f_type == TMPFS_MAGIC;
}

uint64_t mn_sparse_held_in(const mn_sparse *s, uint64_t at, uint64_t n) {
    const off_t end = (off_t)(at + n);
    uint64_t held = 0;
    for (off_t p = (off_t)at, hole; (p = lseek(s->fd, p, SEEK_DATA)) >= 0 && p < end; p = hole) {
        hole = lseek(s->fd, p, SEEK_HOLE);
        if (hole <= p) break;
        held += (uint64_t)((hole < end ? hole : end) - p);
    }
    return held;
}

/* What the memory cgroup lets us add; all bits set when there is none. */
static uint64_t group_room(void) {
    static const char *const names[] = {"/sys/fs/cgroup/memory.max",
                                        "/sys/fs/cgroup/memory.current"};
    unsigned long long v[2];
    for (int i = 0; i < 2; i++) {
        FILE *f = fopen(names[i], "re");
        const int got = f && fscanf(f, "%llu", v + i) == 1;
        if (f) fclose(f);
        if (!got) return UINT64_MAX;
    }
    return v[0] > v[1] ? v[0] - v[1] : 0;
}

uint64_t mn_sparse_room(const mn_sparse *s) {
    struct statvfs st;
    const uint64_t spare = (uint64_t)64 << 20, group = group_room();
    uint64_t room = fstatvfs(s->fd, &st) < 0 ? 0 : (uint64_t)st.f_bavail * st.f_frsize;
    if (group < room) room = group;
    return room > spare ? room - spare : 0;
}

/* ---- byte locks --------------------------------------------------------------------------- */
int mn_byte_locks_open(const char *path) {
    const int fd = mn_fault() ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? fail("open the locks", path) : fd;
}

void mn_byte_locks_close(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* Negative: refused; else whether the lock found in the way is none. */
static int lock(int fd, int command, int type, int byte) {
    struct flock l = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    const int rc = fcntl(fd, command, &l);
    return rc < 0 ? rc : l.l_type == F_UNLCK;
}

int mn_byte_lock_try(int fd, int byte) {
    return lock(fd, F_OFD_SETLK, F_WRLCK, byte) >= 0;
}
int mn_byte_lock_held(int fd, int byte) {
    return lock(fd, F_OFD_GETLK, F_WRLCK, byte) != 1; /* in doubt, alive */
}
void mn_byte_lock_free(int fd, int byte) {
    lock(fd, F_OFD_SETLK, F_UNLCK, byte);
}
