/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_mem_two.c - two processes, one memory: what one adds, changes or forgets the other
 * finds at once, and who watches is told. Nobody sleeps: each waits for the other's word.
 */
#include "mem_bed.h"

#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 60 };
static char region_path[160];

/* ---- two who speak in turn ---------------------------------------------------------------- */
typedef struct ends {
    int to, from;
} ends;

static void say(const ends *e, int64_t what) {
    if (write(e->to, &what, sizeof what) != sizeof what) _exit(9);
}
static int64_t hear(const ends *e) {
    int64_t what;
    return read(e->from, &what, sizeof what) == sizeof what ? what : -1;
}

static pid_t other_process(void (*does)(ends e), ends *own) {
    int there[2], back[2];
    assert_int_equal(pipe(there), 0);
    assert_int_equal(pipe(back), 0);
    const pid_t pid = fork();
    if (!pid) {
        does((ends){back[1], there[0]});
        _exit(0);
    }
    close(there[0]);
    close(back[1]);
    *own = (ends){there[1], back[0]};
    return pid;
}
static void gone(pid_t pid, ends *e) {
    int status;
    close(e->to);
    waitpid(pid, &status, 0);
    close(e->from);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static mn_mem *another(mn_region *r) {
    const mn_mem_options how = {.model = "none", .region = r};
    mn_mem *m = NULL;
    if (mn_mem_open(place, &how, &m) < 0) _exit(8);
    return m;
}

static int begin(void **s) {
    (void)s;
    mem = NULL; /* each process opens it for itself */
    if (folder_begin("mem-two", 1) < 0) return -1;
    snprintf(place, sizeof place, "%s/memory.db", folder);
    snprintf(region_path, sizeof region_path, "%s/region", folder);
    return 0;
}

/* ---- words -------------------------------------------------------------------------------- */
static const char *text_of(int i, const char *what) {
    static char text[40];
    snprintf(text, sizeof text, "%s number%d", what, i);
    return text;
}

/* Adds, changes and forgets; after each it says which record, and waits. */
static void writer(ends e) {
    mn_mem *m = another(NULL);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t id;
        mn_record r = {.text = text_of(i, "first")};
        r.n = strlen(r.text);
        if (mn_mem_add(m, &ann, &r, 1, &id) < 0) _exit(1);
        say(&e, id);
        hear(&e);
        r.text = text_of(i, "then");
        r.n = strlen(r.text);
        if (mn_mem_update(m, &ann, id, &r) < 0) _exit(2);
        say(&e, id);
        hear(&e);
        if (mn_mem_forget(m, &ann, &(mn_find){.id = id}, 0) != 1) _exit(3);
        say(&e, id);
        hear(&e);
    }
    mn_mem_close(&m);
}

static void found_at_once(void **s) {
    (void)s;
    ends e;
    const pid_t pid = other_process(writer, &e);
    mem = mem_opened();
    for (int i = 0; i < ROUNDS; i++) {
        char want[60], word[20];
        const int64_t id = hear(&e);
        snprintf(word, sizeof word, "number%d", i);
        snprintf(want, sizeof want, "%lld %s", (long long)id, text_of(i, "first"));
        assert_string_equal(FOUND(&ann, .query = word), want);
        say(&e, 1);
        assert_int_equal(hear(&e), id);
        snprintf(want, sizeof want, "%lld %s", (long long)id, text_of(i, "then"));
        assert_string_equal(FOUND(&ann, .query = word), want);
        say(&e, 1);
        assert_int_equal(hear(&e), id);
        assert_string_equal(FOUND(&ann, .query = word, .versions = 1), "");
        say(&e, 1);
    }
    gone(pid, &e);
}

/* ---- watching ----------------------------------------------------------------------------- */
static const mn_scope tenant = {.tenant = "firm", .user = "ann"};

static void teller(ends e) {
    mn_region *r = NULL;
    int64_t id;
    hear(&e);
    if (mn_region_open(region_path, 0, -1, &r) < 0) _exit(1);
    mn_mem *m = another(r);
    const mn_record one = {.text = "one", .n = 3};
    if (mn_mem_add(m, &bob, &one, 1, &id) < 0 || mn_mem_add(m, &tenant, &one, 1, &id) < 0) _exit(2);
    if (mn_mem_add(m, &ann, &one, 1, &id) < 0) _exit(3);
    say(&e, id);
    hear(&e);
    if (mn_mem_update(m, &ann, id, &one) < 0) _exit(4);
    hear(&e);
    if (mn_mem_forget(m, &ann, &(mn_find){.id = id}, 0) != 1) _exit(5);
    mn_mem_close(&m);
    mn_region_close(&r);
}

static void told(mn_watch *w, const char *key, const char *what, int64_t id) {
    mn_change c;
    char want[40];
    snprintf(want, sizeof want, "%s %lld", what, (long long)id);
    assert_int_equal(mn_watch_next(w, 20000, &c), 1);
    assert_string_equal(c.object.key, key);
    assert_string_equal(c.value, want);
}

/* Of this user alone. */
static void whoever_watches_is_told(void **s) {
    (void)s;
    ends e;
    char key[256];
    mn_region *r = NULL;
    mn_watch *w = NULL;
    mn_change c;
    const pid_t pid = other_process(teller, &e);
    assert_ok(mn_region_open(region_path, 16 << 20, -1, &r));
    assert_ok(mn_mem_topic(&ann, key));
    assert_ok(mn_watch_open(r, key, MN_WATCH_KEY, &w));
    say(&e, 1);
    const int64_t id = hear(&e);
    told(w, key, "added", id);
    say(&e, 1);
    told(w, key, "updated", id);
    say(&e, 1);
    told(w, key, "forgotten", id);
    gone(pid, &e);
    assert_int_equal(mn_watch_next(w, 0, &c), 0);
    mn_watch_close(&w);
    mn_region_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(found_at_once, begin, mem_end),
        cmocka_unit_test_setup_teardown(whoever_watches_is_told, begin, mem_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
