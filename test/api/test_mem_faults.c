/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_mem_faults.c - the n-th allocation or file operation of a call about records fails,
 * for every n: one sentence, the store is as it was or as it was asked to be, and the next call
 * works. Full disks of every size (reliability rows 5, 19).
 *
 * The full form (test/soak.h) takes every n of every kind of failure (agent/faults.h) of every
 * call; the quick one some. Each try is a process of its own, and what is left is judged by
 * another.
 */
#include "agent/faults.h"
#include "folder.h"
#include "soak.h"

#include "base/file.h"
#include "omnesia.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char place[160], template[160];
static const mn_scope ann = {.user = "ann"};

/* ---- what a process says of itself -------------------------------------------------------- */
typedef struct said {
    int rc;
    long rest; /* calls up to the failure; 0 or less: it was met */
    char sentence[300];
    char text[2000]; /* what was found; of who judges: the whole store */
} said;

static said in_child(void (*does)(said *s, const void *how), const void *how) {
    said s = {0};
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    const pid_t pid = fork();
    if (!pid) {
        does(&s, how);
        _exit(write(ends[1], &s, sizeof s) != sizeof s);
    }
    close(ends[1]);
    size_t got = 0;
    for (ssize_t k; got < sizeof s && (k = read(ends[0], (char *)&s + got, sizeof s - got)) > 0;)
        got += (size_t)k;
    close(ends[0]);
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) || got != sizeof s)
        snprintf(s.sentence, sizeof s.sentence, "DIED with status %x", status);
    return s;
}

static int tell(void *user, const mn_record *r) {
    said *const s = user;
    const size_t n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, "%lld %s\n", (long long)r->id, r->text);
    return 0;
}

/* ---- the calls ---------------------------------------------------------------------------- */
static int add(mn_mem *m, said *s) {
    (void)s;
    const mn_record r[] = {{.text = "a white cat", .n = 11, .session = "s", .speaker = "Eve"},
                           {.text = "a white dog", .n = 11, .meta = "{}"}};
    return mn_mem_add(m, &ann, r, 2, NULL);
}
static int update(mn_mem *m, said *s) {
    (void)s;
    const mn_record r = {.text = "a grey cat", .n = 10};
    return mn_mem_update(m, &ann, 2, &r);
}
static int find(mn_mem *m, said *s) {
    const mn_find what = {.query = "what did Ann say of the black cat in May 2023?", .versions = 1};
    return mn_mem_find(m, &ann, &what, tell, s);
}
static int forget(mn_mem *m, said *s) {
    (void)s;
    return (int)mn_mem_forget(m, &ann, &(mn_find){.session = "s"}, 0);
}
static int nothing(mn_mem *m, said *s) {
    (void)m;
    (void)s;
    return 0;
}

typedef struct call {
    const char *name;
    int (*run)(mn_mem *m, said *s);
    int fresh, durable;
    int after; /* it may fail when all of it is done already: the disk does not answer any more */
} call;
static const call calls[] = {{"open", nothing, 1, 0, 0},    {"add", add, 0, 0, 0},
                             {"durable add", add, 0, 1, 1}, {"update", update, 0, 0, 0},
                             {"find", find, 0, 0, 0},       {"forget", forget, 0, 0, 1},
                             {"first add", add, 1, 0, 0}};
enum { CALLS = sizeof calls / sizeof *calls };

typedef struct how {
    const call *call;
    int kind; /* of failure, or -1 */
    long n;
} how;

static int open_and_run(const call *c, said *s) {
    const mn_mem_options o = {.model = "none", .durable = c->durable};
    mn_mem *m = NULL;
    int rc = mn_mem_open(place, &o, &m);
    if (rc >= 0) rc = c->run(m, s);
    if (rc < 0) snprintf(s->sentence, sizeof s->sentence, "%s", mn_error_detail());
    mn_mem_close(&m);
    return rc;
}

static void try_call(said *s, const void *user) {
    const how *const h = user;
    if (h->kind >= 0) fault_arm(h->kind, h->n);
    s->rc = open_and_run(h->call, s);
    s->rest = h->kind >= 0 ? fault_rest() : 0;
}

/* ---- the judge ---------------------------------------------------------------------------- */
static int ask(sqlite3 *db, const char *sql, said *s) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL)) return -1;
    while (sqlite3_step(q) == SQLITE_ROW) {
        const size_t n = strlen(s->text);
        snprintf(s->text + n, sizeof s->text - n, "%s\n", sqlite3_column_text(q, 0));
    }
    return sqlite3_finalize(q);
}

static int look(mn_mem *m, said *s) {
    MN_TRY(mn_mem_find(m, &ann, &(mn_find){.versions = 1}, tell, s));
    static const char *const words[] = {"cat", "dog", "white", "black", "grey", "mouse"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const mn_find what = {.query = words[i], .k = 50, .versions = 1};
        const size_t n = strlen(s->text);
        snprintf(s->text + n, sizeof s->text - n, "%s:\n", words[i]);
        MN_TRY(mn_mem_find(m, &ann, &what, tell, s));
    }
    return 0;
}

/* All that there is, as text; then everything works. */
static void judge(said *s, const void *user) {
    static const call looking = {"look", look, 0, 0, 0}, adding = {"add", add, 0, 0, 0};
    sqlite3 *db = NULL;
    (void)user;
    s->rc = open_and_run(&looking, s);
    if (s->rc < 0) return;
    if (sqlite3_open(place, &db) || ask(db, "PRAGMA integrity_check", s) ||
        ask(db, "INSERT INTO words(words) VALUES('integrity-check')", s) ||
        ask(db, "SELECT name || n FROM speaker ORDER BY name", s) ||
        ask(db, "SELECT n || ' ' || words FROM owner", s) ||
        ask(db, "SELECT count(*) FROM waiting", s))
        s->rc = MN_ECORRUPT;
    snprintf(s->sentence, sizeof s->sentence, "%s", db ? sqlite3_errmsg(db) : "no memory");
    sqlite3_close(db);
    if (s->rc >= 0) s->rc = open_and_run(&adding, s);
}

/* ---- trying ------------------------------------------------------------------------------- */
static void set_up(const call *c) {
    char line[512];
    const char *const copy = c->fresh ? "" : "; cp";
    snprintf(line, sizeof line, "rm -f %s*%s %s %s", place, copy, c->fresh ? "" : template,
             c->fresh ? "" : place);
    assert_int_equal(system(line), 0);
}

static void fill(said *s, const void *user) {
    (void)user;
    const mn_record r[] = {
        {.text = "a black cat", .n = 11, .session = "s", .speaker = "Ann", .time = "2023-05-08"},
        {.text = "a black mouse", .n = 13, .speaker = "Ann"},
        {.text = "another black cat", .n = 17, .session = "s", .speaker = "Bob"}};
    const mn_record now = {.text = "a white mouse", .n = 13};
    const mn_mem_options o = {.model = "none"};
    mn_mem *m = NULL;
    s->rc = mn_mem_open(place, &o, &m);
    if (s->rc >= 0) s->rc = mn_mem_add(m, &ann, r, 3, NULL);
    if (s->rc >= 0) s->rc = mn_mem_update(m, &ann, 2, &now);
    mn_mem_close(&m);
}

static int make_bed(void **unused) {
    (void)unused;
    char line[400];
    if (folder_begin("mem-faults", 1) < 0) return -1;
    snprintf(place, sizeof place, "%s/memory.db", folder);
    snprintf(template, sizeof template, "%s/template", folder);
    const said s = in_child(fill, NULL);
    assert_int_equal(s.rc, 0);
    snprintf(line, sizeof line, "mv %s %s", place, template);
    return system(line);
}
static int drop_bed(void **unused) {
    (void)unused;
    return folder_end();
}

/* What the store is without the call and with it, and what the call finds. */
typedef struct truth {
    said without, with, call;
} truth;

static truth truth_of(const call *c) {
    static const call open_only = {"open", nothing, 0, 0, 0};
    truth t;
    set_up(c);
    in_child(try_call, &(how){&open_only, -1, 0});
    t.without = in_child(judge, NULL);
    set_up(c);
    t.call = in_child(try_call, &(how){c, -1, 0});
    t.with = in_child(judge, NULL);
    if (t.call.rc < 0 || t.with.rc < 0 || t.without.rc < 0)
        fail_msg("%s: %s %s %s", c->name, t.call.sentence, t.with.sentence, t.without.sentence);
    return t;
}

static void compare(const how *h, const truth *t, const said *s) {
    const char *const what = h->kind < 0 ? "the size" : fault_names[h->kind];
    if (strncmp(s->sentence, "DIED", 4) == 0)
        fail_msg("%s: %s %ld: %s", h->call->name, what, h->n, s->sentence);
    if (s->rc < 0 && strlen(s->sentence) < 8)
        fail_msg("%s: %s %ld: no sentence", h->call->name, what, h->n);
    if (s->rc >= 0 && strcmp(s->text, t->call.text) != 0)
        fail_msg("%s: %s %ld: found\n%snot\n%s", h->call->name, what, h->n, s->text, t->call.text);
    const said now = in_child(judge, NULL);
    if (now.rc < 0) fail_msg("%s: %s %ld: then %s", h->call->name, what, h->n, now.sentence);
    const int rc = soak_planted() && s->rc < 0 ? 0 : s->rc; /* a failure that nobody reports */
    const int undone = strcmp(now.text, t->without.text) == 0;
    const int done = strcmp(now.text, t->with.text) == 0;
    if (!(rc >= 0 ? done : undone || (h->call->after && done)))
        fail_msg("%s: %s %ld: %d %s; then there is\n%snot\n%s", h->call->name, what, h->n, rc,
                 s->sentence, now.text, rc >= 0 ? t->with.text : t->without.text);
}

/* Every `stride`-th failure of this kind; how many were met. */
static long every(const call *c, int kind, long stride) {
    const truth t = truth_of(c);
    long met = 0;
    for (how h = {c, kind, 1};; h.n += stride) {
        set_up(c);
        const said s = in_child(try_call, &h);
        if (s.rest > 0 && s.rc >= 0) break;
        compare(&h, &t, &s);
        met++;
    }
    return met;
}

static void some_failures(void **unused) {
    (void)unused;
    static const long stride[FAULTS] = {7, 5, 211, 13, 5};
    for (int c = 1; c < 6; c++)
        for (int kind = 0; kind < FAULTS; kind++) {
            const long met = every(&calls[c], kind, stride[kind]);
            if (kind != FAULT_FULL || c != 4) assert_true(met > 0);
        }
}

static void every_failure(void **unused) {
    (void)unused;
    const soak range = soak_begin(CALLS * FAULTS);
    long counted = 0;
    for (long i = range.first; i < range.end; i++)
        counted += every(&calls[i % CALLS], (int)(i / CALLS), 1);
    soak_end(&range, counted);
}

/* ---- full disks --------------------------------------------------------------------------- */
static void try_in_little_room(said *s, const void *user) {
    const how *const h = user;
    const struct rlimit limit = {(rlim_t)h->n, (rlim_t)h->n};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    s->rc = open_and_run(h->call, s);
}

static int add_much(mn_mem *m, said *s) {
    (void)s;
    char *const text = calloc(1, 50001);
    mn_record r[20];
    memset(text, 'x', 50000);
    for (int i = 0; i < 20; i++) r[i] = (mn_record){.text = text, .n = 50000};
    const int rc = mn_mem_add(m, &ann, r, 20, NULL);
    free(text);
    return rc;
}

/* No file may be longer: it is too little for each of these. */
static void files_that_cannot_grow(void **unused) {
    (void)unused;
    static const call much[] = {{"add much", add_much, 0, 0, 0}, {"add much", add_much, 1, 0, 0}};
    long full = 0;
    for (int i = 0; i < 2; i++) {
        const truth t = truth_of(&much[i]);
        for (how h = {&much[i], -1, i ? 1 : 140000}; h.n < 900000; h.n += i ? 90001 : 150000) {
            set_up(&much[i]);
            const said s = in_child(try_in_little_room, &h);
            compare(&h, &t, &s);
            if (s.rc != MN_EFULL || !strstr(s.sentence, "disk is full"))
                fail_msg("at most %ld bytes: %d %s", h.n, s.rc, s.sentence);
            full++;
        }
    }
    assert_true(full > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(some_failures),
                                       cmocka_unit_test(files_that_cannot_grow)};
    const struct CMUnitTest full[] = {cmocka_unit_test(every_failure)};
    if (soak_asked()) return cmocka_run_group_tests(full, make_bed, drop_bed);
    return cmocka_run_group_tests(tests, make_bed, drop_bed);
}
