/* SPDX-License-Identifier: Apache-2.0
 *
 * api/await.c - a prompt that another process is reading just now need not be read twice.
 *
 * Who computes a prompt says so in the region before it begins (kv/seq.h). Waiting costs nothing
 * and leaves the machine to the one that works, so it ends sooner than two computing the same. It
 * is given up when nothing has come for PATIENCE: the other one may be stopped, or slow; the dead
 * are buried meanwhile, and what they meant to do is nobody's plan any more.
 */
#include "api/model.h"

#include "base/clock.h"
#include "base/error.h"

#include <time.h>

enum { WORTH = 64 /* tokens */, LOOK_MS = 2, PATIENCE_MS = 1000 };

int mn_session_await(mn_session *s, const int32_t *ids, int n, int (*go_on)(void *user),
                     void *user) {
    uint64_t news = mn_clock_ns();
    while (s->coming - mn_session_length(s) >= WORTH) {
        const int had = mn_session_length(s);
        if (mn_clock_ns() - news > (uint64_t)PATIENCE_MS * 1000000) break;
        if (go_on && !go_on(user)) return MN_FAIL(MN_ECANCELLED, "stopped on request");
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
        mn_region_reap(s->model->region);
        MN_TRY(mn_seq_trim(s->seq, 0));
        const int now = mn_seq_match(s->seq, ids, n, &s->coming);
        MN_TRY(now);
        if (now > had) news = mn_clock_ns();
        if (now) s->from = "process";
    }
    return 0;
}
