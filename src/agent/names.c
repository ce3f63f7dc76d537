/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/names.c - names are compared by their words, as agent/words.h folds them.
 */
#include "agent/names.h"

#include "agent/words.h"

#include <string.h>

static int keep(void *user, const char *name) {
    struct {
        mn_names *names;
        mn_arena *arena;
    } *const to = user;
    char *copy;
    const size_t n = strlen(name);
    MN_TRY(mn_arena_take(to->arena, n + 1, &copy));
    memcpy(copy, name, n);
    to->names->name[to->names->n++] = copy;
    return 0;
}

int mn_names_read(mn_names *names, mn_store *s, int64_t owner, mn_arena *arena) {
    struct {
        mn_names *names;
        mn_arena *arena;
    } to = {names, arena};
    names->n = 0;
    return s->kind->speakers(s, owner, MN_NAMES, keep, &to);
}

/* How many words of `name` stand at the beginning of `from`: all of them, or the first alone, or
 * none; *till is where the last of them ends. */
static int words_of_name(const char *name, mn_words from, const unsigned char **till) {
    mn_words w = mn_words_of(name, strlen(name));
    int n = 0;
    while (mn_words_spoken(&w)) {
        if (n && !mn_words_spoken(&from)) break;
        if (w.n != from.n || memcmp(w.word, from.word, w.n) != 0) break;
        *till = from.till;
        n++;
    }
    return n;
}

/* The name that stands where `at` is, the longest; NULL: none. */
static const char *name_at(const mn_names *names, const mn_words *at, const unsigned char **till) {
    const char *found = NULL;
    int most = 0;
    for (int i = 0; i < names->n; i++) {
        const unsigned char *end = NULL;
        const int n = words_of_name(names->name[i], *at, &end);
        if (n <= most) continue;
        most = n;
        found = names->name[i];
        *till = end;
    }
    return found;
}

int mn_names_has(const mn_names *names, const char *word, size_t n) {
    for (int i = 0; i < names->n; i++) {
        mn_words w = mn_words_of(names->name[i], strlen(names->name[i]));
        while (mn_words_next(&w))
            if (w.n == n && memcmp(w.word, word, n) == 0) return 1;
    }
    return 0;
}

static int one_of(const mn_words *w, const char *const *list) {
    for (; *list; list++)
        if (strlen(*list) == w->n && memcmp(*list, w->word, w->n) == 0) return 1;
    return 0;
}

/* Is one of the words spoken in the query? */
static int speaks(const char *query, const char *const *list) {
    for (mn_words w = mn_words_of(query, strlen(query)); mn_words_spoken(&w);)
        if (one_of(&w, list)) return 1;
    return 0;
}

const char *mn_names_about(const mn_names *names, const char *query) {
    static const char *const joins[] = {"and", "or", NULL};
    const char *first = NULL;
    const unsigned char *till = NULL, *done = NULL;
    for (mn_words w = mn_words_of(query, strlen(query)); mn_words_spoken(&w);) {
        const char *const name = done && w.from < done ? NULL : name_at(names, &w, &till);
        if (!name) continue;
        if (first && first != name && speaks(query, joins)) return NULL;
        if (!first) first = name;
        done = till;
    }
    return first;
}

int mn_names_other(const char *query) {
    static const char *const others[] = {"you", "your", "yours", "yourself", NULL};
    return speaks(query, others);
}

int mn_names_self(const char *query) {
    static const char *const self[] = {"i", "me", "my", "mine", "myself", NULL};
    return speaks(query, self) && !mn_names_other(query);
}

/* "'s" behind a name, with either apostrophe: how many bytes. */
static size_t possessive(const unsigned char *p, const unsigned char *end) {
    static const char *const forms[] = {"'s", "\xe2\x80\x99s"};
    for (size_t i = 0; i < 2; i++) {
        const size_t n = strlen(forms[i]);
        if ((size_t)(end - p) >= n && memcmp(p, forms[i], n) == 0) return n;
    }
    return 0;
}

int mn_names_rewrite(const mn_names *names, const char *query, mn_buf *out) {
    const size_t n = strlen(query);
    const unsigned char *done = (const unsigned char *)query, *const all = done + n, *till;
    mn_words w = mn_words_of(query, n);
    while (mn_words_spoken(&w)) {
        if (w.from < done || !name_at(names, &w, &till)) continue;
        const size_t s = possessive(till, all);
        MN_TRY(mn_buf_append(out, done, (size_t)(w.from - done)));
        MN_TRY(mn_buf_puts(out, s ? "my" : "I"));
        done = till + s;
    }
    return mn_buf_append(out, done, (size_t)(all - done));
}
