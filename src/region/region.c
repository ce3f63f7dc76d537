/* SPDX-License-Identifier: Apache-2.0
 *
 * region/region.c - making, checking, opening and closing a region file.
 *
 * The file is complete or absent (base/sparse.h), and what it says is checked against what it is
 * before anything in it is believed. Beside it, PATH.lock holds the locks that tell who is alive;
 * it is never removed, for a lock on a file that has no name any more protects nothing.
 *
 * A region that was made before the machine was last started may hold anything: unless somebody
 * uses it, it is replaced. Who replaces holds the lock of byte MN_REGION_PROCS.
 */
#include "base/alloc.h"
#include "base/append.h"
#include "base/budget.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "region/inside.h"
#include "region/journal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Which start of the machine this is: 16 bytes, the same in every process and container. */
static void boot_id(uint8_t out[16]) {
    mn_buf text = {0};
    if (mn_file_read("/proc/sys/kernel/random/boot_id", 4096, &text) < 0) mn_buf_clear(&text);
    uint8_t digest[32];
    mn_sha256_of(text.data ? text.data : "", text.len, digest);
    memcpy(out, digest, 16);
    mn_buf_free(&text);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* Address space is nearly free, but not everywhere. */
static uint64_t logical_size(void) {
    struct rlimit space;
    const uint64_t most = (uint64_t)1 << 40, little = (uint64_t)16 << 30;
    if (SANITIZED || getenv("VALGRIND_LIB") ||
        (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY))
        return little;
    const uint64_t size = mn_budget_machine() >> 20 << 24;
    return size < little ? little : size < most ? size : most;
}

/* What a region is to be when it is made. */
typedef struct making {
    const char *path;
    uint64_t memory;
    int64_t disk;
    int standard; /* the user's own: its files lie in the cache folder */
} making;

/* The folder of the disk tier, made; "" when there is none to be had. */
static void disk_folder(const making *m, char out[1024]) {
    mn_buf beside = {0};
    char *cache = NULL;
    const char *const data = getenv("OMNESIA_DATA"); /* which takes the files along */
    int rc = m->disk < 0                       ? MN_ENOENT
             : m->standard && !(data && *data) ? mn_file_cache_path("kv", &cache)
                                               : mn_buf_printf(&beside, "%s.disk", m->path);
    const char *path = cache ? cache : beside.data;
    if (rc >= 0 && strlen(path) < 1024 && mn_file_mkdirs(path) >= 0 && access(path, W_OK) == 0)
        strcpy(out, path);
    mn_free(cache);
    mn_buf_free(&beside);
}

static int journal_file(const making *m, char out[1024]) {
    mn_buf beside = {0};
    char *data = NULL;
    int rc = m->standard ? mn_file_data_path("objects.log", &data)
                         : mn_buf_printf(&beside, "%s.objects", m->path);
    const char *path = data ? data : beside.data;
    if (rc >= 0 && strlen(path) < 1024) strcpy(out, path);
    mn_free(data);
    mn_buf_free(&beside);
    return rc == MN_ENOENT ? 0 : rc; /* no home: nothing can be durable */
}

/* 8 GiB, and a twentieth of the free space, at most. */
static uint64_t disk_limit(const making *m, const char *folder) {
    const uint64_t most = (uint64_t)8 << 30;
    uint64_t room = 0;
    if (m->disk > 0) return (uint64_t)m->disk;
    if (!*folder || mn_file_room(folder, &room) < 0) return 0;
    return room / 20 < most ? room / 20 : most;
}

/* Epochs of an earlier region at this place were below: they begin with the time, in hundredths
 * of a second since 2020. */
static uint64_t first_epoch(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    const uint64_t since = (uint64_t)t.tv_sec - 1577836800;
    return (since * 100 + (uint64_t)t.tv_nsec / 10000000) * (MN_EPOCHS / 100);
}

/* All that is in it before anybody else sees it. */
static int fill(void *user, mn_sparse *file) {
    const making *m = user;
    mn_region_head *h = (mn_region_head *)(void *)file->data;
    mn_region r = {.file = *file,
                   .plan = mn_region_plan_of(file->size),
                   .epoch = first_epoch(),
                   .locks = -1,
                   .journal_fd = -1};
    MN_TRY(mn_sparse_back(file, 0, r.plan.procs_at));
    *h = (mn_region_head){.version = MN_REGION_VERSION,
                          .size = file->size,
                          .created = (uint64_t)time(NULL),
                          .limit = m->memory ? m->memory : mn_budget_machine() / 8};
    r.limit = h->limit;
    memcpy(h->magic, MN_REGION_MAGIC, sizeof h->magic);
    boot_id(h->boot);
    disk_folder(m, h->disk);
    strcpy(r.disk, h->disk);
    MN_TRY(journal_file(m, h->journal));
    strcpy(r.journal, h->journal);
    mn_word_store(&mn_tops(&r)->disk_limit, disk_limit(m, h->disk));
    MN_TRY(mn_disk_restore(&r));
    MN_TRY(mn_journal_restore(&r));
    h->epoch = r.epoch;
    h->sum = mn_hash64(h, offsetof(mn_region_head, sum));
    return 0;
}

/* The file is mapped: is it a region of ours? 1: of an earlier boot. */
static int vet(const mn_sparse *file, mn_region_head *h) {
    memcpy(h, file->data, sizeof *h);
    if (memcmp(h->magic, MN_REGION_MAGIC, sizeof h->magic) != 0)
        return MN_FAIL(MN_EINVAL, "%s is no region of omnesia; it was left as it is", file->path);
    if (h->version != MN_REGION_VERSION)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "%s is a region of another version of omnesia (%u, this one reads %d); name "
                       "another with --region PATH, or remove it",
                       file->path, h->version, MN_REGION_VERSION);
    if (h->sum != mn_hash64(h, offsetof(mn_region_head, sum)) || h->size != file->size)
        return MN_FAIL(MN_ECORRUPT, "the head of %s is damaged; remove it to begin anew",
                       file->path);
    uint8_t boot[16];
    boot_id(boot);
    return memcmp(boot, h->boot, sizeof boot) != 0;
}

/* A region of an earlier boot goes, unless it is in use: one process at a time. */
static int bury_file(mn_region *r, const char *path) {
    int gate = 0;
    for (int ms = 0; ms < 5000 && !(gate = mn_byte_lock_try(r->locks, MN_REGION_PROCS)); ms++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (!gate) return MN_FAIL(MN_EBUSY, "another process has been replacing %s for 5 s", path);
    mn_sparse file;
    mn_region_head h;
    int rc = mn_sparse_open(path, MN_REGION_LEAST, &file);
    if (rc >= 0) {
        rc = vet(&file, &h); /* again: somebody may have been faster */
        if (rc > 0 && mn_life_others(r))
            rc = MN_FAIL(MN_EBUSY, "%s is in use since before this machine was started", path);
        else if (rc > 0)
            unlink(path);
        mn_sparse_close(&file);
    }
    mn_byte_lock_free(r->locks, MN_REGION_PROCS);
    return rc == MN_ENOENT ? 0 : rc;
}

static int open_file(mn_region *r, const making *m) {
    const char *const path = m->path;
    mn_region_head h;
    for (int tries = 0; tries < 8; tries++) {
        int rc = mn_sparse_open(path, MN_REGION_LEAST, &r->file);
        if (rc == MN_ENOENT) {
            MN_TRY(r->made = mn_sparse_make(path, logical_size(), fill, (void *)(uintptr_t)m));
            continue;
        }
        MN_TRY(rc);
        rc = vet(&r->file, &h);
        if (!rc) {
            r->plan = mn_region_plan_of(h.size);
            r->limit = h.limit;
            r->epoch = h.epoch;
            h.disk[sizeof h.disk - 1] = 0;
            h.journal[sizeof h.journal - 1] = 0;
            strcpy(r->disk, h.disk);
            r->no_disk = m->disk < 0;
            strcpy(r->journal, h.journal);
            if (m->disk > 0) mn_word_store(&mn_tops(r)->disk_limit, (uint64_t)m->disk);
            return 0;
        }
        mn_sparse_close(&r->file);
        MN_TRY(rc);
        MN_TRY(bury_file(r, path));
    }
    return MN_FAIL(MN_EBUSY, "%s changes faster than it can be opened", path);
}

/* What earlier versions of omnesia kept in the place of this one is of no use any more, and memory;
 * unless one of them runs still. */
static void remove_older(const char *path) {
    const size_t n = strlen(path);
    mn_buf old = {0};
    uint64_t size;
    for (int v = 1; v < MN_REGION_VERSION && n; v++) {
        mn_buf_clear(&old);
        if (mn_buf_printf(&old, "%.*s%d", (int)n - 1, path, v) < 0 ||
            mn_file_stat(old.data, &size, NULL) < 0 || mn_buf_puts(&old, ".lock") < 0)
            continue;
        int fd = mn_byte_locks_open(old.data), used = fd < 0;
        for (int i = 0; !used && i < MN_REGION_PROCS; i++) used = mn_byte_lock_held(fd, i);
        mn_byte_locks_close(&fd);
        old.data[old.len - 5] = 0;
        if (!used) unlink(old.data);
    }
    mn_buf_free(&old);
}

int mn_region_open(const char *path, uint64_t memory, int64_t disk, mn_region **out) {
    *out = NULL;
    mn_region *r = mn_calloc(1, sizeof *r);
    mn_buf lock = {0}, place = {0};
    if (!r) return MN_FAIL(MN_ENOMEM, "no memory to open a region");
    r->file.fd = r->locks = r->me = r->journal_fd = -1;
    pthread_mutex_init(&r->graves, NULL);
    pthread_mutex_init(&r->mapping, NULL);
    mn_mover_begin(r);
    const int standard = !path;
    int rc = path ? 0 : mn_region_place(memory, &place);
    if (!path) path = place.data;
    const making how = {path, memory, disk, standard};
    if (rc >= 0) rc = mn_buf_printf(&lock, "%s.lock", path);
    if (rc >= 0) rc = r->locks = mn_byte_locks_open(lock.data);
    mn_buf_free(&lock);
    if (rc >= 0) rc = open_file(r, &how);
    if (rc >= 0) mn_guard_watch(r->file.data, r->file.size);
    if (rc >= 0) rc = mn_life_begin(r);
    mn_buf_free(&place);
    if (rc >= 0 && standard && r->made) remove_older(r->file.path);
    if (rc >= 0) {
        mn_region_reap(r);
        if (mn_disk_on(r)) mn_disk_room(r); /* the limit may be another by now; best effort */
    } else {
        mn_region_close(&r);
    }
    *out = r;
    return rc < 0 ? rc : 0;
}

void mn_region_close(mn_region **pr) {
    mn_region *r = *pr;
    *pr = NULL;
    if (!r) return;
    mn_mover_end(r);
    mn_life_end(r); /* nothing is left to be sealed by it */
    mn_byte_locks_close(&r->locks);
    mn_append_close(&r->journal_fd);
    if (r->file.fd >= 0) mn_guard_forget(r->file.data);
    mn_sparse_close(&r->file);
    pthread_mutex_destroy(&r->graves);
    pthread_mutex_destroy(&r->mapping);
    mn_free(r);
}

const char *mn_region_path(const mn_region *r) {
    return r->file.path;
}
void mn_region_tell(mn_region *r, uint64_t asked, uint64_t found) {
    mn_word_add(&mn_tops(r)->asked, asked);
    mn_word_add(&mn_tops(r)->found, found);
}
uint64_t mn_region_limit(const mn_region *r) {
    return r->limit;
}
