/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_forget.c - what is forgotten is in no file of the store any more: not as text,
 * not as a word of the index, not as a vector, in no version of it (reliability row 17c).
 *
 *     OMNESIA_SOAK=FIRST:COUNT   COUNT stores, from number FIRST on
 *     OMNESIA_PLANT=1            one more secret is looked for, of a record that stays
 *
 * Every text has a secret of its own: letters that no rule for endings changes. The index keeps of
 * a word what differs from its neighbour in the alphabet, so the end of a secret is looked for.
 */
#include "agent/files.h"
#include "agent/stores.h"
#include "soak.h"

#include "agent/vectors.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RECORDS = 120, SECRETS = 4, LETTERS = 20, END = 11, DIM = 32, CHANGES = 150 };

typedef struct record {
    int64_t id; /* 0: it is forgotten */
    int secrets;
    char secret[SECRETS][LETTERS + 1];
} record;

static record records[RECORDS];
static int n_records;
static unsigned long state;
static const mn_who ann = {.user = "ann"};

/* ---- texts and vectors -------------------------------------------------------------------- */
static void make_secret(char *out) {
    static const char letters[] = "bcdfghjklmnpqrtvwxz";
    for (int i = 0; i < LETTERS; i++) out[i] = letters[soak_random(&state) % (sizeof letters - 1)];
    out[LETTERS] = 0;
}

/* One with the secret somewhere, and common words: a line, some pages, or many. */
static mn_row text_with(const char *secret) {
    static char text[70000];
    const unsigned kind = soak_random(&state) % 20;
    const size_t words = kind == 0 ? 9000 : kind < 6 ? 400 : 1 + soak_random(&state) % 20;
    const size_t where = soak_random(&state) % words;
    size_t n = 0;
    for (size_t i = 0; i < words; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s ", i == where ? secret : "word");
    mn_row r = row_of_text(text);
    r.from = 0;
    r.until = 0;
    r.created = 0;
    return r;
}

/* Codes that its secret says. */
static void vector_of(const char *secret, float *out) {
    for (int i = 0; i < DIM; i++) out[i] = (float)((secret[i % LETTERS] * 37 + i * 11) % 255 - 127);
    out[0] = 127; /* the largest: codes are these numbers */
}

static int make(void *user, const char *const *texts, const size_t *lengths, int n, float *out) {
    (void)user;
    for (int i = 0; i < n; i++) {
        const char *at = texts[i];
        while (strncmp(at, "word ", 5) == 0) at += 5;
        assert_true(at < texts[i] + lengths[i]);
        vector_of(at, out + (size_t)i * DIM);
    }
    return 0;
}

/* ---- what is done ------------------------------------------------------------------------- */
static void add(mn_notes *n) {
    if (n_records == RECORDS) return;
    record *const r = records + n_records++;
    *r = (record){.secrets = 1};
    make_secret(r->secret[0]);
    mn_row row = text_with(r->secret[0]);
    if (soak_random(&state) % 2) row.session = "the same session";
    assert_ok(mn_notes_add(n, &ann, &row, 1, &r->id));
}

static record *some(void) {
    for (int tries = 0; n_records && tries < 20; tries++) {
        record *const r = records + soak_random(&state) % (unsigned)n_records;
        if (r->id) return r;
    }
    return NULL;
}

static void change(mn_notes *n) {
    record *const r = some();
    if (!r || r->secrets == SECRETS) return;
    make_secret(r->secret[r->secrets]);
    const mn_row row = text_with(r->secret[r->secrets++]);
    assert_ok(mn_notes_update(n, &ann, r->id, &row));
}

/* ---- looking for it ----------------------------------------------------------------------- */
static void absent(const mn_buf *file, const char *name, const char *what, size_t n,
                   const record *r) {
    if (memmem(file->data, file->len, what, n))
        fail_msg("%s has %.*s still, of record %d", name, (int)n, what, (int)(r - records));
}

static void look_for(const record *r, const mn_buf *file, const char *name) {
    for (int i = 0; i < r->secrets; i++) {
        float vector[DIM];
        char packed[DIM + sizeof(float)];
        absent(file, name, r->secret[i] + LETTERS - END, END, r);
        vector_of(r->secret[i], vector);
        assert_true(mn_vector_pack(vector, DIM, packed));
        absent(file, name, packed, DIM, r);
    }
}

static void look_at_file(const char *path, const mn_buf *file) {
    for (int i = 0; i < n_records; i++)
        if (!records[i].id || (soak_planted() && i == 0)) look_for(records + i, file, path);
}

static void look_everywhere(void) {
    each_file(look_at_file);
}

static int no_row(void *user, const mn_row *row, double score) {
    (void)user;
    (void)score;
    fail_msg("record %lld is found", (long long)row->id);
    return 0;
}

static void not_found(mn_notes *n, const record *r) {
    for (int i = 0; i < r->secrets; i++) {
        const mn_seek words = {.query = r->secret[i], .as_of = MN_NEVER, .rows = {.versions = 1}};
        assert_int_equal(mn_notes_find(n, &ann, &words, no_row, NULL), 0);
    }
}

static int other_than(void *user, const mn_row *row, double score) {
    (void)score;
    if (strstr(row->text, user)) fail_msg("its vector finds record %lld", (long long)row->id);
    return 0;
}

static void not_near(mn_notes *n, const record *r) {
    float vector[DIM], length = 0;
    vector_of(r->secret[r->secrets - 1], vector);
    for (int i = 0; i < DIM; i++) length += vector[i] * vector[i];
    for (int i = 0; i < DIM; i++) vector[i] /= __builtin_sqrtf(length);
    const mn_seek sense = {
        .query = "something else", .vector = vector, .dim = DIM, .k = 5, .as_of = MN_NEVER};
    char *const secret = (char *)(uintptr_t)r->secret[r->secrets - 1];
    assert_ok(mn_notes_find(n, &ann, &sense, other_than, secret));
}

static void forget(mn_notes *n) {
    record *const r = some();
    if (!r) return;
    const mn_rows which = {.id = r->id};
    samples_taken(place);
    assert_int_equal(mn_notes_forget(n, &ann, &which, NULL, NULL), 1);
    r->id = 0;
    look_everywhere();
    not_found(n, r);
    not_near(n, r);
}

/* ---- one store ---------------------------------------------------------------------------- */
static void one_store(unsigned long seed) {
    const mn_vector_maker by = {.make = make, .dim = DIM};
    mn_notes *n = NULL, *other = NULL;
    state = seed;
    n_records = 0;
    assert_int_equal(store_begin(NULL), 0);
    assert_ok(mn_notes_open(place, 0, &n));
    assert_ok(mn_notes_open(place, 0, &other));
    assert_ok(mn_notes_model(n, "toy", DIM));
    assert_ok(mn_notes_model(other, "toy", DIM));
    for (int i = 0; i < CHANGES; i++) {
        mn_notes *const by_whom = soak_random(&state) % 4 ? n : other;
        const unsigned what = soak_random(&state) % 10;
        if (what < 5)
            add(by_whom);
        else if (what < 8)
            change(by_whom);
        else
            forget(by_whom);
        while (soak_random(&state) % 3 && mn_notes_embed(n, &by, 8) > 0) {
        }
        if (what == 9) mn_notes_rest(n);
    }
    const mn_rows all = {.id = 0};
    int left = 0;
    for (int i = 0; i < n_records; i++) left += records[i].id != 0;
    assert_int_equal(mn_notes_forget(other, &ann, &all, NULL, NULL), left);
    for (int i = 0; i < n_records; i++) records[i].id = 0;
    look_everywhere();
    mn_notes_close(&n);
    mn_notes_close(&other);
    look_everywhere();
    assert_int_equal(store_end(NULL), 0);
}

/* 12, 18 and 36: copies stayed behind in unused middles of pages. */
static void stores(void **s) {
    (void)s;
    static const long some[] = {1, 2, 3, 12, 18, 36};
    const soak all = soak_begin(0);
    const size_t n = on_postgres() ? 2 : sizeof some / sizeof *some; /* those are about SQLite */
    for (size_t i = 0; !soak_asked() && i < n; i++) one_store(soak_seed(some[i]));
    for (long i = all.first; soak_asked() && i < all.end; i++) one_store(soak_seed(i));
    if (soak_asked()) soak_end(&all, all.end - all.first);
}

/* ---- who forgets is killed ---------------------------------------------------------------- */
static int found(void *user, const mn_row *row, double score) {
    (void)row;
    (void)score;
    *(int *)user = 1;
    return 0;
}

/* Rows may go before the files are clean of them; whoever opens the store next cleans them. */
static void killed_on_the_way(void **s) {
    (void)s;
    int gone = 0, status;
    state = soak_seed(99);
    for (int round = 0; round < 12; round++) {
        mn_notes *n = NULL;
        n_records = 0;
        assert_int_equal(store_begin(NULL), 0);
        assert_ok(mn_notes_open(place, 0, &n));
        for (int i = 0; i < 60; i++) add(n);
        mn_notes_close(&n);
        int said[2];
        char byte;
        assert_int_equal(pipe(said), 0);
        const pid_t pid = fork();
        if (!pid) {
            assert_ok(mn_notes_open(place, 0, &n));
            for (int i = 0; i < 60; i++) {
                mn_notes_forget(n, &ann, &(mn_rows){.id = records[i].id}, NULL, NULL);
                if (write(said[1], "x", 1) != 1) break;
            }
            _exit(0);
        }
        /* some have gone, and a little later: in the middle of whatever is done then */
        for (unsigned i = 2 + soak_random(&state) % 30; i; i--)
            assert_int_equal(read(said[0], &byte, 1), 1);
        nanosleep(&(struct timespec){.tv_nsec = soak_random(&state) % 2000000}, NULL);
        kill(pid, SIGKILL);
        close(said[0]), close(said[1]);
        waitpid(pid, &status, 0);
        assert_ok(mn_notes_open(place, 0, &n));
        for (int i = 0; i < 60; i++) {
            int there = 0;
            const mn_seek by_id = {.rows = {.id = records[i].id}, .as_of = MN_NEVER};
            mn_notes_find(n, &ann, &by_id, found, &there);
            if (!there) records[i].id = 0;
            gone += !there;
        }
        look_everywhere();
        mn_notes_close(&n);
        assert_int_equal(store_end(NULL), 0);
    }
    assert_true(gone > 12);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(stores),
                                       cmocka_unit_test(killed_on_the_way)};
    const struct CMUnitTest full[] = {cmocka_unit_test(stores)};
    if (soak_asked()) return cmocka_run_group_tests(full, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
