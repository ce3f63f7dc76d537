/* SPDX-License-Identifier: Apache-2.0
 *
 * region/guard.c - a region file that is cut short while it is mapped: an error, not a death.
 *
 * Touching a page beyond the end of a mapped file raises SIGBUS. The handler puts an empty page of
 * our own in its place, so that the instruction can go on, and counts: whoever used what was there
 * asks mn_region_intact, or mn_image_intact for a file of the disk tier (whose disk may refuse to
 * read it, too), before it believes its results. A SIGBUS elsewhere is none of ours and
 * goes where it went before. Nothing is installed unless somebody asks (mn_guard_install).
 */
#include "base/error.h"
#include "region/inside.h"

#include <signal.h>
#include <sys/mman.h>

enum { MOST = 1024 /* mappings watched at once */ };
static struct {
    _Atomic uintptr_t from, to; /* to: 0 free, 1 being filled in */
    atomic_int hits;
} watched[MOST];
static atomic_int all_hits;
static struct sigaction before;

static void on_bus(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    const uintptr_t at = (uintptr_t)info->si_addr;
    for (int i = 0; i < MOST; i++) {
        if (at < atomic_load(&watched[i].from) || at >= atomic_load(&watched[i].to)) continue;
        void *const page = (void *)(at / MN_REGION_PAGE * MN_REGION_PAGE);
        if (mmap(page, MN_REGION_PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) {
            atomic_fetch_add(&watched[i].hits, 1);
            atomic_fetch_add(&all_hits, 1);
            return;
        }
    }
    sigaction(SIGBUS, &before, NULL); /* the instruction faults again, and is not caught */
}

int mn_guard_install(void) {
    struct sigaction how = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
    sigemptyset(&how.sa_mask);
    return sigaction(SIGBUS, &how, &before) < 0 ? MN_FAIL(MN_EIO, "no handler for SIGBUS") : 0;
}

void mn_guard_watch(const void *data, uint64_t bytes) {
    for (int i = 0; i < MOST; i++) {
        uintptr_t none = 0;
        if (!atomic_compare_exchange_strong(&watched[i].to, &none, 1)) continue;
        atomic_store(&watched[i].hits, 0);
        atomic_store(&watched[i].from, (uintptr_t)data);
        atomic_store(&watched[i].to, (uintptr_t)data + bytes);
        return;
    }
}

void mn_guard_forget(const void *data) {
    for (int i = 0; i < MOST; i++)
        if (atomic_load(&watched[i].from) == (uintptr_t)data) {
            atomic_store(&watched[i].to, 1); /* nothing lies below it */
            atomic_store(&watched[i].from, 0);
            atomic_store(&watched[i].to, 0);
        }
}

int mn_guard_hit(const void *data) {
    if (!atomic_load(&all_hits)) return 0;
    for (int i = 0; i < MOST; i++)
        if (atomic_load(&watched[i].from) == (uintptr_t)data && atomic_load(&watched[i].hits))
            return 1;
    return 0;
}

int mn_region_intact(const mn_region *r) {
    if (!mn_guard_hit(r->file.data)) return 0;
    return MN_FAIL(
        MN_ECORRUPT,
        "%s was cut short while it was in use; remove it, or go without by --region none",
        r->file.path);
}

int mn_guard_map(const char *path, mn_map *out) {
    MN_TRY(mn_file_map(path, out));
    mn_guard_watch(out->data, out->size);
    return 0;
}

void mn_guard_unmap(mn_map *map) {
    if (map->data) mn_guard_forget(map->data);
    mn_file_unmap(map);
}
