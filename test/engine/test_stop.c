/* SPDX-License-Identifier: Apache-2.0
 * test/engine/test_stop.c - stop strings: every way to cut a text into feeds gives one result. */
#include "test.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/random.h"
#include "engine/sample.h"

typedef struct sample {
    const char *stop[4];
    const char *text, *shown;
    int stops;
} sample;

#define BAD "\xef\xbf\xbd"
static const sample samples[] = {
    {{"STOP"}, "abcSTOPdef", "abc", 1},
    {{"STOP"}, "abcSTOdef", "abcSTOdef", 0},
    {{"STOP"}, "SSTOSTOP", "SSTO", 1},
    {{"STOP"}, "xSTO", "xSTO", 0},
    {{NULL}, "plain", "plain", 0},
    {{"aab"}, "aaaab", "aa", 1},          /* overlaps itself */
    {{"abcd", "bc"}, "xabcd", "xa", 1},   /* the one that is complete first */
    {{"abc", "bc", "c"}, "xabc", "x", 1}, /* the longest of those complete together */
    {{"ab", "ba"}, "aab", "a", 1},
    {{"\n\nUser:", "\n\n"}, "ok\n\nUser:", "ok", 1},
    {{"\xe2\x82\xac"}, "5 \xe2\x82\xac", "5 ", 1},
    {{"\xe2\x82\xac"}, "5 \xe2\x82\xad!", "5 \xe2\x82\xad!", 0},
    {{"zz"}, "\xf0\x9f\x98\x80z", "\xf0\x9f\x98\x80z", 0},
    {{"zz"}, "a\xf0\x9f\x98", "a" BAD, 0},   /* unfinished tail */
    {{"zz"}, "a\xf0\x9f\x98zz", "a" BAD, 1}, /* unfinished before the stop */
    {{"zz"}, "\xff\xc0\xafx", BAD BAD BAD "x", 0},
    {{"zz"}, "\xed\xa0\x80|\xe0\x80|\xf4\x90|", BAD BAD BAD "|" BAD BAD "|" BAD BAD "|", 0},
    {{"zz"}, "\xe2\x82z\xe2z", BAD "z" BAD "z", 0},
    {{"zz"}, "", "", 0},
};

static size_t count(const char *const *stop) {
    size_t n = 0;
    while (n < 4 && stop[n]) n++;
    return n;
}

/* Feed text in pieces: a cut follows byte i when bit i of `cuts` is set. Every piece emitted but
 * the last is whole UTF-8, so no emission begins with a continuation byte. */
static void play(const sample *c, uint64_t cuts) {
    const size_t n = strlen(c->text);
    mn_stopper *s;
    mn_buf got = {0};
    assert_ok(mn_stopper_open(c->stop, count(c->stop), &s));
    int stopped = 0;
    const char *emit;
    size_t n_emit;
    for (size_t from = 0, i = 0; i < n; i++) {
        if (i + 1 < n && !(cuts >> i & 1)) continue;
        stopped = mn_stopper_feed(s, c->text + from, i + 1 - from, &emit, &n_emit);
        assert_true(stopped >= 0);
        assert_true(!n_emit || ((unsigned char)emit[0] & 0xc0) != 0x80);
        assert_ok(mn_buf_append(&got, emit, n_emit));
        from = i + 1;
    }
    assert_int_equal(stopped, c->stops && n);
    assert_int_equal(mn_stopper_flush(s, &emit, &n_emit), c->stops);
    assert_ok(mn_buf_append(&got, emit, n_emit));
    if (strcmp(got.data, c->shown) != 0)
        fail_msg("\"%s\" cut by %llx shows \"%s\", not \"%s\"", c->text, (unsigned long long)cuts,
                 got.data, c->shown);
    mn_buf_free(&got);
    mn_stopper_close(&s);
}

static void every_split(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const size_t n = strlen(samples[i].text);
        assert_true(n <= 12);
        for (uint64_t cuts = 0; cuts < 1u << (n ? n - 1 : 0); cuts++) play(&samples[i], cuts);
    }
}

/* Random texts over a two-letter alphabet against a search over the whole text. */
static void against_search(void **state) {
    (void)state;
    mn_random r;
    mn_random_seed(&r, 11);
    for (int round = 0; round < 4000; round++) {
        char text[64], word[3][8], want[64];
        const size_t n = 1 + mn_random_u64(&r) % 60;
        for (size_t i = 0; i < n; i++) text[i] = "ab"[mn_random_u64(&r) >> 63];
        text[n] = 0;
        sample c = {.text = text, .shown = want};
        for (int w = 0; w < 3; w++) {
            const size_t len = 1 + mn_random_u64(&r) % 7;
            for (size_t i = 0; i < len; i++) word[w][i] = "ab"[mn_random_u64(&r) >> 63];
            word[w][len] = 0;
            c.stop[w] = word[w];
        }
        size_t show = n;
        for (size_t end = 1; end <= n && !c.stops; end++)
            for (int w = 0; w < 3; w++) {
                const size_t len = strlen(word[w]);
                if (len > end || memcmp(text + end - len, word[w], len) != 0) continue;
                if (!c.stops || end - len < show) show = end - len;
                c.stops = 1;
            }
        memcpy(want, text, show);
        want[show] = 0;
        play(&c, mn_random_u64(&r));
    }
}

static void after_the_stop(void **state) {
    (void)state;
    mn_stopper *s;
    const char *emit;
    size_t n;
    assert_ok(mn_stopper_open((const char *const[]){"x"}, 1, &s));
    assert_int_equal(mn_stopper_feed(s, "ax", 2, &emit, &n), 1);
    assert_int_equal(n, 1);
    assert_int_equal(mn_stopper_feed(s, "more", 4, &emit, &n), 1);
    assert_int_equal(n, 0);
    mn_stopper_close(&s);
    assert_fails(mn_stopper_open((const char *const[]){"a", ""}, 2, &s), MN_EINVAL, "empty");
    assert_null(s);
    mn_stopper_close(&s);
}

static void no_memory(void **state) {
    (void)state;
    int done = 0;
    for (long fail = 1; !done; fail++) {
        mn_stopper *s = NULL;
        const char *emit;
        size_t n;
        mn_alloc_fail_after(fail);
        int rc = mn_stopper_open((const char *const[]){"stop", "halt"}, 2, &s);
        if (rc >= 0) rc = mn_stopper_feed(s, "some text", 9, &emit, &n);
        if (rc >= 0) rc = mn_stopper_flush(s, &emit, &n);
        mn_alloc_fail_after(0);
        assert_true(rc == 0 || rc == MN_ENOMEM);
        done = rc == 0;
        mn_stopper_close(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split),
        cmocka_unit_test(against_search),
        cmocka_unit_test(after_the_stop),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
