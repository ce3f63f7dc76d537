/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_migrate.c - all of a store moves to another kind and back, and is what it was:
 * exports byte for byte, searches, links, queues, vectors, numbers that are never used again.
 * Whoever is stopped or killed on the way leaves both stores as they were.
 */
#include "agent/migrate.h"
#include "agent/notes_inside.h"
#include "agent/port_store.h"
#include "agent/postgres.h"

#include <sys/wait.h>
#include <time.h>

enum { DIM = 32, RECORDS = 60 };
static const mn_who tom = {.tenant = "acme", .user = "tom"};
static const mn_migrate_told quiet = {.report = NULL};

static int make(void *user, const char *const *texts, const size_t *lengths, int n, float *out) {
    (void)user;
    for (int i = 0; i < n; i++)
        for (int d = 0; d < DIM; d++)
            out[i * DIM + d] =
                (float)(((size_t)texts[i][0] * 31 + lengths[i] * 7 + (size_t)d) % 17);
    return 0;
}

static void say(mn_notes *n, const mn_who *who, const char *speaker, const char *text) {
    mn_row r = a_row(text);
    r.speaker = speaker;
    r.time = "2024-03-05";
    assert_ok(mn_notes_add(n, who, &r, 1, NULL));
}

/* Of two owners: awkward records and versions, facts and a graph, vectors of some, and numbers that
 * were given and are gone. */
static void fill_all(mn_notes *n) {
    static const char *const organisers[] = {"mem0", "zep"};
    const mn_vector_maker by = {.make = make, .dim = DIM};
    const mn_organiser *o;
    seed = 7;
    fill(n, RECORDS, 1);
    for (int i = 0; i < 2; i++) {
        assert_ok(mn_organiser_find(organisers[i], &o));
        mn_notes_organiser(n, o);
        say(n, &tom, "Tom", "My sister Ann lives in Berlin and works at Siemens.");
        say(n, &tom, "Tom", "I moved to Paris. I like chess.");
        assert_true(mn_notes_organise(n, o, NULL, 64) > 0);
        say(n, &ann, "Ann", "I live in Rome.");
    }
    assert_ok(mn_notes_model(n, "toy", DIM));
    for (int i = 0; i < 4; i++) assert_true(mn_notes_embed(n, &by, 8) > 0);
    const mn_row now = a_row("what it says now");
    copy third = row_at(n, 2);
    assert_ok(mn_notes_update(n, &ann, third.row.id, &now));
    mn_arena_free(&third.arena);
    mn_row last = a_row("the last, which goes");
    int64_t id;
    assert_ok(mn_notes_add(n, &tom, &last, 1, &id));
    assert_int_equal(mn_notes_forget(n, &tom, &(mn_rows){.id = id}, NULL, NULL), 1);
}

static char one[PLACE], two[PLACE], three[PLACE];

static void file_place(const char *name, char out[PLACE]) {
    snprintf(out, PLACE, "%s/%s", folder, name);
}

static int migrated(const char *from, const char *to, mn_contents *c) {
    return mn_migrate(from, to, &quiet, c);
}

static int begin(void **s) {
    mn_notes *n = NULL;
    if (begin_all(s) < 0 || new_place(two) < 0) return -1;
    file_place("one.db", one);
    file_place("three.db", three);
    if (mn_notes_open(one, 0, &n) < 0) return -1;
    fill_all(n);
    mn_notes_close(&n);
    return 0;
}

/* ---- there and back ------------------------------------------------------------------------ */
static mn_buf exported(const char *place, const mn_who *who) {
    const char *const path = path_of("export.jsonl");
    mn_notes *n = NULL;
    mn_buf out = {0};
    assert_ok(mn_notes_open(place, 0, &n));
    assert_true(mn_port_export(n, who, path, "jsonl", &(mn_port_told){.report = NULL}) > 0);
    assert_ok(mn_file_read(path, 1 << 30, &out));
    mn_notes_close(&n);
    return out;
}

static void same_exports(const char *a, const char *b) {
    static const mn_who *const all[] = {&ann, &tom};
    for (int i = 0; i < 2; i++) {
        mn_buf x = exported(a, all[i]), y = exported(b, all[i]);
        same_bytes(&x, &y);
        mn_buf_free(&x);
        mn_buf_free(&y);
    }
}

typedef struct found {
    char text[4096];
    size_t n;
} found;
static int note_found(void *user, const mn_row *row, double score) {
    found *const f = user;
    f->n += (size_t)snprintf(f->text + f->n, sizeof f->text - f->n, "%lld %.6f\n",
                             (long long)row->id, score);
    assert_true(f->n < sizeof f->text);
    return 0;
}

static void search(const char *place, const mn_who *who, const char *query, found *f) {
    mn_notes *n = NULL;
    float v[DIM] = {[3] = 1};
    const mn_seek seek = {.query = query, .vector = v, .dim = DIM, .k = 20, .as_of = MN_NEVER};
    assert_ok(mn_notes_open(place, 0, &n));
    assert_ok(mn_notes_model(n, "toy", DIM));
    *f = (found){.n = 0};
    assert_true(mn_notes_find(n, who, &seek, note_found, f) > 0);
    mn_notes_close(&n);
}

static void there_and_back(void **unused) {
    (void)unused;
    mn_contents a, b, c;
    found x, y;
    assert_ok(migrated(one, two, &a));
    assert_ok(migrated(two, three, &b));
    assert_memory_equal(&a, &b, sizeof a);
    for (int i = 0; i < MN_PARTS; i++)
        if (!a.pieces[i]) fail_msg("there was no %s to be moved", mn_store_parts[i].name);
    assert_int_equal(a.pieces[MN_PART_owner], 2);
    assert_int_equal(a.pieces[MN_PART_number], 3);
    same_exports(one, two);
    same_exports(one, three);
    static const char *const queries[] = {"words of Berlin", "Where does Ann live?", "chess line"};
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        search(one, &tom, queries[i], &x);
        search(two, &tom, queries[i], &y);
        assert_string_equal(x.text, y.text);
        search(three, &tom, queries[i], &y);
        assert_string_equal(x.text, y.text);
    }
    char four[PLACE]; /* what was searched and opened is as it was */
    file_place("four.db", four);
    assert_ok(migrated(two, four, &c));
    assert_memory_equal(&a, &c, sizeof a);
}

static int64_t next_id(const char *place) {
    mn_notes *n = NULL;
    mn_row row = a_row("the next");
    int64_t id;
    assert_ok(mn_notes_open(place, 0, &n));
    assert_ok(mn_notes_add(n, &ann, &row, 1, &id));
    mn_notes_close(&n);
    return id;
}

/* Not even that of a record that was forgotten before. */
static void no_number_again(void **unused) {
    (void)unused;
    mn_contents c;
    assert_ok(migrated(one, two, &c));
    assert_ok(migrated(two, three, &c));
    const int64_t id = next_id(one);
    assert_int_equal(next_id(two), id);
    assert_int_equal(next_id(three), id);
}

/* ---- refused -------------------------------------------------------------------------------- */
static void into_what_has_records(void **unused) {
    (void)unused;
    mn_contents c, before, after;
    assert_ok(migrated(one, two, &before));
    assert_fails(migrated(one, two, &c), MN_ECONFLICT, "records already");
    assert_ok(migrated(two, three, &after));
    assert_memory_equal(&before, &after, sizeof after);
    assert_fails(migrated(one, one, &c), MN_EINVAL, "same one");
}

static void from_nowhere(void **unused) {
    (void)unused;
    mn_contents c;
    char place[PLACE];
    file_place("nothing.db", place);
    assert_fails(migrated(place, two, &c), MN_ENOENT, "nothing.db");
    assert_int_not_equal(access(place, F_OK), 0);
    assert_fails(migrated("ftp://x/y", two, &c), MN_EUNSUPPORTED, "no store of this kind");
    assert_fails(migrated(one, "ftp://x/y", &c), MN_EUNSUPPORTED, "no store of this kind");
    assert_ok(migrated(one, two, &c)); /* nothing was left there */
}

/* ---- stopped -------------------------------------------------------------------------------- */
typedef struct stopping {
    int left;
    const char *what;
    int server; /* it is killed instead */
} stopping;
static int stop(void *user, const char *what, uint64_t done, uint64_t total) {
    stopping *const s = user;
    assert_true(done <= total);
    if (strcmp(what, s->what) != 0 || s->left-- != 0) return 0;
    if (s->server) kill_server();
    return !s->server;
}

static void stopped(void **unused) {
    (void)unused;
    static const char *const doing[] = {"moving records", "reading them back"};
    mn_contents c;
    for (int i = 0; i < 2; i++) {
        stopping s = {.left = 20, .what = doing[i]};
        const mn_migrate_told told = {stop, &s};
        assert_fails(mn_migrate(one, two, &told, &c), MN_ECANCELLED, "nothing was moved");
        assert_int_equal(s.left, -1);
    }
    assert_ok(migrated(one, two, &c));
    same_exports(one, two);
}

static void killed(void **unused) {
    (void)unused;
    mn_contents c;
    for (int round = 0; round < 4; round++) {
        const pid_t pid = fork();
        if (!pid) _exit(migrated(one, two, &c) < 0);
        nanosleep(&(struct timespec){.tv_nsec = (5 + 12 * round) * 1000000L}, NULL);
        kill(pid, SIGKILL);
        int status;
        waitpid(pid, &status, 0);
        if (WIFEXITED(status)) break; /* it was faster */
    }
    const int rc = migrated(one, two, &c);
    if (rc != MN_ECONFLICT) assert_ok(rc);
    same_exports(one, two);
}

/* The server goes in the middle: that is said, and it works when it is there again. */
static void server_killed(void **unused) {
    (void)unused;
    mn_contents c;
    stopping s = {.left = 10, .what = "moving records", .server = 1};
    const mn_migrate_told told = {stop, &s};
    if (!on_postgres()) skip();
    assert_fails(mn_migrate(one, two, &told, &c), MN_EIO, "nothing of this was kept");
    int rc = -1;
    for (int tries = 0; tries < 1200 && (rc = migrated(one, two, &c)) == MN_EIO; tries++)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    assert_ok(rc);
    same_exports(one, two);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end_all)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(there_and_back), TEST(no_number_again), TEST(into_what_has_records),
        TEST(from_nowhere),   TEST(stopped),         TEST(killed),
        TEST(server_killed)};
    return cmocka_run_group_tests_name(kind_now()->kind->name, tests, NULL, NULL);
}
