/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_graph.c - a graph told by triples: what is true at any moment is what a plain
 * list of all that was told says, in whatever order it was told; names, walks and communities.
 */
#include "agent/org_bed.h"

#include "agent/graph.h"
#include "agent/graph_names.h"
#include "base/alloc.h"
#include "base/random.h"

#include <math.h>

static int keep_id(void *user, const mn_row *row, double score) {
    (void)score;
    *(int64_t *)user = row->id;
    return 0;
}

static void tell(const char *subject, const char *relation, const char *object, const char *from,
                 const char *until) {
    const mn_triple t = {.subject = subject,
                         .relation = relation,
                         .object = object,
                         .from = *from ? at(from) : MN_NEVER,
                         .until = *until ? at(until) : MN_NEVER};
    assert_ok(mn_graph_add(notes, &ann, &t, 1));
}

static const char *edges(mn_graph_find what) {
    static listing l;
    l = (listing){.n = 0};
    assert_ok(mn_graph_edges(notes, &ann, &what, list_row, &l));
    return l.text;
}
#define EDGES(...) edges((mn_graph_find){.as_of = MN_NEVER, __VA_ARGS__})

static void contradictions(void **s) {
    (void)s;
    tell("Ann", "lives in", "Rome", "2020-01-01", "");
    tell("Ann", "lives in", "Oslo", "2022-01-01", "");
    tell("Ann", "lives in", "Bern", "2021-01-01", ""); /* told late */
    tell("ANN", "Lives in", "oslo", "2022-01-01", ""); /* told twice */
    tell("Ann", "lives in", "Nowhere", "", "");        /* nobody knows when */
    assert_string_equal(EDGES(.entity = "ann"),
                        "Ann lives in Nowhere [? ] | Ann lives in Rome [2020-01-01 2021-01-01] | "
                        "Ann lives in Bern [2021-01-01 2022-01-01] | Ann lives in Oslo [2022-01-01 "
                        "]");
    assert_string_equal(edges((mn_graph_find){.entity = "Ann", .as_of = at("2020-12-31")}),
                        "Ann lives in Rome [2020-01-01 2021-01-01]");
    assert_string_equal(edges((mn_graph_find){.entity = "Ann", .as_of = at("2019-12-31")}), "");
    assert_string_equal(THEN("2021-06-01", .rows = {.kind = "edge"}),
                        "Ann lives in Bern [2021-01-01 2022-01-01]");
    tell("Ann", "lives in", "Nice", "2022-01-01", ""); /* of the same moment: told last */
    assert_string_equal(THEN("2022-06-01", .rows = {.kind = "edge"}),
                        "Ann lives in Nice [2022-01-01 ]");
    tell("Ann", "lives in", "Nice", "2022-01-01", "2022-03-01"); /* its end is known now */
    assert_string_equal(THEN("2022-06-01", .rows = {.kind = "edge"}), "");
}

static void many_at_a_time(void **s) {
    (void)s;
    const mn_triple t[] = {
        {.subject = "Ann",
         .relation = "likes",
         .object = "tea",
         .from = 1,
         .until = MN_NEVER,
         .many = 1},
        {.subject = "Ann",
         .relation = "likes",
         .object = "jazz",
         .from = 2,
         .until = MN_NEVER,
         .many = 1},
        {.subject = "Ann", .relation = "likes", .object = "Tea", .from = 9, .ends = 1}};
    assert_ok(mn_graph_add(notes, &ann, t, 3));
    listing l = {.n = 0};
    mn_seek seek = {.as_of = 5, .rows = {.kind = "edge"}};
    assert_int_equal(mn_notes_find(notes, &ann, &seek, list_row, &l), 2);
    seek.as_of = 9;
    assert_int_equal(mn_notes_find(notes, &ann, &seek, list_row, &l), 1);
}

static void refusals(void **s) {
    (void)s;
    char longest[400];
    memset(longest, 'x', sizeof longest);
    longest[399] = 0;
    mn_triple t[] = {{.subject = "a", .relation = "b", .object = "c", .from = 5, .until = 9},
                     {.subject = "a", .relation = "b", .object = "d", .from = 5, .until = 4}};
    assert_fails(mn_graph_add(notes, &ann, t, 2), MN_EINVAL, "ends 1 microseconds before");
    assert_string_equal(LIST(.rows = {.versions = 1}), ""); /* all or none */
    t[1].until = 9;
    t[1].object = "...";
    assert_fails(mn_graph_add(notes, &ann, t, 2), MN_EINVAL, "no word");
    t[1].object = longest;
    assert_fails(mn_graph_add(notes, &ann, t, 2), MN_ETOOLONG, "399 bytes");
    assert_fails(mn_graph_add(notes, &(mn_who){0}, t, 1), MN_EINVAL, "no user");
    mn_graph_find who = {.entity = "Zoe", .as_of = MN_NEVER};
    assert_fails(mn_graph_edges(notes, &ann, &who, list_row, NULL), MN_ENOENT, "no entity");
    assert_ok(mn_graph_add(notes, &ann, t, 1));
    who.entity = "a";
    assert_fails(mn_graph_edges(notes, &bob, &who, list_row, NULL), MN_ENOENT, "no entity of bob");
}

/* ---- against a plain list ------------------------------------------------------------------- */
enum { SUBJECTS = 6, RELATIONS = 2, OBJECTS = 5, TOLD = 300, MOMENTS = 40 };
typedef struct fact {
    int subject, relation, object;
    int64_t from, until;
} fact;

/* What is true at a moment: of what has begun, the last to begin, told last, if not ended. */
static int truth(const fact *f, int n, int subject, int relation, int64_t when) {
    const fact *is = NULL;
    for (int i = 0; i < n; i++)
        if (f[i].subject == subject && f[i].relation == relation && f[i].from <= when &&
            (!is || f[i].from >= is->from))
            is = f + i;
    return is && (is->until == MN_NEVER || is->until > when) ? is->object : -1;
}

static const char *const relation[] = {"lives in", "works at"};
static char name[SUBJECTS + OBJECTS][16];

typedef struct asking {
    int subject, relation, object, n;
} asking;

static int look(void *user, const mn_row *r, double score) {
    asking *const a = user;
    char part[3][MN_FIELD_MAX];
    (void)score;
    assert_true(mn_graph_part(r, "subject", part[0]) && mn_graph_part(r, "relation", part[1]) &&
                mn_graph_part(r, "object", part[2]));
    if (strcmp(part[0], name[a->subject]) != 0 || strcmp(part[1], relation[a->relation]) != 0)
        return 0;
    for (int i = 0; i < OBJECTS; i++)
        if (strcmp(part[2], name[SUBJECTS + i]) == 0) a->object = i;
    a->n++;
    return 0;
}

static void true_at_any_moment(void **s) {
    (void)s;
    static fact f[TOLD];
    mn_random r;
    int asked = 0, right = 0;
    mn_random_seed(&r, 7);
    for (int i = 0; i < SUBJECTS + OBJECTS; i++)
        snprintf(name[i], sizeof name[i], "%c%d", i < SUBJECTS ? 'p' : 'q', i);
    for (int i = 0; i < TOLD; i++) {
        f[i] = (fact){.subject = (int)(mn_random_u64(&r) % SUBJECTS),
                      .relation = (int)(mn_random_u64(&r) % RELATIONS),
                      .object = (int)(mn_random_u64(&r) % OBJECTS),
                      .from = (int64_t)(mn_random_u64(&r) % 1000) * 1000000 + 1000000,
                      .until = MN_NEVER};
        if (mn_random_u64(&r) % 4 == 0)
            f[i].until = f[i].from + 1 + (int64_t)(mn_random_u64(&r) % 200000000);
        /* Two that differ in their end alone are one statement whose end is known. */
        for (int k = 0; k < i; k++)
            if (f[k].subject == f[i].subject && f[k].relation == f[i].relation &&
                f[k].from == f[i].from)
                f[i].from += 500000 + k;
        const mn_triple t = {
            .subject = name[f[i].subject],
            .relation = relation[f[i].relation],
            .object = name[SUBJECTS + f[i].object],
            .from = f[i].from,
            .until = f[i].until != MN_NEVER && f[i].until < f[i].from ? f[i].from + 1 : f[i].until};
        f[i].until = t.until;
        assert_ok(mn_graph_add(notes, &ann, &t, 1));
    }
    for (int m = 0; m < MOMENTS; m++) {
        const int64_t when = m < 20 ? f[m * 7].from : (int64_t)(mn_random_u64(&r) % 1100) * 1000000;
        for (int i = 0; i < SUBJECTS * RELATIONS; i++) {
            asking a = {.subject = i / RELATIONS, .relation = i % RELATIONS, .object = -1};
            const mn_seek seek = {.as_of = when, .rows = {.kind = "edge"}};
            assert_ok(mn_notes_find(notes, &ann, &seek, look, &a));
            asked++;
            right += a.n <= 1 && a.object == truth(f, TOLD, a.subject, a.relation, when);
        }
    }
    assert_int_equal(right, asked); /* 480 of 480 */
}

/* ---- names ---------------------------------------------------------------------------------- */
static void same_names(void **s) {
    (void)s;
    tell("Jos\xc3\xa9 Mar\xc3\xad"
         "a",
         "lives in", "Rome", "2020-01-01", "");
    tell("jose maria", "works at", "Acme", "2020-01-01", "");
    tell("The International Committee of Modern Museum Architecture", "is in", "Rome", "2020-01-01",
         "");
    tell("The International Committee of Modern Museum Architectures", "has", "doors", "2020-01-01",
         "");
    tell("room 1111111111111111111", "is in", "Rome", "2020-01-01",
         ""); /* a digit is all there is */
    tell("room 11111111111111111111", "is in", "Oslo", "2020-01-01", "");
    const char *const all = now("entity");
    assert_null(strstr(all, "jose"));
    assert_null(strstr(all, "Architectures"));
    assert_non_null(strstr(all, "room 11111111111111111111 "));
    assert_non_null(strstr(EDGES(.entity = "Jose Maria"), "Acme"));
    assert_non_null(strstr(
        EDGES(.entity = "the international committee of modern museum architecture"), "doors"));
}

static void walks(void **s) {
    (void)s;
    tell("a", "to", "b", "2020-01-01", "");
    tell("b", "to", "c", "2020-01-02", "");
    tell("c", "to", "d", "2020-01-03", "");
    tell("d", "to", "e", "2020-01-04", "");
    tell("d", "from", "a", "2020-01-05", "");
    assert_string_equal(EDGES(.entity = "b"), "a to b [2020-01-01 ] | b to c [2020-01-02 ]");
    assert_string_equal(EDGES(.entity = "b", .depth = 2, .most = 3),
                        "a to b [2020-01-01 ] | b to c [2020-01-02 ] | c to d [2020-01-03 ]");
    assert_string_equal(EDGES(.entity = "e", .depth = 9),
                        "d to e [2020-01-04 ] | c to d [2020-01-03 ] | d from a [2020-01-05 ] | a "
                        "to b [2020-01-01 ] | b to c [2020-01-02 ]");
}

static void communities(void **s) {
    (void)s;
    static const char *const texts[] = {"Ann married Ben.",   "Ben works at Acme.",
                                        "Acme is from Oslo.", "Ann works at Acme.",
                                        "Zed lives in Zug.",  "Zug is from Zoo."};
    organise_by("zep");
    for (size_t i = 0; i < 4; i++) say("", "2023-05-01", texts[i]);
    organise(NULL);
    const char *is = now("community");
    assert_non_null(strstr(is, "Ann, Ben, Acme, Oslo ["));
    static char first[16384];
    snprintf(first, sizeof first, "%s", is);
    for (size_t i = 4; i < 6; i++) say("", "2023-05-01", texts[i]);
    organise(NULL);
    is = now("community");
    assert_non_null(strstr(is, first)); /* what did not change stays as it is */
    assert_non_null(strstr(is, "Zed, Zug, Zoo ["));
    assert_true(mn_notes_forget(notes, &ann, &(mn_rows){.id = 1}, NULL, NULL) > 0);
    assert_true(mn_notes_forget(notes, &ann, &(mn_rows){.id = 4}, NULL, NULL) > 0);
    assert_null(strstr(now("community"), "Ann")); /* made of one that is gone */
}

/* Who forgets an entity forgets what is known of it, whoever said it. */
static void forgotten(void **s) {
    (void)s;
    tell("Ann", "lives in", "Rome", "2020-01-01", "");
    tell("Ben", "lives in", "Rome", "2020-01-01", "");
    const mn_seek seek = {.as_of = MN_NEVER, .rows = {.kind = "entity", .ref = "ann"}};
    int64_t id = 0;
    assert_int_equal(mn_notes_find(notes, &ann, &seek, keep_id, &id), 1);
    assert_int_equal(mn_notes_forget(notes, &ann, &(mn_rows){.id = id}, NULL, NULL), 1);
    assert_string_equal(LIST(.rows = {.kind = "edge", .versions = 1}),
                        "Ben lives in Rome [2020-01-01 ]");
    assert_int_equal(bytes_in_files("Ann lives"), 0);
    assert_string_equal(now("entity"), "Rome [? ] | Ben [? ]");
}

static void no_memory(void **s) {
    (void)s;
    const mn_triple t = {
        .subject = "Ann", .relation = "lives in", .object = "Rome", .from = 1, .until = MN_NEVER};
    int rc = -1;
    for (long n = 1; rc < 0 && n < 2000; n++) {
        mn_alloc_fail_after(n);
        rc = mn_graph_add(notes, &ann, &t, 1);
        mn_alloc_fail_after(0);
        if (rc < 0) assert_string_equal(LIST(.rows = {.versions = 1}), "");
    }
    assert_ok(rc);
}

/* ---- searching ------------------------------------------------------------------------------ */
/* A vector for a text: where it points is up to its first letter, and a little to its length. */
static int make(void *user, const char *const *texts, const size_t *lengths, int count,
                float *out) {
    (void)user;
    for (int i = 0; i < count; i++, out += 32) {
        memset(out, 0, 32 * sizeof *out);
        out[(unsigned char)*texts[i] % 32] = 0.96f;
        out[lengths[i] % 4 * 7 + 1] += 0.28f;
        float square = 0;
        for (int k = 0; k < 32; k++) square += out[k] * out[k];
        for (int k = 0; k < 32; k++) out[k] /= sqrtf(square);
    }
    return 0;
}

static const char *searched(const char *query, mn_graph_rank rank, int dense) {
    static listing l;
    float v[32];
    const size_t n = strlen(query);
    make(NULL, &query, &n, 1, v);
    const mn_graph_find what = {.entity = "Ann",
                                .as_of = MN_NEVER,
                                .most = 4,
                                .query = query,
                                .vector = dense ? v : NULL,
                                .dim = 32,
                                .rank = rank};
    l = (listing){.n = 0};
    assert_ok(mn_graph_search(notes, &ann, &what, list_row, &l));
    return l.text;
}

static void searches(void **s) {
    (void)s;
    const mn_vector_maker by_letter = {.make = make, .dim = 32};
    tell("Ann", "knows", "Ben", "2020-01-01", "");
    tell("Ben", "lives in", "Rome", "2020-01-01", "");
    tell("Cleo", "lives in", "Rome", "2020-01-01", "");
    tell("Zoe", "lives in", "Oslo", "2020-01-01", ""); /* nobody whom Ann knows */
    const char *const words = searched("who lives in Oslo", MN_GRAPH_RRF, 0);
    assert_non_null(strstr(words, "Zoe"));
    const char *const knows = searched("who knows Ben", MN_GRAPH_RRF, 0);
    assert_ptr_equal(strstr(knows, "Ann knows Ben"), knows);
    const char *const near = searched("who lives in Oslo", MN_GRAPH_DISTANCE, 0);
    assert_ptr_equal(strstr(near, "Ann knows Ben"), near);
    assert_true(strstr(near, "Zoe") > strstr(near, "Cleo"));
    assert_ok(mn_notes_model(notes, "by letter", 32));
    while (mn_notes_embed(notes, &by_letter, 8) > 0) continue;
    /* Those nearest first, then what is unlike them. */
    tell("Carl", "lives in", "Rome", "2020-01-01", "");
    while (mn_notes_embed(notes, &by_letter, 8) > 0) continue;
    static char fused[16384];
    snprintf(fused, sizeof fused, "%s", searched("Cities of Rome", MN_GRAPH_RRF, 1));
    const char *const apart = searched("Cities of Rome", MN_GRAPH_MMR, 1);
    assert_string_not_equal(apart, fused);
    const char *const first = apart + 1; /* both begin with C: the second is put behind others */
    assert_true(*apart == 'C' && strstr(first, "| C") > strstr(first, "| "));
    assert_fails(mn_graph_search(notes, &ann, &(mn_graph_find){.entity = "Nobody", .query = "x"},
                                 list_row, &(listing){.n = 0}),
                 MN_ENOENT, "no entity");
    mn_graph_rank rank;
    assert_ok(mn_graph_rank_of("mentions", &rank));
    assert_int_equal(rank, MN_GRAPH_MENTIONS);
    assert_ok(mn_graph_rank_of(NULL, &rank));
    assert_int_equal(rank, MN_GRAPH_RRF);
    assert_fails(mn_graph_rank_of("best", &rank), MN_EINVAL, "rrf, mmr, distance or mentions");
}

/* What two episodes say stands above what one does. */
static void mentioned(void **s) {
    (void)s;
    organise_by("zep");
    say("Ann", "2023-05-01", "I like tea.");
    say("Ann", "2023-05-02", "I like tunes.");
    say("Ann", "2023-05-03", "I like tunes.");
    organise(NULL);
    const char *const all = searched("what does Ann like", MN_GRAPH_MENTIONS, 0);
    assert_ptr_equal(strstr(all, "I like tunes."), all);
    assert_non_null(strstr(all, "I like tea."));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, org_begin, org_end)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(contradictions), TEST(many_at_a_time), TEST(refusals),    TEST(true_at_any_moment),
        TEST(same_names),     TEST(walks),          TEST(communities), TEST(forgotten),
        TEST(no_memory),      TEST(searches),       TEST(mentioned)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
