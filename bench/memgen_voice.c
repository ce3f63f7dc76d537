/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/memgen_voice.c - from a pattern to a sentence, and to what a hurried thumb makes of it.
 */
#include "bench/memgen_book.h"

#include "base/error.h"

#include <ctype.h>
#include <string.h>

static int wants_an(const char *value) {
    static const char *const not [] = {"uku", "Uku", "uni", "Uni", "one", "One", "eu", "Eu"};
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
        if (strncmp(value, not [i], strlen(not [i])) == 0) return 0;
    return strchr("aeiouAEIOU8", *value) != NULL;
}

static int put_value(const char *value, mn_buf *out) {
    const size_t n = out->len;
    const char *end = out->data + n;
    if (n >= 2 && end[-1] == ' ' && tolower(end[-2]) == 'a' && (n == 2 || end[-3] == ' ') &&
        wants_an(value)) {
        out->len--;
        MN_TRY(mn_buf_puts(out, "n "));
    }
    return mn_buf_printf(out, "%c%s%c", MN_BOOK_OPEN, value, MN_BOOK_CLOSE);
}

/* The slot called by the first n bytes of `name`. */
static int put_slot(const mn_voice *v, const char *name, size_t n, mn_buf *out) {
    char key[24];
    if (n >= sizeof key) return MN_FAIL(MN_ECORRUPT, "memgen's text has a slot '%.*s'", 24, name);
    memcpy(key, name, n);
    key[n] = '\0';
    for (const mn_slot *s = v->slot; s && s->name; s++)
        if (strcmp(s->name, key) == 0 && s->value) return put_value(s->value, out);
    mn_block *list = mn_book_find(v->book, "list", key);
    if (list) {
        const mn_choice *c = &list->tag[MN_BOOK_PLAIN];
        return put_value(c->line[mn_draw(v->random, c->n)], out);
    }
    if (n < 4 || key[n - 1] != 's')
        return MN_FAIL(MN_ECORRUPT, "memgen's text has a slot '%s', which nobody fills", key);
    return mn_buf_append(out, key, v->first_person ? n - 1 : n);
}

/* Where the bracket at p closes, and the alternatives between. */
static int put_one_of(const mn_voice *v, const char *p, size_t n, mn_buf *out, size_t *used) {
    enum { MOST = 16 };
    size_t from[MOST + 1] = {1};
    int depth = 0, k = 0;
    size_t i = 0;
    for (; i < n; i++) {
        depth += (p[i] == '[') - (p[i] == ']');
        if (!depth) break;
        if (p[i] == '|' && depth == 1 && k + 1 < MOST) from[++k] = i + 1;
    }
    if (i == n) return MN_FAIL(MN_ECORRUPT, "memgen's text has no ']' in: %.60s", p);
    from[k + 1] = i + 1;
    *used = i + 1;
    const int one = mn_draw(v->random, k + 1);
    return mn_voice_put(v, p + from[one], from[one + 1] - from[one] - 1, out);
}

int mn_voice_put(const mn_voice *v, const char *p, size_t n, mn_buf *out) {
    for (size_t i = 0; i < n; i++) {
        size_t used = 1;
        if (p[i] == '{') {
            const char *end = memchr(p + i, '}', n - i);
            if (!end) return MN_FAIL(MN_ECORRUPT, "memgen's text has no '}' in: %.60s", p);
            used = (size_t)(end - p) - i + 1;
            MN_TRY(put_slot(v, p + i + 1, used - 2, out));
        } else if (p[i] == '[') {
            MN_TRY(put_one_of(v, p + i, n - i, out, &used));
        } else {
            MN_TRY(mn_buf_append(out, p + i, 1));
        }
        i += used - 1;
    }
    return 0;
}

/* ---- as typed ------------------------------------------------------------------------------- */
/* Two neighbouring letters of a long word change places, outside of what slots put there. */
static void slip(mn_random *r, char *text) {
    const int n = (int)strlen(text), from = mn_draw(r, n);
    for (int i = 0, inside = 0, run = 0; i < n; i++) {
        inside += (text[i] == MN_BOOK_OPEN) - (text[i] == MN_BOOK_CLOSE);
        run = inside == 0 && text[i] >= 'a' && text[i] <= 'z' ? run + 1 : 0;
        if (run < 6 || i < from) continue;
        const char c = text[i - 2];
        text[i - 2] = text[i - 1];
        text[i - 1] = c;
        return;
    }
}

static void lower(char *text) {
    for (int inside = 0; *text; text++) {
        inside += (*text == MN_BOOK_OPEN) - (*text == MN_BOOK_CLOSE);
        if (!inside) *text = (char)tolower((unsigned char)*text);
    }
}

/* A capital where a sentence begins; iPhone stays as it is. */
static void raise(char *text) {
    int begins = 1;
    for (char *p = text; *p; p++) {
        if (*p == MN_BOOK_OPEN || *p == MN_BOOK_CLOSE) continue;
        if (isalnum((unsigned char)*p)) {
            if (begins && !isupper((unsigned char)p[1])) *p = (char)toupper((unsigned char)*p);
            begins = 0;
        }
        if (strchr(".!?", *p) && (p[1] == ' ' || p[1] == MN_BOOK_CLOSE)) begins = 1;
    }
}

int mn_book_polish(mn_random *r, const char *text, int typed, mn_buf *out) {
    mn_buf draft = {0};
    int rc = mn_buf_puts(&draft, text);
    while (rc >= 0 && draft.len && draft.data[draft.len - 1] == ' ') draft.data[--draft.len] = '\0';
    if (rc >= 0 && draft.len) {
        const double kind = typed ? mn_random_unit(r) : 1;
        raise(draft.data);
        if (kind < .04) lower(draft.data);
        if (kind > .05 && kind < .08) slip(r, draft.data);
        if (kind > .1 && kind < .2 && draft.data[draft.len - 1] == '.') draft.len--;
    }
    for (size_t i = 0; rc >= 0 && i < draft.len; i++)
        if (draft.data[i] != MN_BOOK_OPEN && draft.data[i] != MN_BOOK_CLOSE &&
            !(draft.data[i] == ' ' && i && draft.data[i - 1] == ' '))
            rc = mn_buf_append(out, draft.data + i, 1);
    mn_buf_free(&draft);
    return rc;
}
