/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/goals_noun.c - which things of a scene a noun of English means.
 *
 * The longest run of words that is a name, another name or a class of something is it; a class may
 * be a plural. Words before it that are true of some thing ("dirty") choose among them.
 */
#include "fleet/goals.h"

#include "base/error.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PHRASE = 5, TEXT = 256 };

int mn_said_plain(mn_goals *g, const char *text, const char **out) {
    char *copy;
    const size_t n = strlen(text);
    MN_TRY(mn_arena_take(&g->arena, n + 1, &copy));
    for (size_t i = 0; i < n; i++)
        copy[i] = text[i] == '_' || text[i] == '-' ? ' ' : (char)tolower((unsigned char)text[i]);
    *out = copy;
    return 0;
}

/* Is `name` what `words` (plain) says? */
static int same(const char *name, const char *words) {
    for (; *name || *words; name++, words++) {
        const char c = *name == '_' || *name == '-' ? ' ' : (char)tolower((unsigned char)*name);
        if (c != *words) return 0;
    }
    return 1;
}

/* 1: the class as it is, 2: more than one of it. */
static int same_class(const char *class_, const char *words) {
    char one[TEXT];
    const size_t n = strlen(words);
    if (!*class_) return 0;
    if (same(class_, words)) return 1;
    if (n < 2 || n >= TEXT || words[n - 1] != 's') return 0;
    snprintf(one, sizeof one, "%s", words);
    one[n - 1] = 0;
    if (same(class_, one)) return 2;
    if (n > 3 && words[n - 2] == 'e') {
        one[n - 2] = 0;
        if (same(class_, one)) return 2;
        if (words[n - 3] == 'i') {
            snprintf(one + n - 3, sizeof one - n + 3, "y");
            if (same(class_, one)) return 2;
        }
        if (words[n - 3] == 'v') {
            snprintf(one + n - 3, sizeof one - n + 3, "f");
            if (same(class_, one)) return 2;
            snprintf(one + n - 3, sizeof one - n + 3, "fe");
            if (same(class_, one)) return 2;
        }
    }
    return 0;
}

static int is_named(const mn_thing *t, const char *words) {
    if (same(t->name, words)) return 1;
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(t->json, "also"), i, one) {
        if (json_is_string(one) && same(json_string_value(one), words)) return 1;
    }
    return 0;
}

static int is_true(const mn_thing *t, const char *word) {
    return json_is_true(json_object_get(json_object_get(t->json, "is"), word));
}

static int is_adjective(const mn_scene *s, const char *word) {
    for (int i = 0; i < s->n_things; i++)
        if (json_object_get(json_object_get(s->thing[i].json, "is"), word)) return 1;
    return 0;
}

int mn_said_is(const mn_said *w, int at, const char *word) {
    return at < w->n && !w->quoted[at] && !strcmp(w->word[at], word);
}

static int is_one_of(const mn_said *w, int at, const char *const *list) {
    for (int i = 0; list[i]; i++)
        if (mn_said_is(w, at, list[i])) return 1;
    return 0;
}

void mn_said_skip(mn_said *w) {
    static const char *const empty[] = {"please",  "now",  "also",   "robot",     "robots",
                                        "could",   "can",  "you",    "would",     "i",
                                        "want",    "we",   "need",   "just",      "carefully",
                                        "quickly", "must", "should", "the robot", NULL};
    while (is_one_of(w, w->at, empty)) w->at++;
}

int mn_said_unknown(const mn_said *w) {
    const int at = w->stuck;
    mn_buf there = {0};
    const mn_scene *s = w->s;
    int told = 0;
    for (int i = 0; i < s->n_things && told < 40; i++, told++)
        if (mn_buf_printf(&there, "%s%s", told ? ", " : "", s->thing[i].name) < 0) break;
    for (int i = 0; i < s->n_robots && told < 48; i++, told++)
        if (mn_buf_printf(&there, "%s%s", told ? ", " : "", s->robot[i].name) < 0) break;
    if (told < s->n_things + s->n_robots) mn_buf_puts(&there, ", ..");
    const int rc = at < w->n
                       ? MN_FAIL(MN_EINVAL, "'%.80s' is nothing that is known here: there are %s",
                                 w->as[at], there.data ? there.data : "no things")
                       : MN_FAIL(MN_EINVAL,
                                 "the sentence ends where a thing or a place should be "
                                 "named: there are %s",
                                 there.data ? there.data : "none");
    mn_buf_free(&there);
    return rc;
}

static void add(mn_noun *out, const char *name) {
    for (int i = 0; i < out->n; i++)
        if (!strcmp(out->name[i], name)) return;
    if (out->n < MN_NOUNS) out->name[out->n++] = name;
}

/* What the words mean; 2: as a plural. */
static int means(const mn_scene *s, const char *words, int objects, mn_noun *out) {
    int many = 0;
    for (int i = 0; i < s->n_things; i++)
        if (same(s->thing[i].name, words)) add(out, s->thing[i].name);
    for (int i = 0; i < s->n_robots; i++)
        if (same(s->robot[i].name, words)) add(out, s->robot[i].name);
    if (out->n) return 1;
    for (int i = 0; i < s->n_things; i++)
        if ((!objects || s->thing[i].kind == MN_OBJECT_KIND) && is_named(s->thing + i, words))
            add(out, s->thing[i].name);
    for (int i = 0; i < s->n_things; i++) {
        const mn_thing *t = s->thing + i;
        const int is = !objects || t->kind == MN_OBJECT_KIND ? same_class(t->class_, words) : 0;
        if (is) add(out, t->name);
        if (is > many) many = is;
    }
    return out->n ? many == 2 ? 2 : 1 : 0;
}

static int read_count(mn_said *w, int *count, int *a) {
    static const char *const numbers[] = {"one",   "two",   "three", "four", "five", "six",
                                          "seven", "eight", "nine",  "ten",  NULL};
    static const char *const all[] = {"all", "every", "each", "both", "any", NULL};
    static const char *const the[] = {"the",   "my",    "your", "our", "that",  "this",
                                      "these", "those", "of",   "its", "their", NULL};
    const int from = w->at;
    *count = 0, *a = 0;
    for (;; w->at++) {
        if (is_one_of(w, w->at, all))
            *count = -1;
        else if (mn_said_is(w, w->at, "a") || mn_said_is(w, w->at, "an") ||
                 mn_said_is(w, w->at, "some") || mn_said_is(w, w->at, "another"))
            *count = 1, *a = 1;
        else if (!is_one_of(w, w->at, the)) {
            int k = 0;
            if (w->at >= w->n || w->quoted[w->at]) break;
            while (numbers[k] && strcmp(numbers[k], w->word[w->at]) != 0) k++;
            const long n = numbers[k] ? k + 1 : strtol(w->word[w->at], NULL, 10);
            if (n < 1 || n > MN_NOUNS || w->at + 1 >= w->n) break;
            *count = (int)n;
        }
    }
    return w->at > from;
}

static int read_everything(mn_said *w, int count, mn_noun *out) {
    static const char *const every[] = {"everything", "things", "objects", "items",
                                        "thing",      "object", "item",    NULL};
    if (!is_one_of(w, w->at, every)) return 0;
    out->said = w->as[w->at];
    out->count = mn_said_is(w, w->at, "everything") || !count ? -1 : count;
    for (int i = 0; i < w->s->n_things; i++)
        if (w->s->thing[i].kind == MN_OBJECT_KIND) add(out, w->s->thing[i].name);
    w->at++;
    return 1;
}

static void choose(const mn_scene *s, mn_noun *out, const char *const *adjective, int n) {
    int kept = 0;
    for (int i = 0; i < out->n; i++) {
        const mn_thing *t = mn_scene_thing(s, out->name[i]);
        int fits = t != NULL;
        for (int k = 0; fits && k < n; k++) fits = is_true(t, adjective[k]);
        if (fits || !n) out->name[kept++] = out->name[i];
    }
    out->n = kept;
}

int mn_noun_read(mn_said *w, int objects, mn_noun *out) {
    const char *adjective[MN_ADJECTIVES];
    int n_adjectives = 0, count, a;
    const int from = w->at;
    *out = (mn_noun){.n = 0};
    read_count(w, &count, &a);
    for (; w->at < w->n; w->at++) {
        const int every = read_everything(w, count, out);
        char words[TEXT] = "";
        int many = 0, k = every ? 0 : PHRASE;
        for (; k > 0 && !many; k--) {
            size_t len = 0;
            if (w->at + k > w->n) continue;
            for (int i = 0; i < k && len < TEXT; i++)
                len += (size_t)snprintf(words + len, TEXT - len, "%s%s", i ? " " : "",
                                        w->word[w->at + i]);
            many = len < TEXT ? means(w->s, words, objects, out) : 0;
            if (many) out->said = w->as[w->at + k - 1], w->at += k;
        }
        if (many) out->count = count ? count : many == 2 ? -1 : 0;
        if (many || every) {
            choose(w->s, out, adjective, n_adjectives);
            if (!out->n)
                return MN_FAIL(MN_EINVAL, "there is no '%s' that is %s", out->said, adjective[0]);
            return 1;
        }
        if (n_adjectives == MN_ADJECTIVES || !is_adjective(w->s, w->word[w->at])) break;
        adjective[n_adjectives++] = w->word[w->at];
    }
    w->stuck = w->at;
    w->at = from;
    return 0;
}

static int is_within(const mn_scene *s, const char *name, const char *place) {
    for (int i = 0; i <= s->n_things; i++) { /* no deeper than there are things */
        const mn_thing *t = mn_scene_thing(s, name);
        if (!t || !*t->at) return 0;
        if (!strcmp(t->at, place)) return 1;
        name = t->at;
    }
    return 0;
}

void mn_noun_within(const mn_scene *s, mn_noun *noun, const char *place) {
    int kept = 0;
    for (int i = 0; i < noun->n; i++)
        if (is_within(s, noun->name[i], place)) noun->name[kept++] = noun->name[i];
    noun->n = kept;
}

static int is_free(const mn_said *w, const char *name, const char *away) {
    const mn_thing *t = mn_scene_thing(w->s, name);
    for (int i = 0; i < w->goals->n; i++)
        for (int k = 0; k < MN_FACT_ARGS && w->goals->goal[i].arg[k]; k++)
            if (!strcmp(w->goals->goal[i].arg[k], name)) return 0;
    return !away || !t || strcmp(t->at, away) != 0;
}

int mn_noun_pick(const mn_said *w, mn_noun *noun, const char *away) {
    mn_noun out = *noun;
    out.n = 0;
    if (!noun->n) return MN_FAIL(MN_EINVAL, "there is no '%s' there", noun->said);
    if (noun->count < 0) return 0;
    const int wanted = noun->count ? noun->count : 1;
    if (noun->n < wanted)
        return MN_FAIL(MN_EINVAL, "there %s %d '%s', not %d", noun->n == 1 ? "is" : "are", noun->n,
                       noun->said, wanted);
    if (!noun->count && noun->n > 1) {
        mn_buf list = {0};
        for (int i = 0; i < noun->n && i < 12; i++)
            if (mn_buf_printf(&list, "%s%s", i ? ", " : "", noun->name[i]) < 0) break;
        const int rc = MN_FAIL(MN_EINVAL, "'%s' may be %s: say which, or 'a %s', or 'all'",
                               noun->said, list.data ? list.data : "many", noun->said);
        mn_buf_free(&list);
        return rc;
    }
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < noun->n && out.n < wanted; i++)
            if (is_free(w, noun->name[i], away) == !round) add(&out, noun->name[i]);
    *noun = out;
    return 0;
}
