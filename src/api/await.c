/* SPDX-License-Identifier: Apache-2.0
 *
 * api/await.c - a prompt that another process is reading just now need not be read twice.
 *
 * Who computes a prompt says so in the region before it begins (kv/seq.h). Waiting costs nothing
 * and leaves the machine to the one that works, so it ends sooner than two computing the same. It
 * is given up when nothing has come for a while: the other one may be stopped, or slow; the dead
 * are buried meanwhile, and what they meant to do is nobody's plan any more. Another answer of this
 * very process goes on, or takes its plan back: that is waited for without an end, and for fewer
 * tokens, for it costs no more than a step.
 */
#include "api/model.h"

#include "base/clock.h"
#include "base/error.h"

#include <unistd.h>

enum { WORTH = 64 /* tokens */, WORTH_OURS = 16 };

/* Rows come a pass at a time: half a second, and three passes of a slow machine (50 GFLOP/s). */
static uint64_t patience_ns(const mn_session *s) {
    return 500000000 + s->model->net->parameters * 2 * MN_FORWARD_ROWS / 50 * 3;
}

/* Is what is coming worth a wait? */
static int worth(const mn_session *s) {
    const int least = mn_seq_ahead(s->seq) == getpid() ? WORTH_OURS : WORTH;
    return s->coming - mn_session_length(s) >= least;
}

/* Tell others what is going to be computed, and look whether one of them goes first: 1, and it is
 * waited for. Who goes first may have been slower to say so: look again when the pages are there.
 */
static int yields(mn_session *s, const int32_t *ids, int n) {
    const int have = mn_session_length(s);
    if (n - have < WORTH || mn_seq_announce(s->seq, ids + have, n - have) <= 0) return 0;
    s->coming = mn_seq_rival(s->seq, ids, n);
    if (!worth(s)) {
        if (mn_seq_room(s->seq, ids + have, n - have) < 0) return 0; /* the step says it again */
        s->coming = mn_seq_rival(s->seq, ids, n);
    }
    if (!worth(s)) return 0;
    mn_seq_yield(s->seq);
    return 1;
}

int mn_session_waits(mn_session *s, const int32_t *ids, int n, uint64_t *news) {
    if (!worth(s) && !yields(s, ids, n)) return 0;
    const int ours = mn_seq_ahead(s->seq) == getpid();
    if (!ours && mn_clock_ns() - *news > patience_ns(s)) return 0;
    const int had = mn_session_length(s);
    mn_region_reap(s->model->region);
    mn_seq_yield(s->seq); /* what it meant to compute itself */
    MN_TRY(mn_seq_trim(s->seq, 0));
    const int now = mn_seq_match(s->seq, ids, n, &s->coming);
    MN_TRY(now);
    if (now > had) *news = mn_clock_ns();
    if (now) s->from = mn_session_source(s);
    return 1;
}
