/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_store_postgres_gone.c - a PostgreSQL server that is killed in the middle: the
 * call says so, what was acknowledged is there, what was not is there as a whole or not at all, and
 * the next call connects again.
 */
#include "agent/postgres.h"
#include "agent/stores.h"
#include "until.h"

#include <sys/wait.h>
#include <time.h>

static void nap(long ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* A turn to write, when the server is there again. */
static void begin_again(mn_store *s) {
    int rc = -1;
    for (int tries = 0; tries < 1200 && (rc = s->kind->begin(s, 1)) < 0; tries++) {
        assert_int_equal(rc, MN_EIO);
        nap(50);
    }
    assert_ok(rc);
}

static int one_more(void *user, const mn_row *row) {
    (void)row;
    ++*(int *)user;
    return 0;
}
static int rows_of(mn_store *s, int64_t owner) {
    int n = 0;
    assert_ok(s->kind->rows(s, &(mn_rows){.owner = owner}, one_more, &n));
    return n;
}

static void in_the_middle(void **unused) {
    (void)unused;
    mn_store *s = opened();
    int64_t id;
    const mn_row r = row_of_text("text");
    assert_ok(s->kind->begin(s, 1));
    const int64_t a = owner_of(s, "ann");
    put_text(s, a, "acknowledged");
    assert_ok(s->kind->end(s, 1));
    assert_ok(s->kind->begin(s, 1));
    put_text(s, a, "not yet");
    kill_server();
    int rc = 0;
    for (int i = 0; i < 6000 && rc >= 0; i++) {
        rc = s->kind->insert(s, a, &r, &id);
        nap(10);
    }
    assert_int_equal(rc, MN_EIO);
    assert_non_null(strstr(mn_error_detail(), "has gone"));
    assert_non_null(strstr(mn_error_detail(), "nothing of this was kept"));
    assert_fails(s->kind->insert(s, a, &r, &id), MN_EIO, "has gone");
    assert_fails(s->kind->end(s, 1), MN_EIO, "nothing of this was kept");
    begin_again(s);
    assert_int_equal(rows_of(s, a), 1);
    assert_string_equal(matched(s, "\"1:acknowledg\"", 9), "1");
    assert_true(put_text(s, a, "again") > 1);
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

/* Nothing was begun: the next call does not even notice. */
static void while_nobody_asks(void **unused) {
    (void)unused;
    mn_store *s = opened(), *other = opened();
    const int killed = kill_server();
    wait_until(server_process() && server_process() != killed);
    begin_again(other);
    assert_ok(other->kind->end(other, 1));
    assert_ok(s->kind->begin(s, 0));
    assert_ok(s->kind->end(s, 0));
    assert_ok(s->kind->scrub(s));
    closed(&s);
    closed(&other);
}

/* ---- nothing acknowledged is lost ---------------------------------------------------------- */
enum { WRITERS = 3, KILLS = 4 };

/* Adds rows, and tells each that was acknowledged; dies when nobody listens any more. */
static void write_on(int to) {
    static const mn_who ann = {.user = "ann"};
    mn_notes *n = NULL;
    signal(SIGPIPE, SIG_DFL);
    while (mn_notes_open(place, 0, &n) < 0) nap(20);
    for (;;) {
        mn_row row = row_of_text("text of a writer");
        int64_t id;
        if (mn_notes_add(n, &ann, &row, 1, &id) < 0)
            nap(20);
        else if (write(to, &id, sizeof id) != sizeof id)
            _exit(1);
    }
}

static void acknowledged_rows(void **unused) {
    (void)unused;
    int fd[2];
    int64_t ids[512], all = 0;
    ssize_t n;
    pid_t pid[WRITERS];
    mn_store *s = opened();
    closed(&s);
    assert_int_equal(pipe(fd), 0);
    for (int i = 0; i < WRITERS; i++)
        if (!(pid[i] = fork())) {
            close(fd[0]);
            write_on(fd[1]);
        }
    close(fd[1]);
    static int64_t said[1 << 20];
    for (int kills = 0; kills < KILLS; kills++) {
        const int64_t until = all + 150;
        while (all < until && (n = read(fd[0], ids, sizeof ids)) > 0)
            for (int i = 0; i < (int)(n / 8); i++) said[all++] = ids[i];
        kill_server();
    }
    for (int i = 0; i < WRITERS; i++) kill(pid[i], SIGKILL);
    for (int i = 0; i < WRITERS; i++) waitpid(pid[i], NULL, 0);
    while ((n = read(fd[0], ids, sizeof ids)) > 0)
        for (int i = 0; i < (int)(n / 8); i++) said[all++] = ids[i];
    close(fd[0]);
    s = NULL;
    for (int tries = 0; tries < 1200 && mn_store_open(place, 0, &s) < 0; tries++) nap(50);
    assert_non_null(s);
    begin_again(s);
    int64_t a;
    assert_ok(s->kind->owner(s, "", "ann", 0, &a));
    for (int64_t i = 0; i < all; i++) {
        int there = 0;
        assert_ok(s->kind->fetch(s, a, said + i, 1, one_more, &there));
        if (!there) fail_msg("row %lld was acknowledged and is not there", (long long)said[i]);
    }
    int64_t rows, words;
    assert_ok(s->kind->span(s, a, &rows, &words));
    assert_int_equal(rows, rows_of(s, a));
    assert_true(words > rows && words % rows == 0); /* as many of each */
    assert_ok(s->kind->end(s, 0));
    print_message("%lld rows acknowledged, %lld there, the server killed %d times\n",
                  (long long)all, (long long)rows, KILLS);
    closed(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_begin, store_end)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(in_the_middle), TEST(while_nobody_asks),
                                       TEST(acknowledged_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
