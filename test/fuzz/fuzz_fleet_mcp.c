/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_fleet_mcp.c - any bytes as what a server of skills answers, line by line.
 *
 * The first byte chooses how it is greeted. Checked: whatever comes, nothing is sent that is no
 * message; skills that are taken have names and limits; a call ends with a code, or well without
 * one, its result is an object, its text is UTF-8 and bounded.
 */
#include "fleet/skill_talk.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int sent(void *user, int64_t id, const char *method, const char *name, const mn_buf *text) {
    (void)name;
    if (++*(int *)user > 1000) return MN_FAIL(MN_EFULL, "it asks for more and more");
    json_t *const all = json_loadb(text->data, text->len, 0, NULL);
    const json_t *const its = json_object_get(all, "id");
    if (!json_is_object(all) || memchr(text->data, '\n', text->len)) abort();
    if (id && (json_integer_value(its) != id || !method)) abort();
    json_decref(all);
    return 0;
}

static void check(mn_talk *t) {
    for (int i = 0; i < t->skills.n; i++) {
        const mn_skill *const s = &t->skills.skill[i];
        if (!*s->name || strlen(s->name) > MN_NAME || !(s->limit > 0) || s->seconds > s->limit)
            abort();
    }
    if (t->progress > 1 || (t->progress < 0 && t->progress != -1)) abort();
    if (!t->ended) return;
    const mn_skill_end *const e = &t->end;
    if (e->ok != !*e->code || (e->result && !json_is_object(e->result))) abort();
    if (e->text.len > MN_TALK_TEXT) abort();
    if (e->text.len && mn_utf8_check("the text", e->text.data, e->text.len) < 0) abort();
    mn_talk_forget(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mn_talk t = {.last = 0};
    int n = 0;
    const mn_talk_way way = {.send = sent, .user = &n};
    if (!size || size > 65536) return 0;
    json_set_alloc_funcs(mn_malloc, mn_free);
    if (mn_talk_open(&t, &way, data[0] & 1) < 0) abort();
    const char *at = (const char *)data + 1, *const end = (const char *)data + size;
    while (at < end) {
        const char *const line = memchr(at, '\n', (size_t)(end - at));
        const size_t k = (size_t)((line ? line : end) - at);
        const int rc = mn_talk_take(&t, at, k);
        check(&t);
        if (rc < 0 && (data[0] & 2)) break;
        if (t.state == MN_TALK_READY && !t.call && t.skills.n)
            if (mn_talk_call(&t, t.skills.skill[0].name, NULL) < 0 && n < 1000) abort();
        if ((data[0] & 4) && t.state == MN_TALK_OPENING && mn_talk_shake(&t) < 0) abort();
        at += k + 1;
    }
    mn_talk_free(&t);
    return 0;
}
