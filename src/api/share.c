/* SPDX-License-Identifier: Apache-2.0
 *
 * api/share.c - omnesia.h, sessions and the region: matching, naming, attaching, following.
 */
#include "api/model.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <time.h>

enum { LOOK_MS = 1 };

int mn_session_match(mn_session *s, const int32_t *ids, int32_t n) {
    if (n < 0) return MN_FAIL(MN_EINVAL, "%d tokens", n);
    const int found = mn_seq_match(s->seq, ids, n, &s->coming);
    if (found > 0) s->from = mn_session_source(s);
    if (found >= 0 && s->model->region)
        mn_region_tell(s->model->region, (uint64_t)n, (uint64_t)found);
    return found;
}

int mn_session_fork(const mn_session *from, int32_t n, mn_session **out) {
    *out = NULL;
    mn_session *s = mn_calloc(1, sizeof *s);
    if (!s) return MN_FAIL(MN_ENOMEM, "no memory for a session");
    s->model = from->model;
    const int rc = mn_seq_fork(from->seq, n, &s->seq);
    if (rc < 0)
        mn_free(s);
    else
        *out = s;
    return rc;
}

mn_name mn_session_name(const mn_session *s) {
    const uint64_t extent = mn_seq_name(s->seq);
    return (mn_name){extent, extent ? mn_seq_length(s->seq) : 0};
}

int mn_session_attach(mn_session *s, const mn_name *name) {
    MN_TRY(mn_seq_attach(s->seq, name->extent, name->length));
    s->from = mn_session_source(s);
    return 0;
}

int mn_session_follow(mn_session *s, int wait_ms) {
    const uint64_t begin = mn_clock_ns();
    for (;;) {
        const int live = mn_seq_growing(s->seq); /* before looking: the last rows count, too */
        const int n = mn_seq_follow(s->seq);
        if (n || !live) return n;
        if (wait_ms >= 0 && mn_clock_ns() - begin >= (uint64_t)wait_ms * 1000000) return 0;
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
        mn_region_reap(s->model->region);
    }
}

void mn_session_seal(mn_session *s) {
    mn_seq_seal(s->seq);
}

int mn_session_tokens(const mn_session *s, int32_t from, int32_t *ids, int32_t n) {
    const int left = mn_seq_length(s->seq) - from;
    if (from < 0 || n < 0) return MN_FAIL(MN_EINVAL, "%d tokens from %d on", n, from);
    if (n > left) n = left > 0 ? left : 0;
    mn_seq_tokens(s->seq, from, n, ids);
    return n;
}
