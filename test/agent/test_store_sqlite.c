/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_store_sqlite.c - files that are no store, or none of ours: refused with their
 * name, and as they were; folders that cannot be written; a durable store after a power cut.
 */
#include "agent/stores.h"
#include "soak.h"

#include "base/file.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void by_hand(const char *path, const char *sql) {
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why)) fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

static void write_file(const char *path, const void *bytes, size_t n) {
    FILE *const f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* Refused, with these words, and not a byte of it changed; nothing lies beside it but the lock. */
static void refused(int code, const char *words) {
    mn_buf was = {0}, is = {0};
    mn_store *s = NULL;
    char beside[200];
    assert_ok(mn_file_read(place, 1 << 24, &was));
    assert_fails(mn_store_open(place, 0, &s), code, words);
    assert_non_null(strstr(mn_error_detail(), place));
    assert_ok(mn_file_read(place, 1 << 24, &is));
    assert_int_equal(was.len, is.len);
    assert_memory_equal(was.data, is.data, was.len);
    static const char *const suffix[] = {"-wal", "-shm", "-journal"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(beside, sizeof beside, "%s%s", place, suffix[i]);
        if (access(beside, F_OK) == 0) fail_msg("%s was made", beside);
    }
    mn_buf_free(&was);
    mn_buf_free(&is);
}

static void of_a_newer_version(void **unused) {
    (void)unused;
    mn_store *s = opened();
    closed(&s);
    by_hand(place, "PRAGMA user_version = 99; CREATE TABLE newer(x)");
    refused(MN_EUNSUPPORTED, "version 99");
}

static void of_something_else(void **unused) {
    (void)unused;
    by_hand(place, "CREATE TABLE song(name); INSERT INTO song VALUES('x')");
    refused(MN_ECORRUPT, "something else");
}

static void no_store_at_all(void **unused) {
    (void)unused;
    char text[8192];
    memset(text, 'x', sizeof text);
    write_file(place, text, sizeof text);
    refused(MN_ECORRUPT, "no SQLite file");
    write_file(place, "hello\n", 6);
    refused(MN_ECORRUPT, "no SQLite file");
}

static void an_empty_file_becomes_one(void **unused) {
    (void)unused;
    write_file(place, "", 0);
    mn_store *s = opened();
    assert_ok(s->kind->begin(s, 1));
    put_text(s, owner_of(s, "ann"), "text");
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

static void a_folder_is_none(void **unused) {
    (void)unused;
    mn_store *s = NULL;
    assert_int_equal(mkdir(place, 0700), 0);
    assert_true(mn_store_open(place, 0, &s) < 0);
    assert_non_null(strstr(mn_error_detail(), place));
}

/* Names that SQLite has other ideas of are names of files here. */
static void names_are_names(void **unused) {
    (void)unused;
    static const char *const names[] = {
        ":memory:", "file:x?mode=memory", "file:x", "x?mode=ro", "-x", " ", "%41"};
    char was[1000];
    assert_non_null(getcwd(was, sizeof was));
    assert_int_equal(chdir(folder), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(place, sizeof place, "%s", names[i]);
        for (int again = 0; again < 2; again++) {
            mn_store *s = opened();
            int64_t owner;
            assert_ok(s->kind->begin(s, 1));
            assert_ok(s->kind->owner(s, "t", names[i], 1, &owner));
            assert_int_equal(owner, 1); /* the only one: no two names are one file */
            assert_ok(s->kind->end(s, 1));
            closed(&s);
            assert_int_equal(access(names[i], F_OK), 0);
        }
    }
    assert_int_equal(chdir(was), 0);
}

/* Nobody else may read it. */
static void of_this_user_alone(void **unused) {
    (void)unused;
    struct stat st;
    char name[200];
    mn_store *s = opened();
    static const char *const suffix[] = {"", "-wal", "-shm", "-lock"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s%s", place, suffix[i]);
        assert_int_equal(stat(name, &st), 0);
        if (st.st_mode & 077) fail_msg("%s has mode %o", name, st.st_mode & 0777);
    }
    closed(&s);
}

/* As somebody who may not write there; 77: this one may everything, and cannot become another. */
static int try_as_nobody(void) {
    mn_store *s = NULL;
    if (!geteuid() && (setgid(65534) < 0 || setuid(65534) < 0)) return 77;
    const int rc = mn_store_open(place, 0, &s);
    if (rc >= 0) {
        int64_t owner;
        const int wrote = s->kind->begin(s, 1) >= 0 && s->kind->owner(s, "", "u", 1, &owner) >= 0;
        s->kind->close(s);
        return wrote ? 1 : 0;
    }
    return strstr(mn_error_detail(), place) ? 0 : 2;
}

static void a_folder_that_cannot_be_written(void **unused) {
    (void)unused;
    for (int there = 0; there < 2; there++) {
        int status;
        if (there) {
            assert_int_equal(chmod(folder, 0755), 0);
            mn_store *s = opened();
            closed(&s);
            assert_int_equal(chmod(place, 0444), 0);
        }
        assert_int_equal(chmod(folder, 0555), 0);
        const pid_t pid = fork();
        if (!pid) _exit(try_as_nobody());
        waitpid(pid, &status, 0);
        assert_int_equal(chmod(folder, 0755), 0);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77) skip();
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

/* ---- damage ------------------------------------------------------------------------------- */
static int use(void *user, const mn_row *row) {
    *(size_t *)user += strlen(row->text) + row->n;
    return 0;
}

/* Everything is asked for; whatever is damaged makes it fail, and no more than that. */
static int try_all(void) {
    mn_store *s = NULL;
    int64_t ids[64], owner = 1, id, n;
    size_t sum = 0;
    MN_TRY(mn_store_open(place, 0, &s));
    mn_row r = row_of_text("one more cat");
    int rc = s->kind->begin(s, 1);
    if (rc >= 0) {
        rc = s->kind->owner(s, "t", "ann", 1, &owner);
        if (rc >= 0) rc = s->kind->rows(s, &(mn_rows){.owner = owner, .versions = 1}, use, &sum);
        if (rc >= 0) rc = s->kind->match(s, "\"1:cat\"", ids, 64);
        if (rc >= 0) rc = s->kind->fetch(s, owner, ids, rc, use, &sum);
        if (rc >= 0) rc = s->kind->waits(s, &n);
        if (rc >= 0) rc = s->kind->insert(s, owner, &r, &id);
        if (rc >= 0) rc = s->kind->index(s, owner, id, "1:on 1:cat", 10, 2, 0);
        if (rc >= 0) rc = s->kind->remove(s, owner, 3);
        const int end = s->kind->end(s, rc >= 0);
        if (rc >= 0) rc = end;
    }
    if (rc >= 0) rc = s->kind->scrub(s);
    s->kind->close(s);
    return rc;
}

static void damaged(void **unused) {
    (void)unused;
    mn_store *s = opened();
    mn_buf good = {0};
    unsigned long state = soak_seed(3);
    int failed = 0;
    assert_ok(s->kind->begin(s, 1));
    const int64_t a = owner_of(s, "ann");
    char text[300];
    for (int i = 0; i < 60; i++) {
        snprintf(text, sizeof text, "cat %d %0200d", i, i);
        put_text(s, a, text);
        assert_ok(s->kind->wait(s, i + 1));
    }
    assert_ok(s->kind->end(s, 1));
    closed(&s);
    assert_ok(mn_file_read(place, 1 << 24, &good));
    for (int round = 0; round < 300; round++) {
        mn_buf bad = {0};
        char line[400];
        assert_ok(mn_buf_append(&bad, good.data, good.len));
        const int bits = round % 3 ? 1 + (int)(soak_random(&state) % 40) : 1;
        for (int i = 0; i < bits; i++)
            bad.data[soak_random(&state) % bad.len] ^= (char)(1 << soak_random(&state) % 8);
        if (round % 10 == 0) bad.len = soak_random(&state) % bad.len; /* cut off */
        snprintf(line, sizeof line, "rm -f %s*", place);
        assert_int_equal(system(line), 0);
        write_file(place, bad.data, bad.len);
        const int rc = try_all();
        failed += rc < 0;
        if (rc < 0 && (strlen(mn_error_detail()) < 8 || !strstr(mn_error_detail(), place)))
            fail_msg("round %d: %d %s", round, rc, mn_error_detail());
        mn_buf_free(&bad);
    }
    mn_buf_free(&good);
    print_message("300 damaged files, %d refused\n", failed);
    assert_true(failed > 20);
}

/* ---- a long life -------------------------------------------------------------------------- */
/* Each removal merges the word index; SQLite counts the levels of that, and reads 2000 of them. */
static void thousands_of_removals(void **unused) {
    (void)unused;
    enum { TIMES = 2400 };
    static int64_t ids[TIMES];
    char text[40], line[80];
    mn_store *s = opened();
    for (int i = 0; i < TIMES; i++) {
        const size_t n = (size_t)snprintf(line, sizeof line, "1:w%d 1:alpha", i);
        snprintf(text, sizeof text, "w%d alpha", i);
        assert_ok(s->kind->begin(s, 1));
        const int64_t owner = owner_of(s, "ann"), id = put_text(s, owner, text);
        assert_ok(s->kind->end(s, 1));
        if (i % 2) {
            assert_ok(s->kind->begin(s, 1));
            assert_ok(s->kind->index(s, owner, id, line, n, 3, 1));
            assert_ok(s->kind->remove(s, owner, id));
            assert_ok(s->kind->end(s, 1));
        }
        assert_ok(s->kind->scrub(s));
    }
    assert_ok(s->kind->begin(s, 0));
    assert_int_equal(s->kind->match(s, "\"1:alpha\"", ids, TIMES), TIMES / 2);
    assert_ok(s->kind->end(s, 0));
    closed(&s);
    by_hand(place, "INSERT INTO words(words) VALUES('integrity-check')");
}

/* ---- after a power cut -------------------------------------------------------------------- */
static uint64_t number_in(const char *suffix) {
    char path[200];
    uint64_t n = 0;
    snprintf(path, sizeof path, "%s%s", place, suffix);
    assert_ok(mn_file_read_at(path, 0, &n, sizeof n));
    return n;
}
static void durable_write(mn_store *s) {
    assert_ok(s->kind->begin(s, 1));
    put_text(s, owner_of(s, "ann"), "text");
    assert_ok(s->kind->end(s, 1));
}

/* The numbers of commits and of what was synced are on no disk: after a power cut each may be of
 * any age. Whatever they were, what is committed now is synced now. */
static void numbers_of_any_age(void **unused) {
    (void)unused;
    static const uint64_t synced[] = {0, 1, 3, 500}, committed[] = {0, 499, 500, 2};
    char path[200];
    for (int i = 0; i < 4; i++) {
        mn_store *s = NULL;
        assert_ok(mn_store_open(place, 1, &s));
        durable_write(s);
        assert_int_equal(number_in("-sync"), number_in("-lock"));
        snprintf(path, sizeof path, "%s-sync", place);
        write_file(path, synced + i, sizeof *synced);
        snprintf(path, sizeof path, "%s-lock", place);
        write_file(path, committed + i, sizeof *committed);
        for (int k = 0; k < 3; k++) {
            const uint64_t before = number_in("-sync");
            durable_write(s);
            assert_int_equal(number_in("-sync"), number_in("-lock"));
            assert_int_not_equal(number_in("-sync"), before);
        }
        closed(&s);
    }
}

static uint64_t bytes_of(const char *suffix) {
    char path[200];
    uint64_t bytes;
    int64_t when;
    snprintf(path, sizeof path, "%s%s", place, suffix);
    assert_ok(mn_file_stat(path, &bytes, &when));
    return bytes;
}

static void copy(const char *suffix) {
    char from[200], to[200];
    mn_buf bytes = {0};
    snprintf(from, sizeof from, "%s%s", place, suffix);
    snprintf(to, sizeof to, "%s-copy%s", place, suffix);
    assert_ok(mn_file_read(from, 1 << 24, &bytes));
    write_file(to, bytes.data, bytes.len);
    mn_buf_free(&bytes);
}

/* The journal of a durable store seldom becomes longer, and what lies ahead in it is nothing. */
static void zeroes_ahead(void **unused) {
    (void)unused;
    enum { TIMES = 100, GROWS_MOST = 12 };
    mn_store *s = NULL;
    int grows = 0;
    assert_ok(mn_store_open(place, MN_STORE_DURABLE, &s));
    for (int i = 0; i < TIMES; i++) {
        const uint64_t before = i ? bytes_of("-wal") : 0;
        durable_write(s);
        grows += bytes_of("-wal") != before;
    }
    assert_in_range(grows, 1, GROWS_MOST);
    copy("");
    copy("-wal"); /* as a power cut leaves them */
    closed(&s);
    strcat(place, "-copy");
    s = opened();
    int64_t rows, words;
    assert_ok(s->kind->begin(s, 0));
    assert_ok(s->kind->span(s, owner_of(s, "ann"), &rows, &words));
    assert_int_equal(rows, TIMES);
    assert_ok(s->kind->end(s, 0));
    closed(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_a_newer_version, store_begin, store_end),
        cmocka_unit_test_setup_teardown(of_something_else, store_begin, store_end),
        cmocka_unit_test_setup_teardown(no_store_at_all, store_begin, store_end),
        cmocka_unit_test_setup_teardown(an_empty_file_becomes_one, store_begin, store_end),
        cmocka_unit_test_setup_teardown(a_folder_is_none, store_begin, store_end),
        cmocka_unit_test_setup_teardown(names_are_names, store_begin, store_end),
        cmocka_unit_test_setup_teardown(of_this_user_alone, store_begin, store_end),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_written, store_begin, store_end),
        cmocka_unit_test_setup_teardown(damaged, store_begin, store_end),
        cmocka_unit_test_setup_teardown(thousands_of_removals, store_begin, store_end),
        cmocka_unit_test_setup_teardown(numbers_of_any_age, store_begin, store_end),
        cmocka_unit_test_setup_teardown(zeroes_ahead, store_begin, store_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
