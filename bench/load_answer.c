/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/load_answer.c - answers taken apart, and what their times amount to.
 *
 * A piece of text is what a person would see appear: an event with an empty one (a role, an end)
 * is none. A server that sends several tokens in one event has fewer gaps, and longer ones.
 */
#include "bench/load_answer.h"

#include "base/alloc.h"
#include "base/error.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static int number(const json_t *object, const char *key, int before) {
    const json_t *const v = json_object_get(object, key);
    return json_is_integer(v) ? (int)json_integer_value(v) : before;
}

static void take_usage(mn_asked *a, const json_t *answer) {
    const json_t *const usage = json_object_get(answer, "usage");
    if (!json_is_object(usage)) return;
    a->prompt_tokens = number(usage, "prompt_tokens", a->prompt_tokens);
    a->tokens = number(usage, "completion_tokens", a->tokens);
    a->cached_tokens =
        number(json_object_get(usage, "prompt_tokens_details"), "cached_tokens", a->cached_tokens);
}

static int take_text(mn_asked *a, const char *text, double now) {
    if (!text || !*text) return 0;
    if ((a->n & (a->n - 1)) == 0) { /* room for 1, 2, 4, .. */
        double *const at = mn_realloc(a->at, 2 * (size_t)(a->n ? a->n : 1) * sizeof *at);
        if (!at) return MN_FAIL(MN_ENOMEM, "no memory for the times of an answer");
        a->at = at;
    }
    if (!a->n) a->first = now;
    a->at[a->n++] = now;
    return mn_buf_puts(&a->text, text);
}

/* Of the choice: delta or message, or the text itself. */
static const char *text_of(const json_t *answer) {
    const json_t *const choice = json_array_get(json_object_get(answer, "choices"), 0);
    const json_t *said = json_object_get(choice, "delta");
    if (!said) said = json_object_get(choice, "message");
    const json_t *const text =
        said ? json_object_get(said, "content") : json_object_get(choice, "text");
    return json_string_value(text);
}

static int take(mn_asked *a, const json_t *answer, double now) {
    const json_t *const error = json_object_get(answer, "error");
    if (json_is_object(error)) {
        const char *const says = json_string_value(json_object_get(error, "message"));
        return MN_FAIL(MN_ECORRUPT, "the server says: %.300s", says ? says : "an error");
    }
    take_usage(a, answer);
    return take_text(a, text_of(answer), now);
}

int mn_answer_event(mn_asked *a, const char *data, size_t n, double now) {
    if (n == 6 && memcmp(data, "[DONE]", 6) == 0) return 0;
    json_t *const answer = json_loadb(data, n, 0, NULL);
    const int rc = json_is_object(answer)
                       ? take(a, answer, now)
                       : MN_FAIL(MN_ECORRUPT, "an event is no JSON object: %.60s", data);
    json_decref(answer);
    return rc;
}

int mn_answer_whole(mn_asked *a, const char *body, double now) {
    json_t *const answer = json_loads(body, 0, NULL);
    const int rc = json_is_object(answer) ? take(a, answer, now) : 0;
    json_decref(answer);
    return rc;
}

/* ---- what the times amount to ------------------------------------------------------------- */
static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double mn_load_share(double *v, int n, double share) {
    if (n < 1) return 0;
    qsort(v, (size_t)n, sizeof *v, ascending);
    const int i = (int)(share * n + 1 - 1e-9) - 1; /* nearest rank: the share is rounded up */
    return v[i < 0 ? 0 : i];
}

int mn_load_firsts(const mn_load *l, mn_buf *out) {
    for (int i = 0; i < mn_load_count(l); i++) {
        const mn_asked *a = mn_load_get(l, i);
        if (a->n) MN_TRY(mn_buf_append(out, &(double){a->first - a->due}, sizeof(double)));
    }
    return (int)(out->len / sizeof(double));
}

int mn_load_gaps(const mn_load *l, mn_buf *out) {
    for (int i = 0; i < mn_load_count(l); i++) {
        const mn_asked *a = mn_load_get(l, i);
        for (int k = 1; k < a->n; k++)
            MN_TRY(mn_buf_append(out, &(double){a->at[k] - a->at[k - 1]}, sizeof(double)));
    }
    return (int)(out->len / sizeof(double));
}
