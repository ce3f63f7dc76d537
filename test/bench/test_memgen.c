/* SPDX-License-Identifier: Apache-2.0
 *
 * test/bench/test_memgen.c - the generator of acquaintances: the same bytes everywhere, and gold
 * that is what it says.
 *
 * Each answer must follow from its gold turns by what a reader could do: find the words, count, add
 * up, or work out the day from "last Saturday" and the date of the sitting.
 */
#include "test.h"

#include "bench/memgen.h"
#include "bench/memgen_book.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/when.h"

#include <ctype.h>

static const int64_t DAY = 86400000000;

static mn_history make(uint64_t seed, mn_memgen_size size, int number) {
    mn_history h = {0};
    assert_ok(mn_memgen(seed, size, number, &h));
    return h;
}

/* ---- the same bytes ------------------------------------------------------------------------- */
static void digest(const mn_history *h, char hex[65]) {
    mn_buf b = {0};
    uint8_t out[32];
    for (int i = 0; i < mn_turns_n(h); i++) {
        const mn_remark *t = &mn_turns(h)[i];
        assert_ok(mn_buf_printf(&b, "%s|%s|%s|%s\n", t->ref, mn_sittings(h)[t->sitting].time,
                                t->speaker, t->text));
    }
    for (int i = 0; i < mn_askeds_n(h); i++) {
        const mn_asked *q = &mn_askeds(h)[i];
        assert_ok(mn_buf_printf(&b, "%s|%s|%s|%s", q->id, q->type, q->text, q->answer));
        for (int k = 0; k < q->n; k++) assert_ok(mn_buf_printf(&b, "|%d", q->gold[k]));
    }
    for (int i = 0; i < mn_pasts_n(h); i++)
        assert_ok(mn_buf_printf(&b, "%s|%d\n", mn_pasts(h)[i].time, mn_pasts(h)[i].truth));
    mn_sha256_of(b.data, b.len, out);
    mn_hash_hex(out, hex);
    mn_buf_free(&b);
}

static void has_the_same_bytes_everywhere(void **state) {
    (void)state;
    static const struct {
        mn_memgen_size size;
        int number;
        const char *hex;
    } golden[] = {
        {MN_MEMGEN_SMALL, 0, "e51bb6350852ef910d44eeafc3a9dafa1128b21e49355515f5a405b1f197acb0"},
        {MN_MEMGEN_SMALL, 1, "a8b30b9f499f43f9ee3f6b2490c4bcba49a3f427eecc81ab2af6a7a41b49469f"},
        {MN_MEMGEN_S, 0, "af44d773c960c85d7be3a18640a0bf227ccb29c766d81ea5de018b5f0dfc7d86"},
        {MN_MEMGEN_S, 1, "61109aca153166a448ff9ef934cabcef1edeed69f401b17c4080a2fc7a34c84e"},
    };
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        char hex[65];
        mn_history h = make(1, golden[i].size, golden[i].number);
        digest(&h, hex);
        assert_string_equal(hex, golden[i].hex);
        mn_history_free(&h);
    }
}

static void differs_by_seed_and_number(void **state) {
    (void)state;
    char hex[3][65];
    for (int i = 0; i < 3; i++) {
        mn_history h = make(i == 2 ? 4 : 3, MN_MEMGEN_SMALL, i == 1 ? 2 : 0);
        digest(&h, hex[i]);
        mn_history_free(&h);
    }
    assert_string_not_equal(hex[0], hex[1]);
    assert_string_not_equal(hex[0], hex[2]);
}

/* ---- gold is what it says ------------------------------------------------------------------- */
static int64_t day_of(const char *time) {
    mn_when w = {0};
    if (!mn_when_parse(time, &w)) fail_msg("'%s' is no moment", time);
    return (w.at - (w.at % DAY + DAY) % DAY) / DAY;
}

static int weekday(int64_t day) { /* 0: Sunday; 1 January 1970 was a Thursday */
    return (int)((day + 4) % 7);
}

/* What day is "last Saturday", said on `today`? */
static int64_t resolve(const char *when, int64_t today) {
    static const char *const names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
    static const char *const numbers[] = {"two", "three", "four", "five", "six", "seven", "eight"};
    char text[64], month[16];
    int mday;
    if (strcmp(when, "yesterday") == 0) return today - 1;
    if (strcmp(when, "a week ago today") == 0) return today - 7;
    if (strcmp(when, "two weeks ago today") == 0) return today - 14;
    for (int i = 0; i < 7; i++) {
        snprintf(text, sizeof text, "last %s", names[i]);
        if (strcmp(when, text) == 0) return today - ((weekday(today) - i + 6) % 7 + 1);
        snprintf(text, sizeof text, "%s days ago", numbers[i]);
        if (strcmp(when, text) == 0) return today - 2 - i;
    }
    const int named = sscanf(when, "on %d %15s", &mday, month) == 2 && isupper(*month);
    assert_int_equal(sscanf(when, "on the %d", &mday) == 1 || named, 1);
    for (int64_t day = today - 1; day > today - 40; day--) {
        char at[MN_WHEN_TEXT];
        mn_when_text(day * DAY, at);
        if (atoi(at + 8) == mday) return day; /* 2023-05-08T.. */
    }
    fail_msg("'%s' is no day of the weeks before", when);
    return 0;
}

/* Can some of the numbers in the gold turns be added up to `sum`? */
static int adds_up(const int *number, int n, int sum) {
    if (!sum) return 1;
    if (!n || sum < 0) return 0;
    return adds_up(number + 1, n - 1, sum - *number) || adds_up(number + 1, n - 1, sum);
}

static int numbers_in(const char *text, int *out, int n, int most) {
    for (const char *p = text; *p && n < most; p++)
        if (isdigit((unsigned char)*p)) {
            out[n++] = (int)strtol(p, (char **)&p, 10);
            if (!*p) break;
        }
    return n;
}

static int index_of(const char *word) {
    static const char *const numbers[] = {"none", "one", "two", "three", "four", "five", "six"};
    for (int i = 0; i < 7; i++)
        if (strcmp(word, numbers[i]) == 0) return i;
    return -1;
}

static void follows(const mn_history *h, const mn_asked *q) {
    int literal = 0, number[64], n = 0;
    for (int i = 0; i < q->n; i++) {
        const char *text = mn_turns(h)[q->gold[i]].text;
        literal |= strcasestr(text, q->answer) != NULL;
        n = numbers_in(text, number, n, 64);
    }
    const int count = index_of(q->answer);
    if (q->when) { /* a day */
        int said = 0;
        for (int i = 0; i < q->n; i++) {
            const mn_remark *t = &mn_turns(h)[q->gold[i]];
            if (!strcasestr(t->text, q->when)) continue;
            said = 1;
            assert_int_equal(resolve(q->when, day_of(mn_sittings(h)[t->sitting].time)),
                             day_of(q->answer));
        }
        assert_true(said);
    } else if (strncmp(q->text, "Which came first", 16) == 0) {
        assert_non_null(strcasestr(q->text, q->answer));
        assert_true(q->n >= 2);
    } else if (count >= 0) {
        assert_true(q->n >= count && q->n <= 2 * count);
    } else if (isdigit((unsigned char)*q->answer) && !literal) {
        if (!adds_up(number, n, atoi(q->answer)))
            fail_msg("%s: '%s' does not add up to %s", q->id, q->text, q->answer);
    } else if (!literal)
        fail_msg("%s: no turn says '%s', the answer to '%s'", q->id, q->answer, q->text);
}

static void check_question(const mn_history *h, const mn_asked *q) {
    assert_true(strlen(q->text) > 10);
    assert_int_equal(strpbrk(q->text, "?.")[1] == '\0' || strchr(q->text, '?') != NULL, 1);
    assert_int_equal(q->absent, q->n == 0);
    for (int i = 0; i < q->n; i++) {
        assert_in_range(q->gold[i], 0, mn_turns_n(h) - 1);
        if (i) assert_true(q->gold[i] > q->gold[i - 1]);
        const char *text = mn_turns(h)[q->gold[i]].text;
        if (q->said[i] && !strcasestr(text, q->said[i]))
            fail_msg("%s: '%s' is not in '%s'", q->id, q->said[i], text);
        int there = 0;
        for (int k = 0; k < q->n_sittings; k++)
            there |= q->sitting[k] == mn_turns(h)[q->gold[i]].sitting;
        assert_true(there);
    }
    if (q->stale >= 0) assert_true(q->stale < q->gold[0]);
    if (!q->absent) follows(h, q);
    for (const mn_asked *o = mn_askeds(h); o < q; o++) assert_string_not_equal(o->text, q->text);
}

static void check_text(const char *text) {
    assert_true(*text && !strpbrk(text, "{}[]|\001\002") && !strstr(text, "  "));
}

/* Of an order of time, without anything of the patterns left. */
static void check_turns(const mn_history *h) {
    int64_t before = 0;
    for (int i = 0; i < mn_sittings_n(h); i++) {
        const mn_sitting *s = &mn_sittings(h)[i];
        const int64_t day = day_of(s->time);
        assert_true(day > before);
        before = day;
        assert_true(s->n >= 4);
        for (int k = s->first; k < s->first + s->n; k++) {
            const mn_remark *t = &mn_turns(h)[k];
            assert_int_equal(t->sitting, i);
            assert_int_equal(mn_history_turn(h, t->ref), k);
            check_text(t->text);
            if (k > s->first) assert_string_not_equal(t->speaker, mn_turns(h)[k - 1].speaker);
        }
    }
}

/* What was true follows on each other; a day asked for lies where its answer was true. */
static void check_truths(const mn_history *h) {
    for (int i = 0; i < mn_truths_n(h); i++) {
        const mn_truth *t = &mn_truths(h)[i];
        assert_true(t->from < t->until);
        check_text(t->text);
        assert_non_null(strcasestr(t->text, t->value));
        if (!strcasestr(mn_turns(h)[t->turn].text, t->value))
            fail_msg("turn %s does not say %s: %s", mn_turns(h)[t->turn].ref, t->value,
                     mn_turns(h)[t->turn].text);
        for (int k = 0; k < i; k++) {
            const mn_truth *o = &mn_truths(h)[k];
            if (strcmp(o->subject, t->subject) == 0 && strcmp(o->relation, t->relation) == 0)
                assert_true(o->until <= t->from || t->until <= o->from);
        }
    }
    for (int i = 0; i < mn_pasts_n(h); i++) {
        const mn_past *p = &mn_pasts(h)[i];
        const int64_t at = (day_of(p->time) + 1) * DAY - 1; /* the end of that day */
        int found = -1;
        for (int k = 0; k < mn_truths_n(h); k++) {
            const mn_truth *t = &mn_truths(h)[k];
            if (strcmp(t->subject, p->subject) == 0 && strcmp(t->relation, p->relation) == 0 &&
                t->from <= at && at < t->until)
                found = k;
        }
        assert_int_equal(found, p->truth);
    }
}

static void is_what_it_says(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++)
        for (int number = 0; number < 6; number++) {
            mn_history h = make(seed, number < 4 ? MN_MEMGEN_SMALL : MN_MEMGEN_S, number);
            check_turns(&h);
            for (int i = 0; i < mn_askeds_n(&h); i++) check_question(&h, &mn_askeds(&h)[i]);
            check_truths(&h);
            mn_history_free(&h);
        }
}

/* ---- how much there is ---------------------------------------------------------------------- */
static int of_type(const mn_history *h, const char *type) {
    int n = 0;
    for (int i = 0; i < mn_askeds_n(h); i++) n += strcmp(mn_askeds(h)[i].type, type) == 0;
    return n;
}

static void is_as_long_as_it_says(void **state) {
    (void)state;
    for (int number = 0; number < 4; number++) {
        mn_history h = make(9, MN_MEMGEN_S, number);
        int words = 0, updates = 0;
        for (int i = 0; i < mn_turns_n(&h); i++)
            for (const char *p = mn_turns(&h)[i].text; *p; p++)
                words += isspace((unsigned char)p[0]) || !p[1];
        for (int i = 0; i < mn_askeds_n(&h); i++) updates += mn_askeds(&h)[i].stale >= 0;
        assert_int_equal(mn_sittings_n(&h), 40);
        assert_in_range(words, 78000, 102000); /* about 1.25 tokens each */
        assert_in_range(mn_turns_n(&h), 1800, 4200);
        assert_in_range(mn_askeds_n(&h), 70, 95);
        assert_in_range(of_type(&h, "single"), 20, 30);
        assert_in_range(of_type(&h, "temporal"), 15, 25);
        assert_in_range(of_type(&h, "multi"), 4, 14);
        assert_in_range(of_type(&h, "advice"), 3, 8);
        assert_int_equal(of_type(&h, "absent"), 8);
        assert_int_equal(updates, of_type(&h, "update"));
        assert_in_range(updates, 10, 16);
        assert_true(mn_pasts_n(&h) >= 30);
        mn_history_free(&h);
    }
}

/* ---- what may go wrong ---------------------------------------------------------------------- */
static int parse(const char *text) {
    mn_book b = {0};
    const int rc = mn_book_parse(&b, text, strlen(text));
    mn_book_free(&b);
    return rc;
}

static int say(const char *pattern, const char *expected) {
    static const char lists[] = "[list fruit]\nplums\n";
    const mn_slot slot[] = {{"v", "apple"}, {NULL, NULL}};
    mn_book b = {0};
    mn_random r;
    mn_buf raw = {0}, out = {0};
    mn_random_seed(&r, 1);
    assert_ok(mn_book_parse(&b, lists, strlen(lists)));
    const mn_voice v = {.book = &b, .random = &r, .slot = slot, .first_person = 1};
    int rc = mn_voice_put(&v, pattern, strlen(pattern), &raw);
    if (rc >= 0) rc = mn_book_polish(&r, raw.data, 0, &out);
    if (rc >= 0) assert_string_equal(out.data, expected);
    mn_buf_free(&raw);
    mn_buf_free(&out);
    mn_book_free(&b);
    return rc;
}

static void reads_patterns(void **state) {
    (void)state;
    assert_fails(parse("a hello\n"), MN_ECORRUPT, "of no block");
    assert_fails(parse("[topic x]\nno tag\n"), MN_ECORRUPT, "line 2");
    assert_fails(parse("[topic x\n"), MN_ECORRUPT, "no ']'");
    assert_fails(parse("[topic ]\n"), MN_ECORRUPT, "needs a name");
    assert_ok(parse("# only\n\n[list a]\nx; y;\n"));
    assert_ok(say("i like a {v}. {fruit} [too|too]", "I like an apple. Plums too"));
    assert_ok(say("Where do I {lives}?", "Where do I live?"));
    assert_fails(say("a {nobody}", ""), MN_ECORRUPT, "nobody fills");
    assert_fails(say("a {v", ""), MN_ECORRUPT, "no '}'");
    assert_fails(say("a [v|w", ""), MN_ECORRUPT, "no ']'");
}

static void fails_cleanly_without_memory(void **state) {
    (void)state;
    for (long n = 1;; n += 1 + n / 3) {
        mn_history h = {0};
        mn_alloc_fail_after(n);
        const int rc = mn_memgen(1, MN_MEMGEN_SMALL, 0, &h);
        const int failed = mn_alloc_fail_left() <= 0;
        mn_alloc_fail_after(0);
        mn_history_free(&h);
        if (!failed) {
            assert_ok(rc);
            break;
        }
        assert_int_equal(rc, MN_ENOMEM);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_same_bytes_everywhere),
        cmocka_unit_test(differs_by_seed_and_number),
        cmocka_unit_test(is_what_it_says),
        cmocka_unit_test(is_as_long_as_it_says),
        cmocka_unit_test(reads_patterns),
        cmocka_unit_test(fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
