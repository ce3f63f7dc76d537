/* SPDX-License-Identifier: Apache-2.0
 *
 * test/storms.h - storm after storm, each from its number: one in the quick form, as many as are
 * asked for in the full one. The notes are shared with all processes, and no part of what is
 * tested.
 */
#ifndef MN_TEST_STORMS_H
#define MN_TEST_STORMS_H
#include "folder.h"
#include "soak.h"
#include "test.h"

#include <sys/mman.h>

/* Each in a folder of its own, with notes of `bytes` zeroes in *notes. */
static inline void storms_run(void **notes, size_t bytes, void (*storm)(unsigned long seed),
                              int kills) {
    const soak all = soak_begin(0);
    const long first = soak_asked() ? all.first : 1, end = soak_asked() ? all.end : 2;
    for (long i = first; i < end; i++) {
        *notes = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(*notes != MAP_FAILED);
        assert_int_equal(folder_begin("storm", 1), 0);
        storm(soak_seed(i));
        assert_int_equal(folder_end(), 0);
        munmap(*notes, bytes);
    }
    if (soak_asked()) soak_end(&all, (end - first) * kills);
}

#endif
