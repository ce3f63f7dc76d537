/* SPDX-License-Identifier: Apache-2.0
 *
 * base/walk.c - the walk: one folder open at a time per level, one path buffer for all.
 */
#include "base/walk.h"

#include "base/buf.h"
#include "base/error.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct walk {
    mn_buf path;
    size_t root; /* bytes of "ROOT/" */
    int max_depth;
    long left; /* entries that may still be looked at */
    int (*each)(void *user, const mn_walk_entry *entry);
    void *user;
} walk;

static int shown(const char *name) {
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7f) return 0;
    return 1;
}

static int64_t nanoseconds(struct timespec t) {
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int walk_folder(walk *w, int fd, int depth);

/* w->path names the entry; `parent` is the open folder it lies in. */
static int walk_entry(walk *w, int parent, const char *name, int depth) {
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return 0;
    mn_walk_entry e = {.rest = w->path.data + w->root,
                       .depth = depth,
                       .kind = MN_WALK_OTHER,
                       .link = S_ISLNK(st.st_mode)};
    if (S_ISDIR(st.st_mode)) {
        e.kind = MN_WALK_FOLDER;
        const int fd =
            depth < w->max_depth
                ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
                : -1;
        const int rc = fd >= 0 ? walk_folder(w, fd, depth + 1) : 0;
        if (rc) return rc;
    } else if (fstatat(parent, name, &st, 0) == 0 && S_ISREG(st.st_mode)) {
        e.kind = MN_WALK_FILE;
        e.bytes = (uint64_t)st.st_size;
    }
    e.mtime_ns = nanoseconds(st.st_mtim);
    e.path = w->path.data;
    e.rest = w->path.data + w->root; /* deeper levels may have moved the buffer */
    return w->each(w->user, &e);
}

/* Consumes fd. */
static int walk_folder(walk *w, int fd, int depth) {
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return 0;
    }
    const size_t length = w->path.len;
    int rc = 0;
    for (struct dirent *e; !rc && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (w->left-- <= 0) break;
        if (!shown(e->d_name)) continue;
        w->path.len = length;
        rc = mn_buf_printf(&w->path, "/%s", e->d_name);
        if (rc >= 0) rc = walk_entry(w, dirfd(d), e->d_name, depth);
    }
    closedir(d);
    w->path.len = length;
    w->path.data[length] = 0;
    return rc;
}

int mn_walk(const char *root, int max_depth, long max_entries,
            int (*each)(void *user, const mn_walk_entry *entry), void *user) {
    walk w = {.max_depth = max_depth, .left = max_entries, .each = each, .user = user};
    const int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return 0;
    int rc = mn_buf_puts(&w.path, root);
    while (rc >= 0 && w.path.len > 1 && w.path.data[w.path.len - 1] == '/')
        w.path.data[--w.path.len] = 0;
    w.root = w.path.len + 1;
    if (rc >= 0)
        rc = walk_folder(&w, fd, 1);
    else
        close(fd);
    mn_buf_free(&w.path);
    return rc;
}

int mn_walk_is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int add_bytes(void *user, const mn_walk_entry *entry) {
    if (entry->kind == MN_WALK_FILE) *(uint64_t *)user += entry->bytes;
    return 0;
}

uint64_t mn_walk_bytes(const char *root) {
    uint64_t total = 0;
    mn_walk(root, 16, 100000, add_bytes, &total);
    return total;
}

static int remove_entry(void *user, const mn_walk_entry *entry) {
    (void)user;
    if (entry->kind == MN_WALK_FOLDER)
        rmdir(entry->path);
    else
        unlink(entry->path);
    return 0;
}

void mn_walk_remove(const char *root) {
    mn_walk(root, 64, 1000000, remove_entry, NULL);
    rmdir(root);
}
