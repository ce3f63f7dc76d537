/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/graph_names.c - MinHash over 3-grams; entities are read once, then what is new.
 */
#include "agent/graph_names.h"

#include "agent/words.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PERMUTATIONS = 32, BAND = 4, BANDS = PERMUTATIONS / BAND, GRAMS = MN_NAME_MAX };
static const double ALIKE = 0.9, ENTROPY = 1.5;

typedef struct known {
    int64_t id;
    uint64_t band[BANDS];
    char words[MN_NAME_MAX + 8];
} known;

struct mn_graph_names {
    int64_t owner, after;
    char place[2 * MN_FIELD_MAX + 8]; /* agent and run */
    mn_buf list;                      /* of known */
};

size_t mn_graph_words(const char *name, size_t n, char out[MN_NAME_MAX + 8]) {
    size_t len = 0;
    for (mn_words w = mn_words_of(name, n); mn_words_spoken(&w);) {
        if (len + (len > 0) + w.n > MN_NAME_MAX) break;
        if (len) out[len++] = ' ';
        memcpy(out + len, w.word, w.n);
        len += w.n;
    }
    out[len] = 0;
    return len;
}

/* ---- likeness ------------------------------------------------------------------------------- */
/* Hashes of the 3-grams of a name, each once: how many. */
static int grams_of(const char *words, uint64_t out[GRAMS]) {
    const size_t n = strlen(words);
    int count = 0;
    for (size_t i = 0; i + 3 <= n; i++) {
        const uint64_t h = mn_hash64(words + i, 3);
        int there = 0;
        for (int k = 0; k < count && !there; k++) there = out[k] == h;
        if (!there && count < GRAMS) out[count++] = h;
    }
    return count;
}

static double likeness(const char *a, const char *b) {
    uint64_t x[GRAMS], y[GRAMS];
    const int n = grams_of(a, x), m = grams_of(b, y);
    int both = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < m; k++) both += x[i] == y[k];
    return n + m > both ? (double)both / (n + m - both) : 0;
}

static void bands_of(const char *words, uint64_t band[BANDS]) {
    uint64_t gram[GRAMS], least[PERMUTATIONS];
    const int n = grams_of(words, gram);
    for (int p = 0; p < PERMUTATIONS; p++) {
        least[p] = UINT64_MAX;
        for (int i = 0; i < n; i++) {
            uint64_t state = gram[i] ^ (0x9e3779b97f4a7c15u * (uint64_t)(p + 1));
            const uint64_t h = mn_random_mix(&state);
            if (h < least[p]) least[p] = h;
        }
    }
    for (int b = 0; b < BANDS; b++) band[b] = mn_hash64(least + b * BAND, BAND * sizeof *least);
}

/* Bits a letter. */
static double entropy(const char *words) {
    int count[256] = {0}, n = 0;
    double bits = 0;
    for (; *words; words++, n++) count[(unsigned char)*words]++;
    for (int i = 0; i < 256; i++)
        if (count[i]) bits -= count[i] * log2((double)count[i] / n);
    return n ? bits / n : 0;
}

/* ---- the list ------------------------------------------------------------------------------- */
static int learn(void *user, const mn_row *row) {
    mn_graph_names *const names = user;
    known one = {.id = row->id};
    if (!mn_org_made(row) || strlen(row->ref) > MN_NAME_MAX) return 0;
    strcpy(one.words, row->ref);
    bands_of(one.words, one.band);
    if (row->id > names->after) names->after = row->id;
    return mn_buf_append(&names->list, &one, sizeof one);
}

static int read_new(mn_org *c) {
    char place[sizeof c->names->place];
    snprintf(place, sizeof place, "%s\n%s", c->who.agent, c->who.run);
    if (c->names && (c->names->owner != c->owner || strcmp(c->names->place, place) != 0))
        mn_graph_names_free(&c->names);
    if (!c->names) {
        c->names = mn_calloc(1, sizeof *c->names);
        if (!c->names) return MN_FAIL(MN_ENOMEM, "no memory for names of entities");
        c->names->owner = c->owner;
        c->names->list.what = "names of entities";
        strcpy(c->names->place, place);
    }
    return mn_org_rows(c, (mn_rows){.kind = "entity", .after = c->names->after}, learn, c->names);
}

void mn_graph_names_free(mn_graph_names **names) {
    if (!*names) return;
    mn_buf_free(&(*names)->list);
    mn_free(*names);
    *names = NULL;
}

static int take_id(void *user, const mn_row *row) {
    if (mn_org_made(row)) *(int64_t *)user = row->id;
    return 0;
}

int mn_graph_name_find(mn_org *c, const char *words, int64_t *id, char out[MN_NAME_MAX + 8]) {
    uint64_t band[BANDS];
    double best = ALIKE;
    *id = 0;
    memmove(out, words, strlen(words) + 1);
    MN_TRY(mn_org_rows(c, (mn_rows){.kind = "entity", .ref = words, .most = 1}, take_id, id));
    if (*id || entropy(words) < ENTROPY) return 0;
    MN_TRY(read_new(c));
    const known *const list = (const known *)(const void *)c->names->list.data;
    const known *is = NULL;
    bands_of(words, band);
    for (size_t i = 0; i < c->names->list.len / sizeof *list; i++) {
        int shared = 0;
        for (int b = 0; b < BANDS && !shared; b++) shared = list[i].band[b] == band[b];
        const double alike = shared ? likeness(list[i].words, words) : 0;
        if (alike < best || (is && alike == best)) continue;
        best = alike;
        is = list + i;
    }
    /* What was forgotten since is not there any more. */
    if (is)
        MN_TRY(
            mn_org_rows(c, (mn_rows){.kind = "entity", .ref = is->words, .most = 1}, take_id, id));
    if (*id) strcpy(out, is->words);
    return 0;
}
