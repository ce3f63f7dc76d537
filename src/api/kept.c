/* SPDX-License-Identifier: Apache-2.0
 *
 * api/kept.c - take out, compare, trim; put back, close what was there.
 *
 * The lock guards the two fields only: sessions are trimmed and closed by whoever has taken them
 * out. A fresh session is opened to see what the region has; it holds nothing of its own until it
 * is stepped. The kept one goes on unless the region has more, or it cannot (other KV format, other
 * context, nothing in common, a window that no longer holds what the prefix needs, too many spans).
 */
#include "api/kept.h"

#include "api/model.h"

#include <assert.h>

void mn_kept_open(mn_kept *k) {
    *k = (mn_kept){0};
    pthread_mutex_init(&k->lock, NULL);
}

void mn_kept_close(mn_kept *k) {
    mn_kept_drop(k);
    pthread_mutex_destroy(&k->lock);
}

/* Put these in place of what is kept, which is then theirs. */
static void swap(mn_kept *k, mn_session **session, mn_buf *ids) {
    pthread_mutex_lock(&k->lock);
    mn_session *const old = k->session;
    const mn_buf old_ids = k->ids;
    k->session = *session;
    k->ids = *ids;
    pthread_mutex_unlock(&k->lock);
    *session = old;
    *ids = old_ids;
}

int mn_kept_drop(mn_kept *k) {
    mn_session *session = NULL;
    mn_buf ids = {0};
    swap(k, &session, &ids);
    const int was = session != NULL;
    mn_session_close(&session);
    mn_buf_free(&ids);
    return was;
}

void mn_kept_take_back(mn_kept *k, mn_session **session, mn_buf *ids) {
    const size_t bytes = *session ? (size_t)mn_session_length(*session) * sizeof(int32_t) : 0;
    assert(bytes <= ids->len);
    ids->len = bytes;
    if (bytes) swap(k, session, ids);
    mn_session_close(session);
    mn_buf_free(ids);
}

/* Tokens that both begin with, at most n. */
static int common(const mn_buf *known, const int32_t *ids, int n) {
    const int32_t *a = (const int32_t *)(const void *)known->data;
    const int most = (int)(known->len / sizeof *a);
    int i = 0;
    while (i < n && i < most && a[i] == ids[i]) i++;
    return i;
}

int mn_kept_resume(mn_model *m, int context, int kv_q8, const int32_t *ids, int n,
                   mn_session **out) {
    mn_session *s = NULL;
    mn_buf known = {0};
    swap(&m->kept, &s, &known);
    const int shared = s ? common(&known, ids, n - 1) : 0;
    mn_buf_free(&known);
    mn_session *fresh;
    int rc = mn_session_open(m, context, kv_q8, &fresh);
    int coming = 0;
    const int found = rc < 0 ? rc : mn_seq_match(fresh->seq, ids, n - 1, &coming);
    if (rc >= 0 && found < 0) rc = found;
    *out = s;
    if (rc >= 0 && shared && shared >= found && mn_seq_spans(s->seq) < MN_SEQ_SPANS - 2 &&
        mn_seq_context(s->seq) == context && (mn_seq_format(s->seq) == MN_KV_Q8) == (kv_q8 != 0) &&
        mn_session_trim(s, shared) >= 0) {
        s->from = "own";
        mn_session_close(&fresh);
        return 0;
    }
    mn_session_close(out);
    if (rc >= 0 && found) fresh->from = mn_session_source(fresh);
    if (rc >= 0) fresh->coming = coming;
    if (rc < 0) mn_session_close(&fresh);
    *out = fresh;
    return rc;
}
