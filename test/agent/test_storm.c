/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_storm.c - processes that add, change, forget and find records of one store are
 * killed, again and again (reliability row 22): what was acknowledged is there, no id is given
 * twice, and the word index knows every row and no other.
 *
 *     OMNESIA_SOAK=FIRST:COUNT   COUNT storms of 8 processes and 10,000 operations of each
 *     OMNESIA_PLANT=1            an update is acknowledged that nobody made
 */
#include "agent/storm.h"
#include "storms.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <time.h>

enum { FEW_SEATS = 4, FEW_OPERATIONS = 300, MANY_OPERATIONS = 10000, LEAST_KILLS = 10 };
static char place[96];

static int seats(void) {
    return soak_asked() && !soak_planted() ? SEATS_MOST : FEW_SEATS;
}
static long operations(void) {
    return soak_asked() && !soak_planted() ? MANY_OPERATIONS : FEW_OPERATIONS;
}

/* Every third seat waits for the disk. */
static void open_worker(worker *w) {
    const mn_mem_options how = {.model = "none", .durable = w->seat % 3 == 2};
    if (mn_mem_open(place, &how, &w->mem) < 0) {
        blame("cannot be opened: %s", mn_error_detail());
        _exit(1);
    }
}

static void work(int at, unsigned long state) {
    static worker w;
    w = (worker){.seat = at, .state = state};
    open_worker(&w);
    settle(&w);
    while ((J->seat[at].done < operations() || !J->enough) && !J->bad) act(&w);
    mn_mem_close(&w.mem);
    _exit(0);
}

static pid_t begin_worker(int at, unsigned long *state) {
    const unsigned long own = ((unsigned long)soak_random(state) << 32) | soak_random(state);
    const pid_t pid = fork();
    if (!pid) work(at, own);
    return pid;
}

/* ---- afterwards --------------------------------------------------------------------------- */
static int64_t number(sqlite3 *db, const char *sql) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) || sqlite3_step(q) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    const int64_t n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return n;
}

/* The word index has every row and nothing else. */
static void inspect_words(sqlite3 *db) {
    static const char orphans[] =
        "SELECT count(*) FROM words WHERE words MATCH ?1 AND rowid NOT IN "
        "(SELECT id FROM record)";
    sqlite3_stmt *q = NULL, *find = NULL;
    char ask[200];
    assert_int_equal(sqlite3_exec(db,
                                  "CREATE VIRTUAL TABLE temp.vocab USING fts5vocab('main', "
                                  "'words', 'row')",
                                  NULL, NULL, NULL),
                     0);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT term FROM temp.vocab", -1, &q, NULL), 0);
    assert_int_equal(sqlite3_prepare_v2(db, orphans, -1, &find, NULL), 0);
    while (sqlite3_step(q) == SQLITE_ROW) {
        snprintf(ask, sizeof ask, "\"%s\"", (const char *)sqlite3_column_text(q, 0));
        sqlite3_bind_text(find, 1, ask, -1, SQLITE_STATIC);
        assert_int_equal(sqlite3_step(find), SQLITE_ROW);
        if (sqlite3_column_int(find, 0)) fail_msg("%s finds what is no row", ask);
        sqlite3_reset(find);
    }
    sqlite3_finalize(q);
    sqlite3_finalize(find);
    const int64_t rows = number(db, "SELECT count(*) FROM record");
    assert_int_equal(number(db, "SELECT sum(doc) FROM temp.vocab WHERE term LIKE '%:alpha'"), rows);
    assert_int_equal(number(db, "SELECT sum(n) FROM owner"), rows);
    assert_int_equal(number(db, "SELECT count(*) FROM record WHERE owner NOT IN (SELECT id FROM "
                                "owner) OR (of <> 0 AND of NOT IN (SELECT id FROM record))"),
                     0);
    assert_int_equal(number(db, "SELECT count(*) FROM waiting WHERE id NOT IN (SELECT id FROM "
                                "record)"),
                     0);
}

/* Every row, by the word that it alone has. */
static int of_row(void *user, const mn_record *r) {
    *(int64_t *)user = r->id;
    return 0;
}
static void inspect_rows(sqlite3 *db, mn_mem *mem) {
    sqlite3_stmt *q = NULL;
    char word[64];
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT r.id, r.of, r.text, o.user FROM record r JOIN "
                                        "owner o ON o.id = r.owner",
                                        -1, &q, NULL),
                     0);
    while (sqlite3_step(q) == SQLITE_ROW) {
        const char *const text = (const char *)sqlite3_column_text(q, 2) + sizeof "alpha " - 1;
        const mn_scope who = {.user = (const char *)sqlite3_column_text(q, 3)};
        const mn_find what = {.query = word, .k = 1, .versions = 1};
        const int64_t of = sqlite3_column_int64(q, 1);
        int64_t id = 0;
        snprintf(word, sizeof word, "%.*s", (int)strcspn(text, " "), text);
        if (mn_mem_find(mem, &who, &what, of_row, &id) != 1 ||
            id != (of ? of : sqlite3_column_int64(q, 0)))
            fail_msg("%s finds record %lld", word, (long long)id);
    }
    sqlite3_finalize(q);
}

/* What was acknowledged, and no more: as many records, and as many versions of them. */
static void inspect_seats(sqlite3 *db) {
    static worker w;
    int64_t records = 0, versions = 0;
    for (int i = 0; i < seats(); i++) {
        w = (worker){.seat = i, .state = 1};
        open_worker(&w);
        settle(&w);
        for (int k = 0; k < J->seat[i].slots; k++) {
            check_own(&w, k);
            records += J->seat[i].slot[k].id != 0;
            versions += J->seat[i].slot[k].id ? J->seat[i].slot[k].value : 0;
        }
        if (!i) inspect_rows(db, w.mem);
        mn_mem_close(&w.mem);
    }
    if (J->bad) fail_msg("%s", J->why);
    assert_int_equal(number(db, "SELECT count(*) FROM record WHERE of = 0"), records);
    assert_int_equal(number(db, "SELECT count(*) FROM record WHERE of <> 0"), versions);
}

static void inspect(void) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(place, &db), SQLITE_OK);
    inspect_seats(db);
    assert_int_equal(number(db, "SELECT count(*) FROM pragma_integrity_check WHERE "
                                "integrity_check <> 'ok'"),
                     0);
    inspect_words(db);
    sqlite3_close(db);
}

/* ---- a storm ------------------------------------------------------------------------------ */
static int busy(void) {
    for (int i = 0; i < seats(); i++)
        if (J->seat[i].done < operations()) return 1;
    return !J->enough;
}

/* Until so many operations more are done, or all. */
static void wait_for(unsigned more) {
    long before = -1;
    for (;;) {
        long done = 0;
        for (int i = 0; i < seats(); i++) done += J->seat[i].done;
        if (before < 0) before = done;
        if (done >= before + (long)more || !busy() || J->bad) return;
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
}

/* In this process nobody may have the store open while others fork. */
static void storm(unsigned long state) {
    pid_t pid[SEATS_MOST];
    int kills = 0, status;
    snprintf(place, sizeof place, "%s/memory.db", folder);
    for (int i = 0; i < seats(); i++) pid[i] = begin_worker(i, &state);
    while (busy() && !J->bad) {
        wait_for(1 + soak_random(&state) % 60);
        nanosleep(&(struct timespec){.tv_nsec = soak_random(&state) % 1000000}, NULL);
        const int k = (int)(soak_random(&state) % (unsigned)seats());
        kill(pid[k], SIGKILL);
        assert_int_equal(waitpid(pid[k], &status, 0), pid[k]);
        kills += WIFSIGNALED(status);
        J->enough = kills > LEAST_KILLS;
        pid[k] = begin_worker(k, &state);
    }
    for (int i = 0; i < seats(); i++) waitpid(pid[i], NULL, 0);
    if (J->bad) fail_msg("%s", J->why);
    inspect();
    printf("storm: %d kills, %ld of them settled; %ld added, %ld updated, %ld forgotten, %ld "
           "searches\n",
           kills, J->settled, J->adds, J->updates, J->forgets, J->searches);
    assert_true(kills > LEAST_KILLS && J->adds > 100 && J->updates > 30);
}

static void storms(void **unused) {
    (void)unused;
    storms_run((void **)&J, sizeof *J, storm, (int)operations() * seats());
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(storms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
