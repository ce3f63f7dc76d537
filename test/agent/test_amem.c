/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_amem.c - notes that know each other: what a message says is never touched, what
 * its note said before can be read, an answer that is wrong changes nothing, and searches follow
 * links where there are any.
 */
#include "agent/org_bed.h"

#include "agent/hops.h"
#include "base/random.h"

#include <jansson.h>

enum { EVOLUTIONS = 1000, LONGEST = 1500 };

/* ---- a model that is this file -------------------------------------------------------------- */
typedef struct talk {
    mn_random random;
    int asks, most_asks, shown; /* of this note; earlier messages in the second prompt */
    int64_t tokens;             /* of both prompts */
    const char *second;         /* what it says to the second question; NULL: something random */
    char prompt[65536];
} talk;
static talk t;

static int below(int n) {
    return (int)(mn_random_u64(&t.random) % (uint64_t)n);
}

static int say_note(mn_buf *out) {
    return mn_buf_printf(out,
                         "{\"keywords\":[\"red\",\"boat %d\",\"sea\"],\"context\":\"Somebody "
                         "speaks of boat %d.\",\"tags\":[\"boats\"]}",
                         below(9), below(1000));
}

/* Every neighbour, in some order, each with something new. */
static int say_change(mn_buf *out, int n) {
    const int first = n ? below(n) : 0;
    MN_TRY(mn_buf_puts(out, "{\"evolve\":true,\"links\":["));
    for (int i = 0; i < n; i++)
        if (below(2))
            MN_TRY(mn_buf_printf(out, "%s%d", out->data[out->len - 1] == '[' ? "" : ",", i));
    MN_TRY(mn_buf_puts(out, "],\"tags\":[\"sea\"],\"neighbours\":["));
    for (int i = 0; i < n; i++)
        MN_TRY(mn_buf_printf(out, "%s{\"id\":%d,\"context\":\"Seen anew: %d\",\"tags\":[\"t%d\"]}",
                             i ? "," : "", (i + first) % n, below(1000000), below(99)));
    return mn_buf_puts(out, "]}");
}

static int extract(void *user, const char *schema, const char *prompt, mn_buf *out) {
    (void)user;
    json_t *const j = json_loads(schema, 0, NULL);
    assert_true(json_is_object(j));
    json_decref(j);
    t.tokens += mn_notes_tokens(prompt, strlen(prompt));
    snprintf(t.prompt, sizeof t.prompt, "%s", prompt);
    if (!t.asks++) return say_note(out);
    t.shown = 0;
    for (const char *p = prompt; (p = strstr(p, "{\"speaker\"")); p++) t.shown++;
    t.shown--; /* the last is the new one */
    return t.second ? mn_buf_puts(out, t.second) : say_change(out, t.shown);
}
static const mn_org_model model = {.extract = extract};

/* Shown to the model, one at a time: at most two questions, and short ones. */
static void evolve(void) {
    t.asks = 0;
    t.tokens = 0;
    assert_int_equal(mn_notes_organise(notes, by, &model, 1), 1);
    assert_in_range(t.asks, 1, 2);
    assert_in_range(t.tokens, 1, LONGEST);
    if (t.asks > t.most_asks) t.most_asks = t.asks;
}

static int amem_begin(void **s) {
    t = (talk){.asks = 0};
    mn_random_seed(&t.random, 7);
    if (org_begin(s) < 0) return -1;
    organise_by("amem");
    return 0;
}

static void again(void **s) {
    assert_ok(org_end(s));
    assert_ok(amem_begin(s));
}

/* ---- what is there -------------------------------------------------------------------------- */
/* A row in a few words, for comparing. */
static int print_row(void *user, const mn_row *row, double score) {
    (void)score;
    return mn_buf_printf(user, "%lld/%lld %s [%.*s] %s\f", (long long)row->id, (long long)row->of,
                         row->kind, (int)row->n, row->text, row->meta);
}

static char *all_of(const char *kind, int versions) {
    mn_buf out = {0};
    const mn_seek seek = {.as_of = MN_NEVER, .rows = {.kind = kind, .versions = versions}};
    assert_ok(mn_buf_puts(&out, ""));
    assert_ok(mn_notes_find(notes, &ann, &seek, print_row, &out));
    return out.data;
}

static int count_of(const char *kind, int versions) {
    char *const all = all_of(kind, versions);
    int n = 0;
    for (const char *p = all; (p = strchr(p, '\f')); p++) n++;
    free(all);
    return n;
}

static int hops(int64_t id) {
    mn_arena arena = {.what = "hops"};
    mn_hop *hop;
    int64_t owner;
    int n;
    assert_ok(mn_notes_begin(notes, 0));
    assert_ok(notes->store->kind->owner(notes->store, "", "ann", 0, &owner));
    assert_ok(mn_hops_of(notes->store, owner, &id, 1, &arena, &hop, &n));
    assert_ok((int)mn_notes_end(notes, 0));
    mn_arena_free(&arena);
    return n;
}

/* ---- a thousand evolutions ------------------------------------------------------------------ */
static void message(int i, char text[200]) {
    static const char *const things[] = {"boat", "harbour", "sail", "anchor", "mast", "tide"};
    snprintf(text, 200, "Number %d: the %s and the %s of %d, \"as it was\" \\ \xc3\xa9t\xc3\xa9", i,
             things[below(6)], things[below(6)], below(50));
}

/* What every note has said so far: version by version, nothing may go missing. */
typedef struct said {
    char *text[EVOLUTIONS * 8];
    int n;
} said;

static int remember(void *user, const mn_row *row, double score) {
    said *const all = user;
    char line[1200];
    (void)score;
    snprintf(line, sizeof line, "\x01%.*s\x01", (int)row->n, row->text);
    for (int i = all->n; i-- > 0 && i > all->n - 400;)
        if (strcmp(all->text[i], line) == 0) return 0;
    if (all->n < EVOLUTIONS * 8) all->text[all->n++] = strdup(line);
    return 0;
}

static void keeps_all(void **s) {
    (void)s;
    static char original[EVOLUTIONS][200];
    static said all;
    int evolved = 0, messages = 0;
    for (; evolved < EVOLUTIONS && messages < EVOLUTIONS; messages++) {
        const int before = count_of("note", 1);
        message(messages, original[messages]);
        say_in(&ann, messages % 3 ? "" : "talk", "Ann", "2023-05-01", original[messages]);
        evolve();
        const mn_seek new_ones = {.as_of = MN_NEVER, .rows = {.kind = "note"}};
        assert_ok(mn_notes_find(notes, &ann, &new_ones, remember, &all));
        evolved += count_of("note", 1) - before - 1;
    }
    assert_true(evolved >= EVOLUTIONS);
    char *const texts = all_of("", 1);
    char *const versions = all_of("note", 1);
    for (int i = 0; i < messages; i++) {
        char want[320];
        snprintf(want, sizeof want, "/0  [%.250s] \f", original[i]);
        assert_non_null(strstr(texts, want));
    }
    assert_int_equal(count_of("", 1), messages); /* and none has a version */
    for (int i = 0; i < all.n; i++) {
        all.text[i][0] = '[';
        all.text[i][strlen(all.text[i]) - 1] = ']';
        if (!strstr(versions, all.text[i])) fail_msg("no version says %s", all.text[i]);
        free(all.text[i]);
    }
    print_message("%d messages, %d evolutions, %d texts of notes\n", messages, evolved, all.n);
    free(texts);
    free(versions);
}

/* ---- wrong answers -------------------------------------------------------------------------- */
static void five(void) {
    for (int i = 0; i < 6; i++) {
        char text[100];
        snprintf(text, sizeof text, "My sailing boat %d lies in the harbour", i);
        say("Ann", "2023-05-01", text);
        if (i < 5) evolve();
    }
}

#define N(id)  "{\"id\":" #id ",\"context\":\"anew\",\"tags\":[\"x\"]}"
#define A(...) "{\"evolve\":true,\"links\":[],\"tags\":[]," __VA_ARGS__ "}"
static void refused(void **s) {
    (void)s;
    static const char *const wrong[] = {
        A("\"neighbours\":[" N(0) "," N(1) "," N(2) "," N(3) "]"),                   /* one short */
        A("\"neighbours\":[" N(0) "," N(1) "," N(2) "," N(3) "," N(4) "," N(5) "]"), /* one more */
        A("\"neighbours\":[" N(0) "," N(1) "," N(2) "," N(3) "," N(3) "]"),          /* twice */
        A("\"neighbours\":[" N(0) "," N(1) "," N(2) "," N(3) "," N(5) "]"),          /* unknown */
        A("\"neighbours\":[" N(0) "," N(1) "," N(2) "," N(3) "," N(-1) "]"),
        A("\"neighbours\":[" N(0) "," N(1) "," N(2) "," N(3) ",{\"id\":4}]"), /* empty */
        A("\"neighbours\":7"),
        "{\"evolve\":false,\"links\":[0],\"tags\":[],\"neighbours\":[" N(0) "," N(1) "," N(2) "," N(
            3) "," N(4) "]}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (i) again(s);
        t.second = "{\"evolve\":false,\"links\":[],\"tags\":[],\"neighbours\":[]}";
        five();
        char *const before = all_of("note", 1);
        t.second = wrong[i];
        evolve();
        assert_int_equal(t.shown, 5);
        char *const after = all_of("note", 1);
        assert_int_equal(strncmp(after, before, strlen(before)), 0); /* one more, nothing else */
        assert_int_equal(count_of("note", 1), 6);
        free(before);
        free(after);
    }
    /* In the right number it is done. */
    again(s);
    t.second = "{\"evolve\":false,\"links\":[],\"tags\":[],\"neighbours\":[]}";
    five();
    t.second = A("\"neighbours\":[" N(4) "," N(1) "," N(2) "," N(3) "," N(0) "]");
    evolve();
    assert_int_equal(count_of("note", 0), 6);
    assert_int_equal(count_of("note", 1), 11);
}

/* A link to a number that nobody has: none of the links is made. */
static void wrong_links(void **s) {
    static const struct {
        const char *says;
        int links;
    } all[] = {{"[0,1]", 2}, {"[0,5]", 0}, {"[0,-1]", 0}, {"[\"0\"]", 0}, {"[0,0.5]", 0}, {"7", 0}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char says[200];
        if (i) again(s);
        t.second = "{\"evolve\":false,\"links\":[],\"tags\":[],\"neighbours\":[]}";
        five();
        snprintf(says, sizeof says, "{\"evolve\":true,\"links\":%s,\"tags\":[],\"neighbours\":[]}",
                 all[i].says);
        t.second = says;
        evolve();
        assert_int_equal(hops(11),
                         all[i].links); /* 5 messages, each with its note, then this one */
    }
}

/* Long texts, and such that a token hardly holds: prompts stay short. */
static void short_prompts(void **s) {
    (void)s;
    static const char *const of[] = {"word ", "\xe4\xbd\xa0\xe5\xa5\xbd ", "\xd0\xb6", "\x01",
                                     "\""};
    static char text[20000], who[700];
    memset(who, 'A', sizeof who - 1);
    for (int i = 0; i < 20; i++) {
        const char *const piece = of[i % 5];
        const size_t n = strlen(piece);
        size_t at = (size_t)snprintf(text, sizeof text, "harbour boat %d ", i);
        for (; at + n < sizeof text; at += n) memcpy(text + at, piece, n);
        text[at] = 0;
        say(who, "2023-05-01", text);
        evolve();
    }
    assert_int_equal(t.most_asks, 2);
}

/* ---- by rules ------------------------------------------------------------------------------- */
static void tell(void) {
    static const char *const texts[] = {
        "Our walrus costume won the village carnival", "It rains again, and the bus was late",
        "The carnival is next week: who carries the walrus costume?", "I had soup for lunch",
        "Soup again, and no bus"};
    for (int i = 0; i < 5; i++) {
        char session[16];
        snprintf(session, sizeof session, "s%d", i);
        say_in(&ann, session, "Ann", "2023-05-01", texts[i]);
    }
}

static void rules(void **s) {
    char *first = NULL;
    for (int i = 0; i < 2; i++) {
        if (i) again(s);
        tell();
        assert_int_equal(organise(NULL), 5);
        char *const all = all_of("note", 1);
        assert_non_null(strstr(all, "village"));
        if (i) assert_string_equal(all, first);
        if (i) free(first);
        first = all;
        assert_int_equal(hops(1), 1); /* the walruses know each other */
        assert_int_equal(hops(3), 1);
    }
    free(first);
}

/* What a search finds, and in which order, is another matter only where there are links. */
static void followed(void **s) {
    (void)s;
    tell();
    const mn_seek seek = {.query = "who won the village carnival", .as_of = MN_NEVER, .said = 1};
    static char before[16384];
    snprintf(before, sizeof before, "%s", listed(&ann, seek));
    assert_null(strstr(before, "lunch"));
    organise(NULL);
    const char *const after = listed(&ann, seek);
    assert_ptr_equal(strstr(after, "Our walrus"), after);
    assert_non_null(strstr(after, "who carries"));
    assert_null(strstr(after, "lunch"));
    /* By words that the other does not have: it is found by its link alone. */
    assert_non_null(strstr(LIST(.query = "village", .said = 1), "who carries"));
    assert_null(strstr(LIST(.query = "lunch", .said = 1), "walrus"));
    assert_null(strstr(LIST(.query = "village", .said = 1, .rows = {.session = "s0"}), "who"));
}

/* A message that goes takes its note along, and the link; its note says nothing any more. */
static void forgotten(void **s) {
    (void)s;
    tell();
    organise(NULL);
    assert_true(mn_notes_forget(notes, &ann, &(mn_rows){.id = 3}, NULL, NULL) > 0);
    assert_int_equal(hops(1), 0);
    assert_int_equal(count_of("note", 1), 4);
    assert_int_equal(bytes_in_files("carries"), 0);
    mn_row r = row_of_text("We sold the zeppelin");
    r.created = r.from = r.until = 0;
    r.time = "2023-06-01";
    assert_ok(mn_notes_update(notes, &ann, 1, &r));
    assert_int_equal(organise(NULL), 1);
    char *const now = all_of("note", 0);
    assert_non_null(strstr(now, "zeppelin"));
    assert_null(strstr(now, "walrus"));
    assert_int_equal(count_of("note", 0), 4);
    free(now);
}

/* Nobody else's records are looked at. */
static void scopes(void **s) {
    (void)s;
    tell();
    say_in(&bob, "b", "Bob", "2023-05-02", "The walrus costume of the village carnival is mine");
    organise(NULL);
    assert_int_equal(hops(1), 1);
    assert_int_equal(hops(6), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, amem_begin, org_end)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(keeps_all),     TEST(refused), TEST(wrong_links),
                                       TEST(short_prompts), TEST(rules),   TEST(followed),
                                       TEST(forgotten),     TEST(scopes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
