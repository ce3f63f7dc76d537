/* SPDX-License-Identifier: Apache-2.0
 *
 * api/pin.c - omnesia.h, keeping what is cached of a prompt.
 */
#include "api/model.h"

#include "base/error.h"

int mn_region_pin(mn_model *m, const mn_request *r, int on, int32_t *tokens, int32_t *all) {
    mn_buf ids = {.what = "the prompt"};
    mn_session *s = NULL;
    int coming;
    *tokens = *all = 0;
    int rc = mn_prompt_encode(m, r, 0, &ids);
    const int32_t *id = (const int32_t *)(const void *)ids.data;
    const int n = (int)(ids.len / sizeof *id);
    if (rc >= 0 && !n) rc = MN_FAIL(MN_EINVAL, "the prompt is empty");
    if (rc >= 0) rc = mn_session_open(m, r->context, r->kv_q8, &s);
    if (rc >= 0) rc = mn_seq_match(s->seq, id, n, &coming);
    *all = n;
    if (rc >= 0) *tokens = rc;
    if (rc >= 0) rc = mn_seq_keep(s->seq, on);
    mn_session_close(&s);
    mn_buf_free(&ids);
    return rc < 0 ? rc : 0;
}
