/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/stop.c - stop strings over a stream of text, and only whole UTF-8 out of it.
 *
 * One Knuth-Morris-Pratt automaton per stop string reads each byte once; its state is the length
 * of the longest beginning of that string the text ends with. The stop string that is complete
 * first ends the stream (the longest, if several end at the same byte), so the result does not
 * depend on how the text was cut into feeds. Held back: the largest state, and what stands before
 * it of an unfinished UTF-8 sequence. Each maximal ill-formed run becomes one U+FFFD (Unicode
 * 15, 3.9, U+FFFD substitution of maximal subparts). O(1) a byte and stop string.
 */
#include "engine/sample.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/utf8.h"

#include <string.h>

typedef struct stop {
    char *text;
    size_t len, state;
    size_t *back; /* [len] back[i]: the longest proper border of text[0..i] */
} stop;

struct mn_stopper {
    stop *stop;
    size_t n;
    int done;
    mn_buf held;  /* read, not emitted yet */
    mn_buf shown; /* what the last call emitted */
};

/* ---- automata ------------------------------------------------------------------------------- */
static size_t step(const stop *s, size_t state, char c) {
    while (state && (state == s->len || s->text[state] != c)) state = s->back[state - 1];
    return state + (s->text[state] == c);
}

static int prepare(stop *s, const char *text) {
    if (!*text) return MN_FAIL(MN_EINVAL, "a stop text is empty; leave it out instead");
    s->text = mn_strdup(text);
    s->len = strlen(text);
    s->back = mn_calloc(s->len, sizeof *s->back);
    if (!s->text || !s->back)
        return MN_FAIL(MN_ENOMEM, "no memory for a stop text of %zu bytes", s->len);
    for (size_t i = 1; i < s->len; i++) s->back[i] = step(s, s->back[i - 1], text[i]);
    return 0;
}

int mn_stopper_open(const char *const *text, size_t n, mn_stopper **out) {
    *out = NULL;
    mn_stopper *s = mn_calloc(1, sizeof *s);
    if (s) s->stop = mn_calloc(n, sizeof *s->stop);
    int rc = s && s->stop ? 0 : MN_FAIL(MN_ENOMEM, "no memory for %zu stop texts", n);
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        s->n = i + 1;
        rc = prepare(&s->stop[i], text[i]);
    }
    if (rc < 0) {
        mn_stopper_close(&s);
        return rc;
    }
    *out = s;
    return 0;
}

void mn_stopper_close(mn_stopper **s) {
    if (!*s) return;
    for (size_t i = 0; i < (*s)->n; i++) {
        mn_free((*s)->stop[i].text);
        mn_free((*s)->stop[i].back);
    }
    mn_free((*s)->stop);
    mn_buf_free(&(*s)->held);
    mn_buf_free(&(*s)->shown);
    mn_free(*s);
    *s = NULL;
}

/* ---- UTF-8 ---------------------------------------------------------------------------------- */
/* Move the first n held bytes to `shown`, ill-formed runs replaced. An unfinished sequence at
 * their end stays held, or is replaced when nothing can follow it (`end`). Both buffers have been
 * reserved: cannot fail. */
static void show(mn_stopper *s, size_t n, int end) {
    const unsigned char *p = (const unsigned char *)s->held.data;
    size_t i = 0;
    while (i < n) {
        const int len = mn_utf8_sequence(p + i, n - i);
        if (len == 0 && !end) break;
        if (len > 0)
            mn_buf_append(&s->shown, p + i, (size_t)len);
        else
            mn_buf_append(&s->shown, "\xef\xbf\xbd", 3);
        i += len > 0 ? (size_t)len : len < 0 ? (size_t)-len : n - i;
    }
    if (!i) return;
    memmove(s->held.data, s->held.data + i, s->held.len - i);
    s->held.len -= i;
}

/* ---- the stream ----------------------------------------------------------------------------- */
static int begin(mn_stopper *s, size_t n, const char **emit, size_t *n_emit) {
    *emit = "";
    *n_emit = 0;
    MN_TRY(mn_buf_reserve(&s->held, n));
    MN_TRY(mn_buf_reserve(&s->shown, 3 * (s->held.len + n))); /* one bad byte makes three */
    mn_buf_clear(&s->shown);
    return 0;
}

/* The length of the longest stop string complete with byte c; 0: none. */
static size_t advance(mn_stopper *s, char c) {
    size_t longest = 0;
    for (size_t i = 0; i < s->n; i++) {
        stop *t = &s->stop[i];
        t->state = step(t, t->state, c);
        if (t->state == t->len && t->len > longest) longest = t->len;
    }
    return longest;
}

int mn_stopper_feed(mn_stopper *s, const char *text, size_t n, const char **emit, size_t *n_emit) {
    MN_TRY(begin(s, n, emit, n_emit));
    for (size_t i = 0; i < n && !s->done; i++) {
        mn_buf_append(&s->held, text + i, 1);
        const size_t hit = advance(s, text[i]);
        if (!hit) continue;
        s->done = 1;
        show(s, s->held.len - hit, 1);
        mn_buf_clear(&s->held);
    }
    size_t keep = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->stop[i].state > keep) keep = s->stop[i].state;
    if (!s->done) show(s, s->held.len - keep, 0);
    if (s->shown.len) *emit = s->shown.data;
    *n_emit = s->shown.len;
    return s->done;
}

int mn_stopper_flush(mn_stopper *s, const char **emit, size_t *n_emit) {
    MN_TRY(begin(s, 0, emit, n_emit));
    show(s, s->held.len, 1);
    for (size_t i = 0; i < s->n; i++) s->stop[i].state = 0;
    if (s->shown.len) *emit = s->shown.data;
    *n_emit = s->shown.len;
    return s->done;
}
