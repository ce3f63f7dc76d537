/* SPDX-License-Identifier: Apache-2.0
 *
 * base/file.c - files: map, read, write-then-rename, lock, and where ours live.
 *
 * mn_fault() stands before each call that may fail, so that a test can make the n-th one fail.
 */
#include "base/file.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/error.h"
#include "base/fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

struct mn_filew {
    int fd;
    char *path; /* where it will be */
    char *temp; /* where it is until commit */
    int keeps;  /* temp outlives a failure: it is someone's mn_file_resume */
};

static int fail_io(const char *verb, const char *path) {
    const int e = errno;
    if (e == ENOENT) return MN_FAIL(MN_ENOENT, "cannot %s %s: no such file", verb, path);
    return MN_FAIL(e == ENOMEM ? MN_ENOMEM : MN_EIO, "cannot %s %s: %s", verb, path, strerror(e));
}

/* What we write lies in folders the user may move. */
static int fail_writing(const char *verb, const char *path) {
    const int e = errno;
    if (e == ENOMEM) return fail_io(verb, path);
    if (e == ENOSPC || e == EDQUOT)
        return MN_FAIL(MN_EFULL,
                       "cannot %s %s: the disk is full; free some space or set OMNESIA_CACHE "
                       "to a folder elsewhere",
                       verb, path);
    return MN_FAIL(e == ENOENT ? MN_ENOENT : MN_EIO,
                   "cannot %s %s: %s; set OMNESIA_CACHE to a folder that can be written", verb,
                   path, strerror(e));
}

int mn_file_map(const char *path, mn_map *out) {
    out->data = NULL;
    out->size = 0;
    const int fd = mn_fault() ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail_io("open", path);
    struct stat st;
    int rc = 0;
    if (fstat(fd, &st) < 0)
        rc = fail_io("examine", path);
    else if (!S_ISREG(st.st_mode))
        rc = MN_FAIL(MN_EINVAL, "%s is not a file", path);
    else if (st.st_size == 0)
        rc = MN_FAIL(MN_ECORRUPT, "%s is empty", path);
    if (rc >= 0) {
        void *p =
            mn_fault() ? MAP_FAILED : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
            rc = fail_io("map", path);
        else {
            out->data = p;
            out->size = (size_t)st.st_size;
        }
    }
    close(fd);
    return rc;
}

void mn_file_map_cool(const mn_map *map, uint64_t from, uint64_t to) {
    enum { PAGE = 4096 };
    const uintptr_t start = (uintptr_t)map->data + (from + PAGE - 1) / PAGE * PAGE,
                    end = (uintptr_t)map->data + to / PAGE * PAGE;
    if (!map->data || to > map->size || start >= end) return;
    madvise((void *)start, end - start, MADV_NOHUGEPAGE);
    madvise((void *)start, end - start, MADV_DONTNEED);
}

void mn_file_unmap(mn_map *map) {
    if (map->data) munmap((void *)(uintptr_t)map->data, map->size);
    map->data = NULL;
    map->size = 0;
}

void mn_file_standard(void) {
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) return;
}

static int too_long(const char *name, int known, uint64_t size, size_t max) {
    char a[16], b[16];
    return MN_FAIL(MN_ETOOLONG, "%s has %s%s, and %s are read at most; give a part of it", name,
                   known ? "" : "more than ", mn_budget_human(known ? size : max, a),
                   mn_budget_human(max, b));
}

/* Room for all of a file whose size is known, at once; one that is too long is not begun. */
static int expect(int fd, const char *name, size_t max, mn_buf *out) {
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0) return 0;
    if ((uint64_t)st.st_size > max) return too_long(name, 1, (uint64_t)st.st_size, max);
    return mn_buf_reserve(out, (size_t)st.st_size + 1);
}

int mn_file_read(const char *path, size_t max, mn_buf *out) {
    enum { CHUNK = 65536 };
    const int std = strcmp(path, "-") == 0;
    const int fd = std ? STDIN_FILENO : mn_fault() ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    const char *name = std ? "standard input" : path;
    if (fd < 0) return fail_io("open", path);
    int rc = expect(fd, name, max, out);
    size_t total = 0;
    while (rc >= 0) {
        size_t room = out->cap > out->len ? out->cap - out->len - 1 : 0;
        if (!room && (rc = mn_buf_reserve(out, room = CHUNK)) < 0) break;
        const ssize_t n = mn_fault() ? -1 : read(fd, out->data + out->len, room);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) rc = fail_io("read", name);
        if (n <= 0) break;
        out->len += (size_t)n;
        out->data[out->len] = 0;
        if ((total += (size_t)n) > max) rc = too_long(name, 0, total, max);
    }
    if (!std) close(fd);
    return rc;
}

int mn_file_open(const char *path, int *fd) {
    *fd = mn_fault() ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return *fd < 0 ? fail_io("open", path) : 0;
}

void mn_file_close(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

int mn_file_pread(int fd, const char *path, uint64_t at, void *out, size_t n) {
    for (size_t got = 0; got < n;) {
        const ssize_t r =
            mn_fault() ? -1 : pread(fd, (char *)out + got, n - got, (off_t)(at + got));
        if (r > 0)
            got += (size_t)r;
        else if (r == 0)
            return MN_FAIL(MN_ECORRUPT, "%s ends early: it was %zu bytes longer a moment ago", path,
                           n - got);
        else if (errno != EINTR)
            return fail_io("read", path);
    }
    return 0;
}

int mn_file_read_at(const char *path, uint64_t at, void *out, size_t n) {
    int fd;
    MN_TRY(mn_file_open(path, &fd));
    const int rc = mn_file_pread(fd, path, at, out, n);
    mn_file_close(&fd);
    return rc;
}

int mn_file_stat(const char *path, uint64_t *size, int64_t *mtime_ns) {
    struct stat st;
    if (mn_fault() || stat(path, &st) < 0) return fail_io("examine", path);
    if (size) *size = (uint64_t)st.st_size;
    if (mtime_ns) *mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    return 0;
}

int mn_file_mark(const char *path, char out[MN_FILE_MARK]) {
    struct stat st;
    out[0] = 0;
    if (mn_fault() || stat(path, &st) < 0) return fail_io("examine", path);
    snprintf(out, MN_FILE_MARK, "%lld %lld.%09ld %lld.%09ld %llu %llu", (long long)st.st_size,
             (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec,
             st.st_ctim.tv_nsec, (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return 0;
}

int mn_file_shred(const char *path) {
    static const char zero[65536];
    const int fd = mn_fault() ? -1 : open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    if (fd < 0) return fail_writing("overwrite", path);
    int rc = fstat(fd, &st) < 0 ? fail_writing("overwrite", path) : 0;
    for (off_t at = 0; rc >= 0 && at < st.st_size;) {
        const uint64_t left = (uint64_t)(st.st_size - at),
                       n = left < sizeof zero ? left : sizeof zero;
        const ssize_t k = mn_fault() ? -1 : pwrite(fd, zero, n, at);
        if (k > 0)
            at += k;
        else if (k == 0 || errno != EINTR)
            rc = fail_writing("overwrite", path);
    }
    if (rc >= 0 && (mn_fault() || fsync(fd) < 0)) rc = fail_writing("overwrite", path);
    close(fd);
    if (unlink(path) < 0 && rc >= 0) rc = fail_writing("remove", path);
    return rc;
}

int mn_file_place(const char *made, const char *path) {
    if (mn_fault() || rename(made, path) < 0) return fail_writing("make the folder", path);
    mn_file_sync_folder(path);
    return 0;
}

int mn_file_mkdirs(const char *path) {
    char *copy = mn_strdup(path);
    if (!copy) return MN_FAIL(MN_ENOMEM, "no memory for a path");
    int rc = 0;
    for (char *p = copy + 1;; p++) {
        if (*p && *p != '/') continue;
        const char c = *p;
        *p = 0;
        if ((mn_fault() || mkdir(copy, 0700) < 0) && errno != EEXIST) {
            rc = fail_writing("make the folder", copy);
            break;
        }
        *p = c;
        if (!c) break;
    }
    mn_free(copy);
    return rc;
}

/* Remove PATH.tmp.PID left by processes that died while writing. */
static void sweep(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    char *folder = mn_strdup(slash ? path : ".");
    if (!folder) return;
    if (slash) folder[slash == path ? 1 : slash - path] = 0;
    DIR *d = opendir(folder);
    const size_t n = strlen(base);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strncmp(e->d_name, base, n) != 0 || strncmp(e->d_name + n, ".tmp.", 5) != 0) continue;
        const long pid = strtol(e->d_name + n + 5, NULL, 10);
        if (pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH) unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d) closedir(d);
    mn_free(folder);
}

static void release(mn_filew **pf) {
    mn_filew *f = *pf;
    *pf = NULL;
    if (f->fd >= 0) close(f->fd);
    mn_free(f->path);
    mn_free(f->temp);
    mn_free(f);
}

int mn_file_mkdirs_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path) return 0;
    char *folder = mn_strdup(path);
    if (!folder) return MN_FAIL(MN_ENOMEM, "no memory for a path");
    folder[slash - path] = 0;
    const int rc = mn_file_mkdirs(folder);
    mn_free(folder);
    return rc;
}

int mn_file_begin(const char *path, mn_filew **out) {
    *out = NULL;
    MN_TRY(mn_file_mkdirs_of(path));
    sweep(path);
    mn_buf temp = {0};
    mn_filew *f = mn_calloc(1, sizeof *f);
    char *copy = mn_strdup(path);
    if (!f || !copy || mn_buf_printf(&temp, "%s.tmp.%ld", path, (long)getpid()) < 0) {
        mn_free(f);
        mn_free(copy);
        mn_buf_free(&temp);
        return MN_FAIL(MN_ENOMEM, "no memory to write %s", path);
    }
    *f = (mn_filew){.path = copy, .temp = temp.data};
    f->fd = mn_fault() ? -1 : open(f->temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (f->fd < 0) {
        const int rc = fail_writing("write", f->temp);
        mn_file_abort(&f);
        return rc;
    }
    *out = f;
    return 0;
}

int mn_file_resume(const char *path, const char *part, uint64_t keep, mn_filew **out) {
    *out = NULL;
    mn_filew *f = mn_calloc(1, sizeof *f);
    if (!f) return MN_FAIL(MN_ENOMEM, "no memory to write %s", path);
    f->fd = -1;
    f->keeps = 1;
    f->path = mn_strdup(path);
    f->temp = mn_strdup(part);
    int rc = f->path && f->temp ? 0 : MN_FAIL(MN_ENOMEM, "no memory to write %s", path);
    if (rc >= 0) {
        f->fd = mn_fault() ? -1 : open(part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (f->fd < 0 || mn_fault() || ftruncate(f->fd, (off_t)keep) < 0 ||
            lseek(f->fd, 0, SEEK_END) < 0)
            rc = fail_writing("write", part);
    }
    if (rc < 0)
        release(&f);
    else
        *out = f;
    return rc;
}

int mn_file_write(mn_filew *f, const void *bytes, size_t n) {
    const char *p = bytes;
    while (n) {
        const ssize_t k = mn_fault() ? -1 : write(f->fd, p, n < (1u << 30) ? n : 1u << 30);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return fail_writing("write", f->path);
        p += k;
        n -= (size_t)k;
    }
    return 0;
}

int mn_file_rewrite(mn_filew *f, uint64_t offset, const void *bytes, size_t n) {
    const char *p = bytes;
    while (n) {
        const ssize_t k = mn_fault() ? -1 : pwrite(f->fd, p, n, (off_t)offset);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return fail_writing("write", f->path);
        p += k;
        n -= (size_t)k;
        offset += (uint64_t)k;
    }
    return 0;
}

int mn_file_skip(mn_filew *f, uint64_t n) {
    const off_t end = mn_fault() ? -1 : lseek(f->fd, (off_t)n, SEEK_CUR);
    return end < 0 || mn_fault() || ftruncate(f->fd, end) < 0 ? fail_writing("write", f->path) : 0;
}

int mn_file_blank(const void *bytes, size_t n) {
    const char *p = bytes;
    return !n || (!p[0] && memcmp(p, p + 1, n - 1) == 0);
}

int mn_file_write_or_skip(mn_filew *f, const void *bytes, size_t n) {
    return mn_file_blank(bytes, n) ? mn_file_skip(f, n) : mn_file_write(f, bytes, n);
}

int mn_file_settle(mn_filew **pf) {
    const mn_filew *f = *pf;
    int rc = 0;
    if (mn_fault() || rename(f->temp, f->path) < 0) {
        rc = fail_writing("write", f->path);
        unlink(f->temp);
    }
    release(pf);
    return rc;
}

void mn_file_sync_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = mn_strdup(slash ? path : ".");
    if (!folder) return;
    if (slash) folder[slash == path ? 1 : slash - path] = 0;
    const int d = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d >= 0) {
        fsync(d);
        close(d);
    }
    mn_free(folder);
}

int mn_file_commit(mn_filew **pf) {
    mn_filew *f = *pf;
    int rc = 0;
    if (mn_fault() || fsync(f->fd) < 0 || mn_fault() || rename(f->temp, f->path) < 0) {
        rc = fail_writing("write", f->path);
        if (!f->keeps) unlink(f->temp);
    } else {
        mn_file_sync_folder(f->path); /* the rename itself already took effect */
    }
    release(pf);
    return rc;
}

void mn_file_abort(mn_filew **pf) {
    if (!*pf) return;
    if ((*pf)->fd >= 0) unlink((*pf)->temp);
    release(pf);
}

void mn_file_leave(mn_filew **pf, uint64_t keep) {
    if (!*pf) return;
    if (ftruncate((*pf)->fd, (off_t)keep) < 0) errno = 0; /* best effort: resume proves it all */
    release(pf);
}

int mn_file_room(const char *path, uint64_t *bytes) {
    struct statvfs st;
    if (mn_fault() || statvfs(path, &st) < 0) return fail_io("examine the disk of", path);
    *bytes = (uint64_t)st.f_bavail * st.f_frsize;
    return 0;
}

int mn_file_beside(const char *path, const char *suffix, char **out) {
    mn_buf b = {0};
    MN_TRY(mn_buf_printf(&b, "%s%s", path, suffix));
    *out = b.data;
    return 0;
}

int mn_file_lock(const char *path, int wait_ms) {
    const int fd = mn_fault() ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return fail_writing("lock", path);
    if (wait_ms < 0) {
        while (flock(fd, LOCK_EX) < 0) {
            if (errno == EINTR) continue;
            const int rc = fail_writing("lock", path);
            close(fd);
            return rc;
        }
        return fd;
    }
    for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += 10) {
        if (waited >= wait_ms) {
            close(fd);
            return MN_FAIL(MN_EBUSY, "%s is held by another process", path);
        }
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return fd;
}

/* The user's own folder, appended: $HOME, else what the system's list of users says. */
static int home(mn_buf *out) {
    const char *said = getenv("HOME");
    if (said && *said) return mn_buf_puts(out, said);
    char text[4096];
    struct passwd entry, *user = NULL;
    if (getpwuid_r(getuid(), &entry, text, sizeof text, &user) == 0 && user && *user->pw_dir)
        return mn_buf_puts(out, user->pw_dir);
    return MN_FAIL(MN_ENOENT, "there is no home folder (HOME is not set, and the system knows none "
                              "for this user); set OMNESIA_CACHE to a folder for models");
}

static int place(const char *own, const char *xdg, const char *home_part, const char *sub,
                 char **out) {
    mn_buf path = {0};
    const char *a = own ? getenv(own) : NULL, *b = getenv(xdg);
    int rc;
    if (a && *a) {
        rc = mn_buf_puts(&path, a);
    } else if (b && *b) {
        rc = mn_buf_printf(&path, "%s/omnesia", b);
    } else {
        rc = home(&path);
        if (rc >= 0) rc = mn_buf_printf(&path, "/%s/omnesia", home_part);
    }
    if (rc >= 0 && sub) rc = mn_buf_printf(&path, "/%s", sub);
    if (rc < 0) mn_buf_free(&path);
    *out = path.data;
    return rc;
}

int mn_file_cache_path(const char *sub, char **out) {
    return place("OMNESIA_CACHE", "XDG_CACHE_HOME", ".cache", sub, out);
}

int mn_file_data_path(const char *sub, char **out) {
    return place("OMNESIA_DATA", "XDG_DATA_HOME", ".local/share", sub, out);
}

int mn_file_config_path(const char *sub, char **out) {
    return place(NULL, "XDG_CONFIG_HOME", ".config", sub, out);
}
