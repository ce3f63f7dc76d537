/* SPDX-License-Identifier: Apache-2.0
 *
 * region/mapped.c - files of the disk tier that a process reads: each is mapped once, however many
 * sequences read it.
 *
 * A page that is mapped twice counts twice wherever people look how much a process holds. A list is
 * enough: there are as many as answers read from disk at a time.
 */
#include "region/inside.h"

#include "base/alloc.h"
#include "base/error.h"

int mn_mapped_open(mn_region *r, mn_ref ref, const char *path, mn_mapped **out) {
    pthread_mutex_lock(&r->mapping);
    mn_mapped *m = r->mapped;
    while (m && m->ref != ref) m = m->next;
    int rc = 0;
    if (!m) {
        m = mn_calloc(1, sizeof *m);
        rc = m ? mn_guard_map(path, &m->map) : MN_FAIL(MN_ENOMEM, "no memory to read %s", path);
        if (rc >= 0) {
            m->ref = ref;
            m->region = r;
            m->next = r->mapped;
            r->mapped = m;
        } else {
            mn_free(m);
            m = NULL;
        }
    }
    if (m) m->users++;
    *out = m;
    pthread_mutex_unlock(&r->mapping);
    return rc;
}

void mn_mapped_close(mn_mapped **pm) {
    mn_mapped *m = *pm;
    *pm = NULL;
    if (!m) return;
    mn_region *r = m->region;
    pthread_mutex_lock(&r->mapping);
    const int last = --m->users == 0;
    for (mn_mapped **at = &r->mapped; last && *at; at = &(*at)->next)
        if (*at == m) {
            *at = m->next;
            break;
        }
    pthread_mutex_unlock(&r->mapping);
    if (!last) return;
    mn_guard_unmap(&m->map);
    mn_free(m);
}

void mn_mapped_forget(mn_region *r, mn_ref ref) {
    pthread_mutex_lock(&r->mapping);
    for (mn_mapped *m = r->mapped; m; m = m->next)
        if (m->ref == ref) m->ref = 0;
    pthread_mutex_unlock(&r->mapping);
}
