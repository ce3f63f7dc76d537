/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_store_postgres.c - databases that are no store, places that are wrong, passwords
 * that nobody is shown, removed rows that somebody else can still see. Servers that go away are in
 * test/agent/test_store_postgres_gone.c.
 */
#include "agent/postgres.h"
#include "agent/stores.h"

#include "agent/place.h"
#include "base/alloc.h"

#include <sys/wait.h>

static void in_place(const char *sql) {
    char name[DATABASE];
    database_of(place, name);
    assert_int_equal(postgres_do(name, sql), 0);
}

static void refused(int code, const char *words) {
    mn_store *s = NULL;
    assert_fails(mn_store_open(place, 0, &s), code, words);
    assert_non_null(strstr(mn_error_detail(), "omnesia_"));
}

static void of_a_newer_version(void **unused) {
    (void)unused;
    mn_store *s = opened();
    closed(&s);
    in_place("UPDATE omnesia.store SET version = 99");
    refused(MN_EUNSUPPORTED, "version 99");
}

static void of_something_else(void **unused) {
    (void)unused;
    in_place("CREATE SCHEMA omnesia; CREATE TABLE omnesia.song(name text)");
    refused(MN_ECORRUPT, "something else");
    in_place("CREATE TABLE omnesia.store(version int)"); /* nor is it half made */
    refused(MN_ECORRUPT, "something else");
    in_place("DROP SCHEMA omnesia CASCADE; CREATE TABLE record(id int); INSERT INTO record "
             "VALUES(7)");
    mn_store *s = opened(); /* what others have in the database is theirs */
    assert_ok(s->kind->begin(s, 1));
    assert_int_equal(put_text(s, owner_of(s, "ann"), "text"), 1);
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

static void only_if_it_is_there(void **unused) {
    (void)unused;
    mn_store *s = NULL;
    assert_fails(mn_store_open(place, MN_STORE_THERE, &s), MN_ENOENT, "no records");
    in_place("CREATE SCHEMA omnesia"); /* there was none */
    in_place("DROP SCHEMA omnesia");
    s = opened();
    closed(&s);
    assert_ok(mn_store_open(place, MN_STORE_THERE, &s));
    closed(&s);
}

static void can_only_be_read(void **unused) {
    (void)unused;
    char name[DATABASE], sql[120];
    database_of(place, name);
    mn_store *s = opened();
    closed(&s);
    snprintf(sql, sizeof sql, "ALTER DATABASE %s SET default_transaction_read_only = on", name);
    in_place(sql);
    s = opened();
    assert_ok(s->kind->begin(s, 0));
    assert_ok(s->kind->end(s, 0));
    assert_ok(s->kind->begin(s, 1));
    assert_fails(s->kind->set(s, "model", "x"), MN_EUNSUPPORTED, "can only be read");
    assert_fails(s->kind->end(s, 1), MN_EIO, "none is kept");
    assert_ok(s->kind->begin(s, 0));
    assert_ok(s->kind->end(s, 0));
    closed(&s);
    places_end();
    assert_int_equal(new_place(place), 0);
    snprintf(sql, sizeof sql, "ALTER DATABASE %s SET default_transaction_read_only = on", name);
    in_place(sql);
    refused(MN_EUNSUPPORTED, "can only be read"); /* no tables can be made */
}

static void in_another_encoding(void **unused) {
    (void)unused;
    char name[DATABASE], sql[120];
    assert_int_equal(new_place(place), 0);
    database_of(place, name);
    snprintf(sql, sizeof sql, "DROP DATABASE %s", name);
    assert_int_equal(postgres_do("postgres", sql), 0);
    snprintf(sql, sizeof sql, "CREATE DATABASE %s ENCODING 'LATIN1' TEMPLATE template0", name);
    assert_int_equal(postgres_do("postgres", sql), 0);
    refused(MN_EUNSUPPORTED, "LATIN1");
}

/* ---- places ------------------------------------------------------------------------------- */
static void no_password_is_shown(void **unused) {
    (void)unused;
    static const char *const places[] = {
        "postgres://ann:geheim@127.0.0.1:1/records",
        "postgresql://ann:geheim@127.0.0.1:1/records?application_name=geheim",
        "postgres://ann@/records?host=/nowhere&password=geheim",
        "postgres://ann@/records?host=/nowhere&pass%77ord=geheim",
        "postgres://ann:ge/he@im:geheim@127.0.0.1:1/records",
        "postgres://ann:geheim@[::1/records",
        "postgres://ann:geheim@127.0.0.1:port/records",
        "postgres://ann:%zzgeheim@127.0.0.1:1/records",
        "postgres://ann:geheim@127.0.0.1:1/records?no_such_option=1",
        "mysql://ann:geheim@127.0.0.1/records",
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        mn_store *s = NULL;
        mn_notes *n = NULL;
        assert_true(mn_store_open(places[i], 0, &s) < 0);
        if (strstr(mn_error_detail(), "geheim")) fail_msg("%s", mn_error_detail());
        assert_true(strlen(mn_error_detail()) > 20);
        for (int at = 1; at < 12; at++) {
            mn_alloc_fail_after(at);
            assert_true(mn_notes_open(places[i], 0, &n) < 0);
            mn_alloc_fail_after(0);
            if (strstr(mn_error_detail(), "geheim")) fail_msg("%s", mn_error_detail());
        }
    }
}

static void shown(const char *where, const char *as) {
    mn_buf out = {0};
    assert_ok(mn_place_shown(where, &out));
    assert_string_equal(out.data, as);
    mn_buf_free(&out);
}

static void places_as_they_are_shown(void **unused) {
    (void)unused;
    shown("/home/ann/me:x@y.db", "/home/ann/me:x@y.db");
    shown("postgres://ann:geheim@host:5/db", "postgres://ann@host:5/db");
    shown("postgres://ann@host/db?password=x&host=/tmp&sslpassword=y&port=3#z",
          "postgres://ann@host/db?host=/tmp&port=3#z");
    shown("postgres:///db", "postgres:///db");
}

static void without_the_library(void **unused) {
    (void)unused;
    char line[600], said[600] = "";
    snprintf(line, sizeof line, "%s/libpq.so.5", folder);
    FILE *const empty = fopen(line, "w");
    assert_non_null(empty);
    fclose(empty);
    snprintf(line, sizeof line,
             "LD_LIBRARY_PATH=%s %s mem list --store postgres://ann:geheim@h/db --region none 2>&1",
             folder, getenv("OMNESIA_PROGRAM"));
    FILE *const f = popen(line, "r");
    assert_non_null(f);
    said[fread(said, 1, sizeof said - 1, f)] = 0;
    assert_int_not_equal(pclose(f), 0);
    assert_non_null(strstr(said, "libpq5"));
    assert_null(strstr(said, "geheim"));
}

/* ---- what is removed ---------------------------------------------------------------------- */
static int none(void *user, const mn_row *row, double score) {
    (void)user, (void)row, (void)score;
    return 0;
}

/* A transaction of the same database that began before sees the row still: that is said, and the
 * files are cleaned later. */
static void seen_by_somebody_else(void **unused) {
    (void)unused;
    static const mn_who ann = {.user = "ann"};
    const mn_seek all = {.as_of = MN_NEVER};
    const mn_rows one = {.id = 1};
    mn_notes *n = NULL;
    mn_row row = row_of_text("secret");
    assert_ok(mn_notes_open(place, 0, &n));
    assert_ok(mn_notes_add(n, &ann, &row, 1, NULL));
    raw other = raw_open(place);
    raw_do(&other, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
    assert_fails(mn_notes_forget(n, &ann, &one, NULL, NULL), MN_EBUSY, "have to stay");
    assert_int_equal(mn_notes_find(n, &ann, &all, none, NULL), 0);
    raw_do(&other, "COMMIT");
    mn_notes_rest(n); /* tries again */
    assert_int_equal(raw_number(&other, "SELECT count(*) FROM omnesia.about WHERE name = 'unclean' "
                                        "AND value <> ''"),
                     0);
    raw_close(&other);
    mn_notes_close(&n);
}

/* ---- the nearest -------------------------------------------------------------------------- */
enum { MANY = 21000, DIM = 32, QUERIES = 6 };

typedef struct found {
    char text[2000];
    size_t n;
} found;
static int note_found(void *user, const mn_row *row, double score) {
    found *const f = user;
    f->n += (size_t)snprintf(f->text + f->n, sizeof f->text - f->n, "%lld %.5f\n",
                             (long long)row->id, score);
    return 0;
}

/* Questions that some row is the answer to. */
static float asked[QUERIES][DIM];
static int take_asked(void *user, int64_t id, const void *v, size_t n) {
    (void)id;
    assert_int_equal(n, DIM + 4);
    for (int d = 0; d < DIM; d++) ((float *)user)[d] = (float)((const signed char *)v)[d] / 400;
    return 0;
}

static void search(found out[QUERIES]) {
    static const mn_who ann = {.user = "ann"};
    mn_notes *n = NULL;
    assert_ok(mn_notes_open(place, 0, &n));
    assert_ok(mn_notes_model(n, "toy", DIM));
    for (int i = 0; i < QUERIES; i++) {
        float v[DIM];
        for (int d = 0; d < DIM; d++) v[d] = (float)((i * 37 + d * d * 11) % 64 - 32) / 100;
        const mn_seek seek = {.query = "zzz", .vector = v, .dim = DIM, .k = 10, .as_of = MN_NEVER};
        out[i] = (found){.n = 0};
        assert_int_equal(mn_notes_find(n, &ann, &seek, note_found, out + i), 10);
    }
    mn_notes_close(&n);
}

/* How many ids, with which lines begin, are in both. */
static int shared(const found *a, const found *b) {
    int n = 0;
    for (const char *at = a->text; *at; at = strchr(at, '\n') + 1) {
        char line[60];
        snprintf(line, sizeof line, "\n%.*s", (int)strcspn(at, " ") + 1, at);
        n += strstr(b->text, line) || strncmp(b->text, line + 1, strlen(line) - 1) == 0;
    }
    return n;
}

/* What an index of pgvector finds is what a process finds that reads all vectors, nearly. */
static void the_server_finds_the_nearest(void **unused) {
    (void)unused;
    static found here[QUERIES], there[QUERIES];
    char sql[900];
    mn_store *s = opened();
    int64_t a, other;
    assert_ok(s->kind->begin(s, 1));
    assert_ok(s->kind->owner(s, "", "ann", 1, &a));
    other = owner_of(s, "bob");
    assert_ok(s->kind->set(s, "model", "toy"));
    assert_ok(s->kind->end(s, 1));
    snprintf(sql, sizeof sql,
             "INSERT INTO omnesia.record(owner, of, valid_from, valid_until, created, expired, "
             "text, time, session, speaker, ref, source, kind, agent, run, meta) SELECT CASE WHEN "
             "i %% 3 = 0 THEN %lld ELSE %lld END, 0, i, %lld, i, %lld, 'row ' || i, '', 'of ' || i "
             "/ 10, '', '', '', '', '', '', '' FROM generate_series(1, %d) i; INSERT INTO "
             "omnesia.vector(id, owner, data) SELECT id, owner, decode(md5((id %% 700)::text) || "
             "left(md5((-id %% 700)::text), 20) || left(md5(id::text), 12), 'hex') || "
             "'\\x0000803f'::bytea FROM omnesia.record",
             (long long)other, (long long)a, (long long)INT64_MIN + 1, (long long)INT64_MIN + 1,
             MANY * 3 / 2);
    in_place(sql);
    assert_ok(s->kind->begin(s, 0));
    for (int i = 0; i < QUERIES; i++)
        assert_int_equal(
            s->kind->vectors_of(s, a, (int64_t[]){i * 3000 + 1}, 1, take_asked, asked[i]), 1);
    assert_ok(s->kind->end(s, 0));
    closed(&s);
    search(here);
    in_place("SET search_path = public; CREATE INDEX by_sense ON omnesia.vector USING hnsw "
             "((sense::halfvec(32)) halfvec_cosine_ops) WITH (m = 8, ef_construction = 32); "
             "ANALYZE omnesia.vector");
    s = opened();
    assert_ok(s->kind->begin(s, 0));
    assert_int_equal(s->kind->finds(s, a), 1);
    assert_int_equal(s->kind->finds(s, other), 0);
    assert_ok(s->kind->end(s, 0));
    closed(&s);
    search(there);
    int same = 0;
    for (int i = 0; i < QUERIES; i++) same += shared(here + i, there + i);
    print_message("an index found %d of the nearest %d\n", same, QUERIES * 10);
    assert_true(same > QUERIES * 6);
    raw c = raw_open(place);
    assert_true(raw_number(&c, "SELECT sum(idx_scan) FROM pg_stat_user_indexes WHERE indexrelname "
                               "= 'by_sense'") >= QUERIES);
    raw_close(&c);
}

/* ---- writers ------------------------------------------------------------------------------ */
enum { WRITERS = 4, ROWS = 60 };

static void write_rows(int durable) {
    mn_store *s = NULL;
    assert_ok(mn_store_open(place, durable ? MN_STORE_DURABLE : 0, &s));
    for (int i = 0; i < ROWS; i++) {
        assert_ok(s->kind->begin(s, 1));
        mn_row r = row_of_text("text");
        r.speaker = i % 2 ? "Ann" : "Bob";
        put_row(s, owner_of(s, "ann"), &r);
        assert_ok(s->kind->end(s, i % 3 > 0));
    }
    closed(&s);
}

/* Of all processes; the first of them make the tables. */
static void writers_take_turns(void **unused) {
    (void)unused;
    int64_t rows, words;
    for (int i = 0; i < WRITERS; i++)
        if (!fork()) {
            write_rows(i % 2);
            _exit(0);
        }
    for (int i = 0, status; i < WRITERS; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    mn_store *s = opened();
    assert_ok(s->kind->begin(s, 1));
    assert_ok(s->kind->span(s, owner_of(s, "ann"), &rows, &words));
    assert_int_equal(rows, WRITERS * ROWS * 2 / 3);
    assert_int_equal(words, 3 * rows);
    assert_ok(s->kind->end(s, 0));
    closed(&s);
    raw c = raw_open(place);
    assert_int_equal(raw_number(&c, "SELECT sum(n)::bigint FROM omnesia.speaker"), rows);
    assert_int_equal(raw_number(&c, "SELECT count(*) FROM omnesia.owner"), 1);
    raw_close(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_begin, store_end)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(of_a_newer_version),       TEST(of_something_else),
        TEST(only_if_it_is_there),      TEST(can_only_be_read),
        TEST(in_another_encoding),      TEST(no_password_is_shown),
        TEST(places_as_they_are_shown), TEST(without_the_library),
        TEST(seen_by_somebody_else),    TEST(the_server_finds_the_nearest),
        TEST(writers_take_turns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
