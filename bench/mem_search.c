/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/mem_search.c - row `search`: 1,000 questions of 4 to 9 words that stand beside each other
 * in a record, so that words are as frequent in them as in the records.
 *
 * What is timed is mn_mem_find, the vector of the question included. Vectors of the records are
 * made up: a mean of 4 directions out of 4,096, as texts about a few things have, for to make a
 * million by a model takes hours. Records lie in sessions of 20.
 */
#include "bench/mem.h"

#include "agent/notes.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "omnesia.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUESTIONS = 1000, BATCH = 500, SESSION = 20, DIM = 384, DIRECTIONS = 4096, OF = 4 };

typedef struct bed {
    const mn_bench_options *o;
    const char *folder;
    mn_bench_words *words;
    float *direction;                /* [DIRECTIONS, DIM] */
    mn_random random, about;         /* of texts; of vectors */
    char (*question)[MN_BENCH_TEXT]; /* [QUESTIONS] */
    double *ms;                      /* [QUESTIONS] */
} bed;

/* ---- vectors ------------------------------------------------------------------------------ */
static int make(void *user, const char *const *texts, const size_t *lengths, int n, float *out) {
    bed *const b = user;
    (void)texts, (void)lengths;
    for (int i = 0; i < n; i++, out += DIM) {
        float length = 0;
        memset(out, 0, DIM * sizeof *out);
        for (int k = 0; k < OF; k++) {
            const float *const d =
                b->direction + (size_t)(mn_random_u64(&b->about) % DIRECTIONS) * DIM;
            for (int c = 0; c < DIM; c++) out[c] += d[c];
        }
        for (int c = 0; c < DIM; c++) length += out[c] * out[c];
        for (int c = 0; c < DIM; c++) out[c] /= sqrtf(length);
    }
    return 0;
}

/* ---- records ------------------------------------------------------------------------------ */
/* A few neighbouring words of the text. */
static void question_of(bed *b, const char *text, char *out) {
    const char *at = text;
    int words = 4 + (int)(mn_random_unit(&b->random) * 6), n = 0;
    snprintf(out, MN_BENCH_TEXT, "%s", at);
    for (; out[n]; n++)
        if (out[n] == ' ' && !--words) break;
    out[n] = 0;
}

static int add_batch(bed *b, mn_notes *notes, int first, int all) {
    static char text[BATCH][MN_BENCH_TEXT], session[BATCH][24];
    static mn_row row[BATCH];
    const mn_who who = {.user = "bench"};
    for (int i = 0; i < BATCH; i++) {
        mn_bench_words_text(b->words, &b->random, text[i]);
        snprintf(session[i], sizeof *session, "talk %d", (first + i) / SESSION);
        row[i] = (mn_row){.text = text[i],
                          .n = strlen(text[i]),
                          .time = "2024-05-01",
                          .session = session[i],
                          .speaker = i % 2 ? "Ann" : "Bob",
                          .ref = "",
                          .source = "",
                          .kind = "",
                          .agent = "",
                          .run = "",
                          .meta = ""};
        if ((first + i) % (all / QUESTIONS) == 0)
            question_of(b, text[i], b->question[(first + i) / (all / QUESTIONS)]);
    }
    return mn_notes_add(notes, &who, row, BATCH, NULL);
}

static int fill(bed *b, const char *path, int all) {
    mn_notes *notes;
    const mn_vector_maker by = {.make = make, .user = b, .dim = DIM};
    MN_TRY(mn_notes_open(path, 0, &notes));
    int rc = mn_notes_model(notes, "minilm-l6", DIM);
    for (int i = 0; i < all && rc >= 0; i += BATCH) {
        rc = add_batch(b, notes, i, all);
        if (rc >= 0) rc = mn_notes_embed(notes, &by, BATCH);
        if (i % 100000 == 0 && i) fprintf(stderr, "%d of %d records\n", i, all);
    }
    mn_notes_close(&notes);
    return rc;
}

/* ---- asking ------------------------------------------------------------------------------- */
static int count(void *user, const mn_record *record) {
    (void)record;
    ++*(int *)user;
    return 0;
}

/* `who` asks: the first question alone, or all of them. */
static int ask(bed *b, const char *path, mn_region *region, const char *who, int questions) {
    mn_mem *mem;
    const mn_scope scope = {.user = "bench"};
    const mn_mem_options how = {.region = region, .pull = 1};
    int rc = mn_mem_open(path, &how, &mem), found = 0;
    for (int i = -1; i < questions && rc >= 0; i++) { /* the first reads the vectors */
        const mn_find what = {.query = b->question[i < 0 ? 0 : i]};
        const uint64_t before = mn_clock_ns();
        rc = mn_mem_find(mem, &scope, &what, count, &found);
        const double ms = (double)(mn_clock_ns() - before) * 1e-6;
        if (i < 0 && rc >= 0)
            rc = mn_bench_figure("search", who, ms, "ms", 0, b->o->json);
        else if (i >= 0)
            b->ms[i] = ms;
    }
    mn_mem_close(&mem);
    return rc < 0 ? rc : found ? 0 : MN_FAIL(MN_ECORRUPT, "the searches found nothing");
}

/* Without a region, then with one: the first process makes what the next one finds. */
static int ask_all(bed *b, const char *path) {
    static const char *const who[] = {"the first of a process that shares nothing",
                                      "the first of a process that shares vectors",
                                      "the first of the next process"};
    char place[96];
    snprintf(place, sizeof place, "%s/region", b->folder);
    MN_TRY(ask(b, path, NULL, who[0], 0));
    int rc = 0;
    for (int i = 1; i < 3 && rc >= 0; i++) {
        mn_region *region;
        MN_TRY(mn_region_open(place, (uint64_t)1 << 30, -1, &region));
        rc = ask(b, path, region, who[i], i == 1 ? 0 : QUESTIONS);
        mn_region_close(&region);
    }
    return rc;
}

static int size(bed *b, int all, const char *name, double p50, double p99) {
    char path[96], what[64];
    snprintf(path, sizeof path, "%s/%d.db", b->folder, all);
    MN_TRY(fill(b, path, all));
    MN_TRY(ask_all(b, path));
    mn_bench_times t = {b->ms, QUESTIONS};
    snprintf(what, sizeof what, "%s records, p50", name);
    MN_TRY(mn_bench_figure("search", what, mn_bench_at(&t, .5), "ms", p50, b->o->json));
    snprintf(what, sizeof what, "%s records, p99", name);
    return mn_bench_figure("search", what, mn_bench_at(&t, .99), "ms", p99, b->o->json);
}

static int run(bed *b) {
    MN_TRY(mn_bench_words_open(&b->words));
    b->direction = mn_malloc((size_t)DIRECTIONS * DIM * sizeof *b->direction);
    b->question = mn_calloc(QUESTIONS, sizeof *b->question);
    b->ms = mn_calloc(QUESTIONS, sizeof *b->ms);
    if (!b->direction || !b->question || !b->ms) return MN_FAIL(MN_ENOMEM, "no memory");
    mn_random_seed(&b->random, b->o->seed ? b->o->seed : 1);
    mn_random_seed(&b->about, 2);
    for (size_t i = 0; i < (size_t)DIRECTIONS * DIM; i++) /* nearly normal */
        b->direction[i] = (float)(mn_random_unit(&b->about) + mn_random_unit(&b->about) +
                                  mn_random_unit(&b->about) - 1.5);
    MN_TRY(size(b, 100000, "100,000", 0, 10));
    return size(b, 1000000, "1,000,000", 10, 60);
}

int mn_bench_mem_search(const mn_bench_options *o, const char *folder) {
    bed b = {.o = o, .folder = folder};
    const int rc = run(&b);
    mn_bench_words_close(&b.words);
    mn_free(b.direction);
    mn_free(b.question);
    mn_free(b.ms);
    return rc;
}
