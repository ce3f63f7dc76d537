/* SPDX-License-Identifier: Apache-2.0
 *
 * api/explain.c - omnesia.h, how much of a prompt is cached: the way of mn_answer up to the match.
 */
#include "api/model.h"

#include "base/error.h"

#include <string.h>

int mn_explain(mn_model *m, const mn_request *r, mn_cached *out) {
    mn_buf ids = {.what = "the prompt"}, text = {0};
    mn_session *s = NULL;
    *out = (mn_cached){0};
    int rc = mn_prompt_encode(m, r, 0, &ids);
    const int32_t *id = (const int32_t *)(const void *)ids.data;
    const int n = (int)(ids.len / sizeof *id);
    if (rc >= 0 && !n) rc = MN_FAIL(MN_EINVAL, "the prompt is empty");
    if (rc >= 0) rc = mn_session_open(m, r->context, r->kv_q8, &s);
    if (rc >= 0) rc = mn_seq_match(s->seq, id, n - 1, &out->coming_tokens);
    if (rc >= 0) {
        out->prompt_tokens = n;
        out->cached_tokens = rc;
        out->spans = mn_seq_spans(s->seq);
        out->disk_tokens = mn_seq_out(s->seq);
        out->by = mn_seq_writer(s->seq);
        const int left = n - rc < 16 ? n - rc : 16;
        rc = mn_tokenizer_decode(m->net->tokenizer, id + rc, (size_t)left, MN_TOK_SPECIAL, &text);
        if (rc >= 0 && text.len) {
            size_t k = text.len < sizeof out->next - 1 ? text.len : sizeof out->next - 1;
            while (k && k < text.len && ((unsigned char)text.data[k] & 0xc0) == 0x80) k--;
            memcpy(out->next, text.data, k);
        }
    }
    mn_session_close(&s);
    mn_buf_free(&ids);
    mn_buf_free(&text);
    return rc < 0 ? rc : 0;
}
