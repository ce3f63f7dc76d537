/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/kin.c - chains such as "Ann's uncle Felix's" are found, and written as "her".
 */
#include "agent/kin.h"

#include "base/error.h"

#include <string.h>
#include <strings.h>

static const char *const kin[] = {
    "aunt",        "brother",       "colleague", "cousin",    "dad",       "daughter",
    "father",      "flatmate",      "friend",    "godfather", "godmother", "grandfather",
    "grandmother", "granddaughter", "grandson",  "housemate", "husband",   "mother",
    "mum",         "mom",           "neighbour", "neighbor",  "nephew",    "niece",
    "roommate",    "sister",        "son",       "uncle",     "wife",      NULL};
static const char *const whose[] = {"my", "our", "his", "her", "their", NULL};
static const char *const adjectives[] = {"best",     "big",     "dear",   "elder", "little",
                                         "old",      "older",   "oldest", "late",  "young",
                                         "youngest", "younger", "close",  NULL};
static const char *const are[] = {"is", "was", "are", "were", NULL};

/* A word between spaces, without the marks behind it: text[0..n), of which `s` are "'s". */
typedef struct word {
    const char *text;
    size_t n, s;
} word;

static word next(const char **at) {
    const char *const text = *at + strspn(*at, " \t\n\"(");
    size_t n = strcspn(text, " \t\n");
    *at = text + n;
    while (n && strchr("?!.,:;\")", text[n - 1])) n--;
    const size_t s = n > 2 && memcmp(text + n - 2, "'s", 2) == 0              ? 2
                     : n > 4 && memcmp(text + n - 4, "\xe2\x80\x99s", 4) == 0 ? 4
                                                                              : 0;
    return (word){text, n, s};
}

static int one_of(const word *w, const char *const *list) {
    const size_t n = w->n - w->s;
    for (; *list; list++)
        if (strlen(*list) == n && strncasecmp(*list, w->text, n) == 0) return 1;
    return 0;
}

static int is_name(const word *w) {
    return w->n - w->s > 1 && ((*w->text >= 'A' && *w->text <= 'Z') || (*w->text & 0x80));
}

/* One of the kin behind adjectives, at `at`: 1, and it is in *out. */
static int kin_at(const char **at, word *out) {
    const char *from = *at;
    word w;
    do w = next(&from);
    while (w.n && !w.s && one_of(&w, adjectives));
    if (!w.n || !one_of(&w, kin)) return 0;
    *at = from;
    *out = w;
    return 1;
}

/* "from college", and a name: what the chain ends with then. */
static int name_at(const char **at, word *last) {
    const char *from = *at;
    word w = next(&from);
    if (w.n == 4 && strncasecmp(w.text, "from", 4) == 0) {
        *last = next(&from);
        *at = from;
        if (last->s) return 0;
        w = next(&from);
    }
    if (!is_name(&w)) return 0;
    *at = from;
    *last = w;
    return 1;
}

/* A chain whose first word is `w`, and what comes behind it is at *at: 1, and its last word and
 * what names them are there; *at is behind it. */
static int chain(const word *w, const char **at, word *last, word *name, int *named) {
    if (!w->s && !one_of(w, whose)) return 0;
    if (!kin_at(at, name)) return 0;
    while (name->s && kin_at(at, name)) {
    } /* "my mother's sister" */
    *last = *name;
    *named = 0;
    if (name->s || name->text[name->n] != ' ') return 1;
    *named = name_at(at, last);
    if (*named) *name = *last;
    return 1;
}

/* It asks who they are. */
static int asks_who(const char *question, const word *last, const char *behind) {
    const char *at = strrchr(question, ':');
    at = at && at < last->text ? at + 1 : question;
    const word who = next(&at), is = next(&at), after = next(&behind);
    const int name = after.n == 4 && strncasecmp(after.text, "name", 4) == 0;
    if (last->s) return name;
    return !after.n && who.n - who.s == 3 && strncasecmp(who.text, "who", 3) == 0 &&
           (who.s || one_of(&is, are));
}

int mn_kin_of(const char *question, mn_kin *out) {
    const char *done = question;
    int found = 0, named, has_name = 0;
    for (const char *at = question; *at;) {
        const word w = next(&at);
        word last, name;
        if (!w.n || !chain(&w, &at, &last, &name, &named)) continue;
        if (asks_who(question, &last, at)) return 0;
        MN_TRY(mn_buf_append(&out->text, done, (size_t)(w.text - done)));
        MN_TRY(mn_buf_puts(&out->text, last.s ? "her" : "she"));
        done = last.text + last.n;
        if (found++ && (has_name || !named)) continue;
        has_name = named;
        mn_buf_clear(&out->name);
        MN_TRY(mn_buf_append(&out->name, name.text, name.n - name.s));
    }
    if (!found) return 0;
    MN_TRY(mn_buf_puts(&out->text, done));
    return 1;
}

void mn_kin_free(mn_kin *k) {
    mn_buf_free(&k->name);
    mn_buf_free(&k->text);
}
