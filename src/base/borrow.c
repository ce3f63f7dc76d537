/* SPDX-License-Identifier: Apache-2.0
 *
 * base/borrow.c - one lock for all libraries: each is loaded once.
 */
#include "base/borrow.h"

#include "base/error.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static int load(mn_borrow *b) {
    void *const library = dlopen(b->file, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(b->why, sizeof b->why, "%s", dlerror());
        return 0;
    }
    for (size_t i = 0; i < b->n; i++) {
        void *const f = dlsym(library, b->names[i]);
        if (!f) {
            snprintf(b->why, sizeof b->why, "it has no %s", b->names[i]);
            return 0;
        }
        memcpy((char *)b->calls + i * sizeof f, &f, sizeof f);
    }
    return !b->fits || b->fits(b->why, sizeof b->why);
}

int mn_borrow_load(mn_borrow *b) {
    pthread_mutex_lock(&loading);
    if (!b->tried) b->there = load(b);
    b->tried = 1;
    const int there = b->there;
    pthread_mutex_unlock(&loading);
    if (there) return 0;
    return MN_FAIL(MN_EUNSUPPORTED,
                   "%s %s, which cannot be used here (%s): Debian 12 has it in the package %s",
                   b->use, b->file, b->why, b->package);
}
