/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/mem0.c - `omnesia bench mem0`: adding and finding beside mem0ai with Qdrant in a folder,
 * and how little of a talk an answer needs (Mem0, Chhikara et al. 2025).
 *
 *   given      a turn added as it was said, and a search, as two parts and together
 *   facts      the same by way of facts, which a language model gives: one new one for each turn
 *   tokens     of the ten records found for a question, against the whole talk
 *
 * Neither side's time has anything of a model in it (bench/peer_bed.h). Both add one turn at a time
 * to an empty store, then ask. Turns and questions are of the generator; `tokens` is asked of
 * --data, too, with real vectors.
 */
#include "bench/bench.h"
#include "bench/judge.h"
#include "bench/memgen.h"
#include "bench/peer.h"
#include "bench/peer_bed.h"

#include "agent/org.h"
#include "base/clock.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

extern const unsigned char mn_peer_mem0_py[];

enum { TURNS = 100, QUESTIONS = 50, TEN = 10 };

typedef struct bed {
    const mn_bench_options *o;
    mn_peer_bed peer;
    mn_history h;
    int facts; /* so far */
} bed;

static const mn_who who = {.user = "bench"};

/* ---- ours ----------------------------------------------------------------------------------- */
static int extract(void *user, const char *schema, const char *prompt, mn_buf *out) {
    bed *const b = user;
    (void)schema, (void)prompt;
    return mn_buf_printf(out, "{\"facts\":[\"fact number %d of somebody\"]}", b->facts++);
}

static int add_turn(bed *b, const char *text, const mn_organiser *by) {
    const mn_org_model model = {.extract = extract, .user = b};
    mn_row row = {.text = text,
                  .n = strlen(text),
                  .time = "",
                  .session = "talk",
                  .speaker = "Ann",
                  .ref = "",
                  .source = "",
                  .kind = "",
                  .agent = "",
                  .run = "",
                  .meta = ""};
    MN_TRY(mn_notes_add(b->peer.notes, &who, &row, 1, NULL));
    if (by) MN_TRY(mn_notes_organise(b->peer.notes, by, &model, 1));
    return mn_peer_bed_embed(&b->peer);
}

static int count(void *user, const mn_row *row, double score) {
    (void)row, (void)score;
    ++*(int *)user;
    return 0;
}

static int search(bed *b, const char *query, const char *kind, int *found) {
    const mn_seek seek = {.query = query,
                          .vector = mn_peer_bed_vector(&b->peer, query),
                          .dim = MN_PEER_DIM,
                          .k = TEN,
                          .as_of = MN_NEVER,
                          .rows = {.kind = kind}};
    return mn_notes_find(b->peer.notes, &who, &seek, count, found);
}

/* Median milliseconds of an add and of a search. */
static int ours(bed *b, const char *name, const mn_organiser *by, double out[2]) {
    int found = 0;
    MN_TRY(mn_peer_bed_notes(&b->peer, name));
    mn_notes_organiser(b->peer.notes, by);
    for (int i = 0; i < TURNS; i++) {
        const double start = mn_clock_seconds();
        MN_TRY(add_turn(b, mn_turns(&b->h)[i].text, by));
        mn_peer_bed_took(&b->peer, start);
    }
    out[0] = mn_peer_bed_median(&b->peer);
    for (int i = 0; i < QUESTIONS; i++) {
        const char *const text = mn_turns(&b->h)[i].text;
        const double start = mn_clock_seconds();
        MN_TRY(search(b, text, by ? "fact" : NULL, &found));
        mn_peer_bed_took(&b->peer, start);
    }
    out[1] = mn_peer_bed_median(&b->peer);
    return found ? 0 : MN_FAIL(MN_ECORRUPT, "the searches found nothing");
}

/* ---- theirs --------------------------------------------------------------------------------- */
static int give(bed *b) {
    json_t *const turns = json_array(), *const questions = json_array();
    for (int i = 0; i < TURNS; i++)
        json_array_append_new(turns, json_string(mn_turns(&b->h)[i].text));
    for (int i = 0; i < QUESTIONS; i++)
        json_array_append_new(questions, json_string(mn_turns(&b->h)[i].text));
    return mn_peer_bed_give(&b->peer,
                            json_pack("{s:o, s:o}", "turns", turns, "questions", questions));
}

static int theirs(const json_t *said, const char *way, double out[2]) {
    const json_t *const o = json_object_get(said, way);
    out[0] = json_number_value(json_object_get(o, "add"));
    out[1] = json_number_value(json_object_get(o, "search"));
    return json_number_value(json_object_get(o, "found")) > 0
               ? 0
               : MN_FAIL(MN_ECORRUPT, "the searches of mem0ai (%s) found nothing", way);
}

/* ---- rows ----------------------------------------------------------------------------------- */
enum { WAYS = 2, PARTS = 3 };
static const char *const ways[WAYS] = {"given", "facts"};

static void name_rows(mn_bench_row row[WAYS][PARTS]) {
    static const char *const what[WAYS][PARTS] = {
        {"a turn added as it was said", "a search of turns", "both"},
        {"a turn added by way of facts", "a search of facts", "both"}};
    for (int w = 0; w < WAYS; w++)
        for (int p = 0; p < PARTS; p++)
            row[w][p] = (mn_bench_row){.name = ways[w],
                                       .what = what[w][p],
                                       .against = "mem0ai",
                                       .unit = "ms",
                                       .bar = p == 2 ? 10 : 0,
                                       .inverse = 1};
}

static int one_round(bed *b, int round, mn_bench_row row[WAYS][PARTS]) {
    const char *const words[] = {b->peer.path, NULL, NULL};
    double own[WAYS][2], other[WAYS][2];
    char folder[96];
    json_t *said;
    for (int w = 0; w < WAYS; w++) {
        char name[32];
        snprintf(name, sizeof name, "%s-%d", ways[w], round);
        MN_TRY(ours(b, name, w ? &mn_organiser_mem0_additive : NULL, own[w]));
    }
    snprintf(folder, sizeof folder, "%s/peer-%d", b->peer.stage.disk, round);
    const char *const given[] = {words[0], folder, NULL};
    MN_TRY(mn_peer_python("mem0ai", MN_PEER_AGENTS, mn_peer_mem0_py, given, &said));
    int rc = 0;
    for (int w = 0; w < WAYS && rc >= 0; w++) rc = theirs(said, ways[w], other[w]);
    json_decref(said);
    for (int w = 0; w < WAYS && rc >= 0; w++)
        for (int p = 0; p < PARTS; p++)
            mn_bench_round(&row[w][p], p < 2 ? other[w][p] : other[w][0] + other[w][1],
                           p < 2 ? own[w][p] : own[w][0] + own[w][1]);
    return rc;
}

static int beside(bed *b) {
    mn_bench_row row[WAYS][PARTS];
    name_rows(row);
    MN_TRY(mn_memgen(b->o->seed, MN_MEMGEN_SMALL, 0, &b->h));
    if (mn_turns_n(&b->h) < TURNS)
        return MN_FAIL(MN_ECORRUPT, "a history of %d turns", mn_turns_n(&b->h));
    MN_TRY(give(b));
    for (int i = 0; i < b->o->rounds; i++) {
        const int rc = one_round(b, i, row);
        if (rc == MN_ENOENT || rc == MN_EIO) {
            for (int w = 0; w < WAYS; w++)
                MN_TRY(mn_bench_row_skip(&row[w][2], mn_error_detail(), b->o->json));
            return 0;
        }
        MN_TRY(rc);
    }
    for (int w = 0; w < WAYS; w++)
        for (int p = 0; p < PARTS && mn_bench_wants(b->o, ways[w]); p++)
            MN_TRY(mn_bench_row_print(&row[w][p], b->o->json));
    return 0;
}

/* ---- tokens --------------------------------------------------------------------------------- */
typedef struct telling {
    mn_judge j;
    double share;
    int n;
} telling;

static int64_t tokens_of(const mn_history *h, int turn) {
    const char *const text = mn_turns(h)[turn].text;
    return mn_notes_tokens(text, strlen(text));
}

static int ask_all(void *user, mn_history *h) {
    telling *const t = user;
    const mn_scope scope = {.user = h->id};
    int64_t all = 0;
    MN_TRY(mn_judge_tell(&t->j, &scope, h));
    for (int i = 0; i < mn_turns_n(h); i++) all += tokens_of(h, i);
    for (int i = 0; i < mn_askeds_n(h); i++) {
        mn_judge_found f;
        int64_t some = 0;
        const mn_find what = {.query = mn_askeds(h)[i].text, .k = TEN};
        MN_TRY(mn_judge_search(&t->j, &scope, &what, &f));
        for (int k = 0; k < f.n; k++) some += tokens_of(h, f.turn[k]);
        t->share += (double)some / (double)all;
        t->n++;
    }
    return 0;
}

static int tokens(const mn_bench_options *o) {
    telling t = {.n = 0};
    mn_reader r = {.format = "memgen", .each = ask_all, .user = &t};
    int rc = mn_judge_open(&t.j, o->vectors, NULL);
    if (rc >= 0) rc = mn_bench_histories(o, &r);
    const mn_bench_point p = {.bench = "mem0",
                              .row = "tokens",
                              .what = "an answer's, of the whole talk's",
                              .value = t.n ? 100 * t.share / t.n : 0,
                              .unit = "%",
                              .bar = 10};
    mn_judge_close(&t.j);
    return rc < 0 ? rc : mn_bench_point_print(&p, o->json);
}

static int run(const mn_bench_options *o) {
    if (mn_bench_wants(o, "given") || mn_bench_wants(o, "facts")) {
        bed b = {.o = o};
        int rc = mn_peer_bed_begin(&b.peer, TURNS);
        if (rc >= 0) rc = beside(&b);
        mn_history_free(&b.h);
        mn_peer_bed_end(&b.peer);
        MN_TRY(rc);
    }
    return mn_bench_wants(o, "tokens") ? tokens(o) : 0;
}

const mn_bench mn_bench_mem0 = {
    .name = "mem0", .about = "adding and finding beside mem0ai; tokens of an answer", .run = run};
