/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_board.c - what every kind of board promises: versions, commits of several values
 * or of nothing, order, logs; JSON on it, names, formats, and what happens without memory.
 */
#include "fleet/boards.h"

#include "base/alloc.h"
#include "base/random.h"
#include "fleet/board.h"

static mn_edit put_of(const char *key, const char *text, int check, uint64_t version) {
    return (mn_edit){key, MN_EDIT_PUT, check, version, text, strlen(text)};
}
static uint64_t put(mn_board *b, const char *key, const char *text) {
    mn_edit e = put_of(key, text, 0, 0);
    assert_ok(b->ops->commit(b, &e, 1));
    return e.version;
}
static void assert_text(mn_board *b, const char *key, const char *text, uint64_t version) {
    mn_buf value = {0};
    uint64_t v = 99;
    assert_ok(mn_buf_puts(&value, "what was there goes"));
    assert_int_equal(b->ops->get(b, key, &value, &v), text != NULL);
    assert_int_equal(v, text ? version : 0);
    assert_int_equal(value.len, text ? strlen(text) : 0);
    if (text) assert_string_equal(value.data, text);
    mn_buf_free(&value);
}

static void versions(mn_board *b) {
    assert_text(b, "a", NULL, 0);
    const uint64_t one = put(b, "a", "one"), two = put(b, "a", "");
    assert_true(one > 0 && two > one);
    assert_text(b, "a", "", two);
    mn_edit gone = {.key = "a", .kind = MN_EDIT_DEL};
    assert_ok(b->ops->commit(b, &gone, 1));
    assert_text(b, "a", NULL, 0);
    assert_ok(b->ops->commit(b, &gone, 1)); /* nothing to do */
    gone.check = 1, gone.version = two;
    assert_fails(b->ops->commit(b, &gone, 1), MN_ECONFLICT, "'a'");
    assert_true(put(b, "a", "three") > two); /* though it was away */
    const char with_zero[] = {'x', 0, 'y'};
    mn_edit e = {"a", MN_EDIT_PUT, 0, 0, with_zero, 3};
    mn_buf value = {0};
    assert_ok(b->ops->commit(b, &e, 1));
    assert_int_equal(b->ops->get(b, "a", &value, &e.version), 1);
    assert_int_equal(value.len, 3);
    assert_memory_equal(value.data, with_zero, 3);
    mn_buf_free(&value);
}

static void all_or_nothing(mn_board *b) {
    const uint64_t va = put(b, "a", "1"), vb = put(b, "b", "2"), vc = put(b, "c", "3");
    mn_edit e[] = {put_of("a", "10", 1, va),
                   {.key = "b", .kind = MN_EDIT_CHECK, .version = vb},
                   {.key = "c", .kind = MN_EDIT_DEL, .check = 1, .version = vc},
                   put_of("d", "40", 1, 0)};
    assert_ok(b->ops->commit(b, e, 4));
    assert_true(e[0].version > va && e[3].version > 0);
    assert_text(b, "a", "10", e[0].version);
    assert_text(b, "b", "2", vb);
    assert_text(b, "c", NULL, 0);
    assert_text(b, "d", "40", e[3].version);
    const uint64_t a = e[0].version, d = e[3].version;
    for (int stale = 0; stale < 4; stale++) { /* whichever is not as it should be */
        mn_edit f[] = {put_of("a", "11", 1, a),
                       {.key = "b", .kind = MN_EDIT_CHECK, .version = vb},
                       {.key = "d", .kind = MN_EDIT_DEL, .check = 1, .version = d},
                       put_of("c", "31", 1, 0)};
        f[stale].version += 1000;
        assert_fails(b->ops->commit(b, f, 4), MN_ECONFLICT, f[stale].key);
        assert_text(b, "a", "10", a);
        assert_text(b, "b", "2", vb);
        assert_text(b, "d", "40", d);
        assert_text(b, "c", NULL, 0);
    }
    mn_edit absent[] = {{.key = "c", .kind = MN_EDIT_CHECK}, put_of("a", "12", 0, 0)};
    assert_ok(b->ops->commit(b, absent, 2));
    put(b, "c", "back");
    assert_fails(b->ops->commit(b, absent, 2), MN_ECONFLICT, "'c'");
}

static void refused(mn_board *b) {
    mn_edit twice[] = {put_of("a", "1", 0, 0), put_of("b", "2", 0, 0), put_of("a", "3", 0, 0)};
    mn_edit many[MN_EDITS + 1];
    char names[MN_EDITS + 1][16];
    assert_fails(b->ops->commit(b, twice, 3), MN_EINVAL, "'a'");
    assert_text(b, "b", NULL, 0);
    for (int i = 0; i <= MN_EDITS; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        many[i] = put_of(names[i], "v", 0, 0);
    }
    assert_fails(b->ops->commit(b, many, MN_EDITS + 1), MN_EINVAL, "17");
    assert_ok(b->ops->commit(b, many, MN_EDITS));
    assert_text(b, "n15", "v", many[15].version);
    mn_edit bad = put_of("a\nb", "1", 0, 0);
    assert_fails(b->ops->commit(b, &bad, 1), MN_EINVAL, "control character");
    bad = (mn_edit){"a", MN_EDIT_PUT, 0, 0, "", MN_OBJECT_VALUE + 1};
    assert_fails(b->ops->commit(b, &bad, 1), MN_ETOOLONG, "at most");
}

typedef struct seen {
    mn_board *b;
    char keys[256];
    int stop;
} seen;
static int note(void *user, const char *key, uint64_t version) {
    seen *const s = user;
    assert_true(version > 0);
    strcat(s->keys, key);
    strcat(s->keys, " ");
    put(s->b, key, "changed while looking");
    return s->stop ? 7 : 0;
}
static void in_order(mn_board *b) {
    const char *const keys[] = {"x/b", "x/a", "y", "x/aa", "x", "x0", "x/c/d"};
    for (int i = 0; i < 7; i++) put(b, keys[i], "v");
    assert_ok(b->ops->append(b, "x/log", "r", 1));
    seen s = {.b = b};
    assert_int_equal(b->ops->each(b, "x/", note, &s), 0);
    assert_string_equal(s.keys, "x/a x/aa x/b x/c/d ");
    s = (seen){.b = b, .stop = 1};
    assert_int_equal(b->ops->each(b, "x", note, &s), 7);
    assert_string_equal(s.keys, "x ");
    s = (seen){.b = b};
    assert_int_equal(b->ops->each(b, "z", note, &s), 0);
    assert_string_equal(s.keys, "");
}

static void logs(mn_board *b) {
    mn_buf value = {0};
    uint64_t number = 0;
    assert_int_equal(b->ops->record(b, "events", 0, &value, &number), 0);
    for (int i = 0; i < 50; i++) {
        char text[16];
        const int n = snprintf(text, sizeof text, "record %d", i);
        assert_ok(b->ops->append(b, "events", text, (size_t)n));
        assert_ok(b->ops->append(b, "others", "", 0));
    }
    for (uint64_t i = 0; i < 50; i++) {
        char text[16];
        snprintf(text, sizeof text, "record %d", (int)i);
        assert_int_equal(b->ops->record(b, "events", i, &value, &number), 1);
        assert_int_equal(number, i);
        assert_string_equal(value.data, text);
    }
    assert_int_equal(b->ops->record(b, "events", 50, &value, &number), 0);
    assert_int_equal(b->ops->record(b, "others", 7, &value, &number), 1);
    assert_int_equal(value.len, 0);
    mn_buf_free(&value);
}

static void json(mn_board *b) {
    json_t *cup = json_pack("{s:s, s:[s]}", "class", "cup", "also", "mug"), *read;
    uint64_t version = 0, v;
    assert_int_equal(mn_board_get(b, "thing/", "cup", &read, &v), 0);
    assert_null(read);
    assert_ok(mn_board_put(b, "thing/", "cup", cup, 1, &version));
    assert_int_equal(mn_board_get(b, "thing/", "cup", &read, &v), 1);
    assert_int_equal(v, version);
    assert_true(json_equal(cup, read));
    json_decref(read);
    v = 0;
    assert_fails(mn_board_put(b, "thing/", "cup", cup, 1, &v), MN_ECONFLICT,
                 "fleet/main/thing/cup");
    assert_fails(mn_board_put(b, "thing/", "cup", json_null(), 0, NULL), MN_EINVAL, "JSON object");
    assert_ok(mn_board_put(b, "thing/", "cup", cup, 0, NULL));
    assert_fails(mn_board_del(b, "thing/", "cup", 1, version), MN_ECONFLICT, "cup");
    assert_ok(mn_board_del(b, "thing/", "cup", 0, 0));
    json_decref(cup);
    const struct {
        const char *text;
        int code;
        const char *says;
    } wrong[] = {{"{\"class\": ", MN_ECORRUPT, "is no JSON"},
                 {"", MN_ECORRUPT, "is no JSON"},
                 {"[1]", MN_ECORRUPT, "no JSON object"},
                 {"{\"format\": \"x\"}", MN_ECORRUPT, "format that is no number"},
                 {"{\"format\": 2}", MN_EUNSUPPORTED, "of format 2, and this Omnesia knows 1"},
                 {"{\"class\": \"\xff\"}", MN_ECORRUPT, "is no JSON"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        put(b, "fleet/main/thing/bad", wrong[i].text);
        const int rc = mn_board_get(b, "thing/", "bad", &read, &v);
        assert_fails(rc, wrong[i].code, wrong[i].says);
        assert_non_null(strstr(mn_error_detail(), "fleet/main/thing/bad"));
        assert_null(read);
    }
}

static void names(mn_board *b) {
    char key[MN_FLEET_KEY], longest[MN_NAME + 2];
    memset(longest, 'n', sizeof longest);
    longest[MN_NAME] = 0;
    assert_ok(mn_board_key(b, "thing/", "Tasse f\xc3\xbcr Tee", key));
    assert_string_equal(key, "fleet/main/thing/Tasse f\xc3\xbcr Tee");
    assert_ok(mn_board_key(b, "sim/thing/", "", key));
    assert_string_equal(key, "fleet/main/sim/thing/");
    assert_ok(mn_board_key(b, "thing/", longest, key));
    longest[MN_NAME] = 'n', longest[MN_NAME + 1] = 0;
    assert_fails(mn_board_key(b, "thing/", longest, key), MN_EINVAL, "64 bytes: it takes 1 to 63");
    const char *const bad[] = {"a/b", "a\nb", "\x7f", "tab\there", "\xff", "a\xe2\x80\xae"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(mn_board_key(b, "thing/", bad[i], key), MN_EINVAL);
    assert_fails(mn_board_name_check("the robot", ""), MN_EINVAL, "the robot has a name of 0");
    assert_fails(mn_board_open_heap("a/b", &b), MN_EINVAL, "the fleet has a name with a '/'");
    assert_fails(mn_board_open(board_region, "a/b", &b), MN_EINVAL, "the fleet has a name");
}

static void events(mn_board *b) {
    mn_buf value = {0};
    uint64_t number;
    mn_board_tell(b, "moved", "{s:s, s:i}", "thing", "cup", "n", 3);
    mn_board_tell(b, "woke", NULL);
    mn_board_tell(b, "wrong", "{s:s}", "robot", "\xff"); /* cannot be written: left out */
    assert_int_equal(b->ops->record(b, "fleet/main/events", 0, &value, &number), 1);
    json_t *const e = json_loads(value.data, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(e, "kind")), "moved");
    assert_string_equal(json_string_value(json_object_get(e, "thing")), "cup");
    assert_int_equal(json_integer_value(json_object_get(e, "n")), 3);
    assert_true(json_is_integer(json_object_get(e, "t")));
    json_decref(e);
    assert_int_equal(b->ops->record(b, "fleet/main/events", 1, &value, &number), 1);
    assert_non_null(strstr(value.data, "woke"));
    assert_int_equal(b->ops->record(b, "fleet/main/events", 2, &value, &number), 0);
    mn_buf_free(&value);
}

static void edits(mn_board *b) {
    static mn_edits e;
    json_t *v = json_pack("{s:i}", "n", 1);
    assert_ok(mn_edits_put(&e, b, "thing/", "a", v, 0));
    assert_ok(mn_edits_check(&e, b, "thing/", "b", 0));
    assert_ok(mn_edits_commit(&e, b));
    const uint64_t a = e.edit[0].version;
    assert_text(b, "fleet/main/thing/a", "{\"n\":1}", a);
    mn_edits_free(&e);
    assert_ok(mn_edits_put(&e, b, "thing/", "b", v, 0));
    assert_ok(mn_edits_del(&e, b, "thing/", "a", a + 1));
    assert_fails(mn_edits_commit(&e, b), MN_ECONFLICT, "thing/a");
    assert_text(b, "fleet/main/thing/b", NULL, 0);
    mn_edits_free(&e);
    assert_ok(mn_edits_check(&e, b, "thing/", "a", a)); /* what was checked is put, too */
    assert_fails(mn_edits_put(&e, b, "thing/", "a", v, a + 1), MN_ECONFLICT, "thing/a has changed");
    assert_ok(mn_edits_put(&e, b, "thing/", "a", v, a));
    assert_int_equal(e.n, 1);
    assert_ok(mn_edits_commit(&e, b));
    assert_true(e.edit[0].version > a);
    mn_edits_free(&e);
    for (int i = 0; i < MN_EDITS; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%d", i);
        assert_ok(mn_edits_put(&e, b, "thing/", name, v, 0));
    }
    assert_fails(mn_edits_put(&e, b, "thing/", "more", v, 0), MN_EINVAL, "takes 16 edits");
    assert_fails(mn_edits_del(&e, b, "thing/", "m3", 0), MN_EINVAL, "changed twice");
    assert_ok(mn_edits_commit(&e, b));
    mn_edits_free(&e);
    json_decref(v);
}

/* Random commits beside a plain array: what a commit says, and what is there then. */
static void against_a_list(mn_board *b) {
    enum { KEYS = 24 };
    struct {
        uint64_t version;
        int value;
    } list[KEYS] = {0};
    uint64_t highest = 0;
    mn_random random;
    mn_random_seed(&random, 7);
    for (int turn = 0; turn < 3000; turn++) {
        mn_edit e[MN_EDITS];
        char key[MN_EDITS][16], text[MN_EDITS][16];
        int which[MN_EDITS], ok = 1;
        const int n = 1 + (int)(mn_random_u64(&random) % 5),
                  from = (int)(mn_random_u64(&random) % KEYS);
        for (int i = 0; i < n; i++) {
            const int k = which[i] = (from + i * 5) % KEYS;
            const int does = 1 + (int)(mn_random_u64(&random) % 3);
            const int stale = mn_random_u64(&random) % 16 == 0;
            snprintf(key[i], sizeof key[i], "k%02d", k);
            snprintf(text[i], sizeof text[i], "%d", turn);
            e[i] = put_of(key[i], text[i], 1, list[k].version + (stale ? highest + 1 : 0));
            e[i].kind = does == MN_EDIT_DEL && !list[k].version ? MN_EDIT_PUT : does;
            ok &= !stale;
        }
        assert_int_equal(b->ops->commit(b, e, n), ok ? 0 : MN_ECONFLICT);
        for (int i = 0; i < n && ok; i++) {
            const int k = which[i];
            if (e[i].kind == MN_EDIT_DEL) list[k].version = 0;
            if (e[i].kind != MN_EDIT_PUT) continue;
            assert_true(e[i].version > list[k].version);
            list[k].version = e[i].version;
            list[k].value = turn;
            if (highest < e[i].version) highest = e[i].version;
        }
        const int k = (int)(mn_random_u64(&random) % KEYS);
        char name[16], value[16];
        snprintf(name, sizeof name, "k%02d", k);
        snprintf(value, sizeof value, "%d", list[k].value);
        assert_text(b, name, list[k].version ? value : NULL, list[k].version);
    }
}

static void conformance(void **s) {
    (void)s;
    void (*const promises[])(mn_board *) = {versions, all_or_nothing, refused, in_order,
                                            logs,     json,           names,   events,
                                            edits,    against_a_list};
    BOARDS_RUN(promises);
}

/* Two handles of one region see one board; time goes on by itself. */
static void two_of_one_region(void **s) {
    (void)s;
    mn_board *a, *b, *other;
    assert_ok(board_open_region(NULL, &a));
    assert_ok(mn_board_open(board_region, NULL, &b));
    assert_ok(mn_board_open(board_region, "other", &other));
    json_t *const cup = json_pack("{s:s}", "class", "cup"), *read;
    uint64_t version = 0, v;
    assert_ok(mn_board_put(a, "thing/", "cup", cup, 1, &version));
    assert_int_equal(mn_board_get(b, "thing/", "cup", &read, &v), 1);
    assert_int_equal(v, version);
    json_decref(read);
    assert_int_equal(mn_board_get(other, "thing/", "cup", &read, &v), 0);
    char *const large = malloc(100000); /* more than is asked for at first */
    memset(large, 'x', 99999);
    large[99999] = 0;
    put(a, "large", large);
    mn_buf value = {0};
    assert_int_equal(b->ops->get(b, "large", &value, &v), 1);
    assert_string_equal(value.data, large);
    mn_buf_free(&value);
    free(large);
    const uint64_t before = a->ops->now(a);
    assert_true(before > 0 && b->ops->now(b) >= before);
    assert_fails(mn_board_clock(a, 5, -7), MN_EINVAL, "'region' has no clock to be set");
    assert_true(a->ops->time(a) > (int64_t)1700000000 * 1000000);
    json_decref(cup);
    mn_board_close(&other);
    mn_board_close(&b);
    board_closed(&a);
}

static void clocks_of_the_heap(void **s) {
    (void)s;
    mn_board *b;
    assert_ok(mn_board_open_heap("other", &b));
    assert_string_equal(b->fleet, "other");
    assert_ok(mn_board_clock(b, 5, -7));
    assert_int_equal(b->ops->now(b), 5);
    assert_int_equal(b->ops->time(b), -7);
    mn_board_close(&b);
}

/* One commit of three edits while the n-th allocation fails: all of it is there or nothing. */
static void no_memory(void **s) {
    (void)s;
    int failed = 0;
    for (int n = 1;; n++) {
        mn_board *b = NULL;
        mn_alloc_fail_after(n);
        int rc = mn_board_open_heap(NULL, &b);
        mn_edit e[] = {put_of("a", "1", 1, 0), put_of("b", "2", 1, 0), put_of("c", "3", 1, 0)};
        if (!rc) rc = b->ops->commit(b, e, 3);
        const int committed = !rc;
        if (!rc) rc = b->ops->append(b, "log", "r", 1);
        const long left = mn_alloc_fail_left();
        mn_alloc_fail_after(0);
        if (b) {
            assert_text(b, "a", committed ? "1" : NULL, e[0].version);
            assert_text(b, "c", committed ? "3" : NULL, e[2].version);
            assert_ok(b->ops->append(b, "log", "r", 1));
        }
        mn_board_close(&b);
        if (left > 0) break;
        assert_int_equal(rc, MN_ENOMEM);
        failed++;
    }
    assert_true(failed >= 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conformance),
        cmocka_unit_test(two_of_one_region),
        cmocka_unit_test(clocks_of_the_heap),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
