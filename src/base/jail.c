/* SPDX-License-Identifier: Apache-2.0
 *
 * base/jail.c - names are followed with openat and O_NOFOLLOW, one part at a time.
 */
#include "base/jail.h"

#include "base/alloc.h"
#include "base/child.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "base/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define OURS ".omnesia"
#define TEMP OURS "-new"

struct mn_jail {
    int fd;
    char where[PATH_MAX];
};

/* ---- names --------------------------------------------------------------------------------- */
static int check_part(const char *path, const char *part, size_t n) {
    if (!n)
        return MN_FAIL(MN_EINVAL, "\"%s\" is no name of a file here: it has an empty part", path);
    if ((n == 1 && *part == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
        return MN_FAIL(MN_EINVAL, "\"%s\" leaves the folder: \".\" and \"..\" are no names here",
                       path);
    if (n >= sizeof OURS - 1 && strncmp(part, OURS, sizeof OURS - 1) == 0)
        return MN_FAIL(MN_EINVAL, "\"%s\" is not yours: names with " OURS " are kept", path);
    return 0;
}

static int check_name(const char *path) {
    const size_t n = strlen(path);
    int parts = 0;
    if (!n) return MN_FAIL(MN_EINVAL, "a name of a file is empty");
    if (n > MN_JAIL_PATH)
        return MN_FAIL(MN_EINVAL, "a name of %zu bytes is too long; %d are allowed", n,
                       MN_JAIL_PATH);
    MN_TRY(mn_utf8_check("a name of a file", path, n));
    for (const char *p = path; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '\\')
            return MN_FAIL(MN_EINVAL, "a name of a file has byte 0x%02x, which is not allowed", *p);
    if (*path == '/')
        return MN_FAIL(MN_EINVAL, "\"%s\" leaves the folder: names begin without \"/\"", path);
    for (const char *p = path;; p++) {
        const size_t k = strcspn(p, "/");
        MN_TRY(check_part(path, p, k));
        if (++parts > MN_JAIL_DEPTH)
            return MN_FAIL(MN_EINVAL, "\"%s\" is deeper than %d folders", path, MN_JAIL_DEPTH);
        p += k;
        if (!*p) return 0;
    }
}

static int fail_at(const char *verb, const char *path) {
    const int e = errno;
    if (e == ELOOP || e == ENOTDIR)
        return MN_FAIL(MN_EINVAL, "cannot %s \"%s\": a part of it is a link or no folder", verb,
                       path);
    if (e == ENOENT) return MN_FAIL(MN_ENOENT, "there is no file \"%s\"", path);
    if (e == ENOSPC || e == EDQUOT)
        return MN_FAIL(MN_EFULL, "cannot %s \"%s\": the disk is full", verb, path);
    return MN_FAIL(e == ENOMEM ? MN_ENOMEM : MN_EIO, "cannot %s \"%s\": %s", verb, path,
                   strerror(e));
}

/* The folder of the last part, open, and that part; folders on the way are made. */
static int enter(const mn_jail *j, const char *path, int make, int *folder, const char **leaf) {
    char part[MN_JAIL_PATH + 1];
    MN_TRY(check_name(path));
    int fd = fcntl(j->fd, F_DUPFD_CLOEXEC, 0);
    const char *p = path;
    for (size_t n; fd >= 0 && p[n = strcspn(p, "/")]; p += n + 1) {
        snprintf(part, sizeof part, "%.*s", (int)n, p);
        if (make && (mn_fault() || (mkdirat(fd, part, 0777) < 0 && errno != EEXIST))) {
            close(fd);
            return fail_at("make a folder for", path);
        }
        const int next =
            mn_fault() ? -1 : openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        const int e = errno;
        close(fd);
        errno = e;
        fd = next;
    }
    if (fd < 0) return fail_at("reach", path);
    *folder = fd;
    *leaf = p;
    return 0;
}

/* ---- reading and writing -------------------------------------------------------------------- */
static int read_all(int fd, const char *path, mn_buf *out) {
    struct stat st;
    if (mn_fault() || fstat(fd, &st) < 0) return fail_at("read", path);
    if (!S_ISREG(st.st_mode)) return MN_FAIL(MN_EINVAL, "\"%s\" is no file", path);
    if (st.st_size > MN_JAIL_FILE)
        return MN_FAIL(MN_ETOOLONG, "\"%s\" has %lld bytes; %d are allowed", path,
                       (long long)st.st_size, MN_JAIL_FILE);
    const size_t end = out->len + (size_t)st.st_size;
    MN_TRY(mn_buf_reserve(out, (size_t)st.st_size));
    while (out->len < end) {
        const ssize_t k = mn_fault() ? -1 : read(fd, out->data + out->len, end - out->len);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return fail_at("read", path);
        if (k == 0) break;
        out->len += (size_t)k;
    }
    if (out->data) out->data[out->len] = 0;
    return 0;
}

int mn_jail_read(const mn_jail *j, const char *path, mn_buf *out) {
    const char *leaf;
    int folder;
    MN_TRY(enter(j, path, 0, &folder, &leaf));
    const int fd =
        mn_fault() ? -1 : openat(folder, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int rc = fd < 0 ? fail_at("read", path) : read_all(fd, path, out);
    if (fd >= 0) close(fd);
    close(folder);
    return rc;
}

static int write_all(int fd, const char *path, const char *text, size_t n) {
    while (n) {
        const ssize_t k = mn_fault() ? -1 : write(fd, text, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return fail_at("write", path);
        text += k;
        n -= (size_t)k;
    }
    return mn_fault() || fsync(fd) < 0 ? fail_at("write", path) : 0;
}

static int replace(const mn_jail *j, int folder, const char *leaf, const char *path,
                   const char *text, size_t n) {
    struct stat st;
    if (fstatat(folder, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
        return MN_FAIL(MN_EINVAL, "\"%s\" is there, and no file: it stays", path);
    const int fd = mn_fault() ? -1
                              : openat(j->fd, TEMP,
                                       O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) return fail_at("write", path);
    int rc = write_all(fd, path, text, n);
    close(fd);
    if (rc >= 0 && (mn_fault() || renameat(j->fd, TEMP, folder, leaf) < 0))
        rc = fail_at("write", path);
    if (rc < 0)
        unlinkat(j->fd, TEMP, 0);
    else
        fsync(folder);
    return rc;
}

typedef struct counting {
    const char *path;
    uint64_t bytes;
    int n, there;
} counting;

static int count(void *user, const char *path, uint64_t bytes) {
    counting *const c = user;
    const int same = strcmp(path, c->path) == 0;
    c->n++;
    c->there |= same;
    if (!same) c->bytes += bytes;
    return 0;
}

int mn_jail_write(const mn_jail *j, const char *path, const char *text, size_t n) {
    const char *leaf;
    counting c = {.path = path};
    int folder;
    MN_TRY(check_name(path));
    if (n > MN_JAIL_FILE)
        return MN_FAIL(MN_ETOOLONG, "\"%s\" would have %zu bytes; %d are allowed", path, n,
                       MN_JAIL_FILE);
    MN_TRY(mn_jail_list(j, count, &c));
    if (c.n >= MN_JAIL_FILES && !c.there)
        return MN_FAIL(MN_ETOOLONG, "there are %d files already, and no more are allowed", c.n);
    if (c.bytes + n > MN_JAIL_BYTES)
        return MN_FAIL(MN_ETOOLONG, "all files together would have %llu bytes; %d are allowed",
                       (unsigned long long)c.bytes + n, MN_JAIL_BYTES);
    MN_TRY(enter(j, path, 1, &folder, &leaf));
    const int rc = replace(j, folder, leaf, path, text, n);
    close(folder);
    return rc;
}

/* ---- looking around ------------------------------------------------------------------------- */
typedef struct entry {
    char path[MN_JAIL_PATH + 1];
    uint64_t bytes;
} entry;
typedef struct listing {
    entry *all; /* [MN_JAIL_FILES + 1] */
    int n;
} listing;

static int list_one(void *user, const mn_walk_entry *e) {
    listing *const l = user;
    if (e->kind != MN_WALK_FILE || e->link || l->n > MN_JAIL_FILES) return 0;
    if (check_name(e->rest) < 0) return 0; /* nobody can ask for it here */
    entry *const one = l->all + l->n++;
    snprintf(one->path, sizeof one->path, "%s", e->rest);
    one->bytes = e->bytes;
    return 0;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const entry *)a)->path, ((const entry *)b)->path);
}

int mn_jail_list(const mn_jail *j, int (*each)(void *user, const char *path, uint64_t bytes),
                 void *user) {
    listing l = {.all = mn_calloc(MN_JAIL_FILES + 1, sizeof *l.all)};
    if (!l.all) return MN_FAIL(MN_ENOMEM, "no memory for a list of files");
    int rc = mn_walk(j->where, MN_JAIL_DEPTH, 1 << 16, list_one, &l);
    qsort(l.all, (size_t)l.n, sizeof *l.all, by_path);
    if (rc >= 0 && l.n > MN_JAIL_FILES)
        rc = MN_FAIL(MN_ETOOLONG, "%s holds more than %d files: give a folder of its own", j->where,
                     MN_JAIL_FILES);
    for (int i = 0; i < l.n && !rc; i++) rc = each(user, l.all[i].path, l.all[i].bytes);
    mn_free(l.all);
    return rc;
}

/* ---- opening -------------------------------------------------------------------------------- */
const char *mn_jail_where(const mn_jail *j) {
    return j->where;
}

static int open_at(mn_jail *j, const char *folder) {
    MN_TRY(mn_file_mkdirs(folder));
    j->fd = mn_fault() ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (j->fd < 0) return fail_at("open", folder);
    if (!realpath(folder, j->where)) return fail_at("open", folder);
    return 0;
}

/* Whoever was killed may leave a child that ends a moment later: it is waited for. */
static int take(const mn_jail *j, const char *folder) {
    for (int i = 0; mn_fault() || flock(j->fd, LOCK_EX | LOCK_NB) < 0; i++) {
        if (errno != EWOULDBLOCK) return fail_at("lock", folder);
        if (i == 20)
            return MN_FAIL(MN_EBUSY, "another process writes in %s: wait until it ends", folder);
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    return 0;
}

int mn_jail_open(const char *folder, mn_jail **out) {
    mn_jail *j = mn_calloc(1, sizeof *j);
    *out = NULL;
    if (!j) return MN_FAIL(MN_ENOMEM, "no memory to open %s", folder);
    j->fd = -1;
    int rc = open_at(j, folder);
    if (rc >= 0) rc = take(j, folder);
    if (rc >= 0) {
        unlinkat(j->fd, TEMP, 0); /* of one that died */
        *out = j;
        return 0;
    }
    mn_jail_close(&j);
    return rc;
}

void mn_jail_close(mn_jail **pj) {
    mn_jail *const j = *pj;
    if (!j) return;
    *pj = NULL;
    if (j->fd >= 0) close(j->fd);
    mn_free(j);
}

/* ---- a copy for scratch work ---------------------------------------------------------------- */
typedef struct copying {
    const mn_jail *from;
    mn_jail to;
    int64_t owner;
    int rc;
} copying;

static int give(const copying *c, const char *path) {
    if (c->owner < 0) return 0;
    return fchownat(c->to.fd, path, (uid_t)c->owner, (gid_t)c->owner, AT_SYMLINK_NOFOLLOW) < 0
               ? fail_at("give away", path)
               : 0;
}

/* A file, and all folders above it. */
static int put(const copying *c, const char *path, const mn_buf *text) {
    char folder[MN_JAIL_PATH + 1];
    const char *leaf;
    int fd;
    MN_TRY(enter(&c->to, path, 1, &fd, &leaf));
    const int made =
        mn_fault() ? -1
                   : openat(fd, leaf, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0755);
    int rc = made < 0 ? fail_at("write", path) : 0;
    for (size_t at = 0; rc >= 0 && at < text->len;) {
        const ssize_t k = mn_fault() ? -1 : write(made, text->data + at, text->len - at);
        if (k < 0 && errno != EINTR) rc = fail_at("write", path);
        if (k > 0) at += (size_t)k;
    }
    if (made >= 0) close(made);
    close(fd);
    for (const char *p = path; rc >= 0 && (p = strchr(p, '/')); p++) {
        snprintf(folder, sizeof folder, "%.*s", (int)(p - path), path);
        rc = give(c, folder);
    }
    return rc < 0 ? rc : give(c, path);
}

static int copy_one(void *user, const char *path, uint64_t bytes) {
    copying *const c = user;
    mn_buf text = {0};
    (void)bytes;
    int rc = mn_jail_read(c->from, path, &text);
    if (rc >= 0) rc = put(c, path, &text);
    mn_buf_free(&text);
    return rc < 0 ? rc : 0;
}

static int copy_over(void *user, const mn_walk_entry *e) {
    copying *const c = user;
    mn_buf text = {0};
    if (e->kind != MN_WALK_FILE) return 0;
    int rc = mn_file_read(e->path, MN_JAIL_BYTES, &text);
    if (rc >= 0) rc = put(c, e->rest, &text);
    mn_buf_free(&text);
    return c->rc = rc < 0 ? rc : 0;
}

/* Whatever a program has left there: names of any bytes, any depth, folders it closed to itself. */
static void remove_all(const char *path) {
    static const char by_force[] = "chmod -R u+rwx -- \"$0\"; rm -rf -- \"$0\"";
    mn_child *child;
    int status;
    mn_walk_remove(path);
    if (!mn_walk_is_folder(path)) return;
    const char *const words[] = {"sh", "-c", by_force, path, NULL};
    if (mn_child_start(words, NULL, &child) < 0) return;
    mn_child_wait(child, 60000, &status);
    mn_child_end(&child);
}

/* What is left of one that died goes; who made it so that it cannot has the name. */
static int make_scratch(const char *where, char *path, size_t cap) {
    const char *const tmp = getenv("TMPDIR");
    for (int i = 0; i < 16; i++) {
        const int n =
            snprintf(path, cap, "%s/omnesia-check-%016llx", tmp && *tmp == '/' ? tmp : "/tmp",
                     (unsigned long long)mn_hash64(where, strlen(where)));
        if (i) snprintf(path + n, cap - (size_t)n, "-%d", i);
        if (!mn_fault() && mkdir(path, 0700) == 0) return 0;
        if (errno != EEXIST) return fail_at("make the folder", path);
        remove_all(path);
        if (mkdir(path, 0700) == 0) return 0;
    }
    return MN_FAIL(MN_EIO, "%s and its like are taken, and cannot be removed", path);
}

int mn_jail_copy(const mn_jail *j, const char *over, int64_t owner, char **out) {
    char path[PATH_MAX];
    copying c = {.from = j, .owner = owner, .to.fd = -1};
    *out = NULL;
    if (over && !mn_walk_is_folder(over))
        return MN_FAIL(MN_ENOENT, "there is no folder %s of tests", over);
    MN_TRY(make_scratch(j->where, path, sizeof path));
    int rc = open_at(&c.to, path);
    if (rc >= 0) rc = mn_jail_list(j, copy_one, &c);
    if (rc >= 0 && over && mn_walk(over, MN_JAIL_DEPTH, 1 << 16, copy_over, &c) != 0) rc = c.rc;
    if (rc >= 0 && owner >= 0 && fchown(c.to.fd, (uid_t)owner, (gid_t)owner) < 0)
        rc = fail_at("give away", path);
    if (c.to.fd >= 0) close(c.to.fd);
    if (rc >= 0 && !(*out = mn_strdup(path))) rc = MN_FAIL(MN_ENOMEM, "no memory for a copy");
    if (rc < 0) remove_all(path);
    return rc;
}

void mn_jail_drop(char **copy) {
    if (!*copy) return;
    remove_all(*copy);
    mn_free(*copy);
    *copy = NULL;
}
