/* SPDX-License-Identifier: Apache-2.0
 *
 * test/bench/test_reply.c - replies cut at every byte say the same as whole ones; what is no reply
 * is refused.
 */
#include "test.h"

#include "base/alloc.h"
#include "bench/reply.h"

typedef struct heard {
    mn_buf said; /* the data of all events, each with a bar behind it */
    int events;
} heard;

static int hear(void *user, const char *data, size_t n) {
    heard *h = user;
    assert_int_equal(strlen(data), n);
    h->events++;
    MN_TRY(mn_buf_append(&h->said, data, n));
    return mn_buf_puts(&h->said, "|");
}

typedef struct sample {
    const char *bytes;
    int status, event_stream, keeps, hangs_up;
    const char *body, *events;
} sample;

#define SSE     "Content-Type: text/event-stream; charset=utf-8\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
static const sample good[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, 0, 1, 0, "hello", ""},
    {"HTTP/1.1 200 OK\r\ncontent-length:\t0\r\n\r\n", 200, 0, 1, 0, "", ""},
    {"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", 503, 0, 0, 0, "no",
     ""},
    {"HTTP/1.0 200 OK\n\nall of it", 200, 0, 0, 1, "all of it", ""},
    {"HTTP/1.1 204 None\r\n\r\n", 204, 0, 1, 0, "", ""},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, 0, 1, 0,
     "x", ""},
    {"HTTP/1.1 200 OK\r\n" CHUNKED "\r\n3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
     200, 0, 1, 0, "abc0123456789", ""},
    {"HTTP/1.1 200 OK\r\n" SSE CHUNKED
     "\r\n9\r\ndata: a\n\n\r\n7\r\ndata: b\r\n6\r\n\r\n\r\nda\r\n3\r\nta:\r\n5\r\nc\n\n: "
     "\r\n3\r\nx\n\n\r\n"
     "0\r\n\r\n",
     200, 1, 1, 0, "", "a|b|c|"},
    {"HTTP/1.1 200 OK\r\n" SSE "\r\nevent: message\nid: 7\ndata: one\ndata:two\ndata:  "
     "three\n\ndata\n\ndata:\n\n\ndata: [DONE]\n\n",
     200, 1, 0, 1, "", "one\ntwo\n three||[DONE]|"},
};

/* Fed in pieces of `cut` bytes. */
static void feed(const sample *s, size_t cut) {
    heard h = {{0}};
    mn_reply r = {.on_event = hear, .user = &h};
    const size_t n = strlen(s->bytes);
    for (int again = 0; again < 2; again++) { /* the same parser, for a second reply */
        int rc = 0;
        h.events = 0;
        mn_buf_clear(&h.said);
        for (size_t at = 0; at < n; at += cut) {
            assert_int_equal(rc, 0);
            assert_ok(rc = mn_reply_feed(&r, s->bytes + at, n - at < cut ? n - at : cut));
        }
        if (s->hangs_up) {
            assert_int_equal(rc, 0);
            assert_ok(rc = mn_reply_hung_up(&r));
        }
        assert_int_equal(rc, 1);
        assert_int_equal(r.status, s->status);
        assert_int_equal(r.event_stream, s->event_stream);
        assert_int_equal(r.keeps, s->keeps);
        assert_string_equal(r.body.len ? r.body.data : "", s->body);
        assert_string_equal(h.said.len ? h.said.data : "", s->events);
        mn_reply_clear(&r);
    }
    mn_reply_free(&r);
    mn_buf_free(&h.said);
}

static void cut_anywhere(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        for (size_t cut = 1; cut <= strlen(good[i].bytes); cut++) feed(good + i, cut);
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes, *says;
    } bad[] = {
        {"SSH-2.0-OpenSSH\r\n\r\n", "no HTTP"},
        {"HTTP/1.1 99 x\r\n\r\n", "no HTTP"},
        {"HTTP/1.1 600 x\r\n\r\n", "no HTTP"},
        {"HTTP/2 200\r\n\r\n", "no HTTP"},
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "size of its body"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "size of its body"},
        {"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", "size of its body"},
        {"HTTP/1.1 200 OK\r\n" CHUNKED "\r\nzz\r\n", "size of its body"},
        {"HTTP/1.1 200 OK\r\n" CHUNKED "\r\nfffffffffffffffff\r\n", "size of its body"},
        {"HTTP/1.1 200 OK\r\n" CHUNKED "\r\n1\r\nab\r\n", "longer than it says"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", "follow a reply"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mn_reply r = {0};
        assert_fails(mn_reply_feed(&r, bad[i].bytes, strlen(bad[i].bytes)), MN_ECORRUPT,
                     bad[i].says);
        mn_reply_free(&r);
    }
}

static void hung_up(void **state) {
    (void)state;
    static const char *const cut[] = {"", "HTTP/1.1 200 OK\r\n",
                                      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
                                      "HTTP/1.1 200 OK\r\n" CHUNKED "\r\n2\r\nab\r\n"};
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        mn_reply r = {0};
        assert_int_equal(mn_reply_feed(&r, cut[i], strlen(cut[i])), 0);
        assert_fails(mn_reply_hung_up(&r), MN_ECORRUPT, "hung up");
        mn_reply_free(&r);
    }
}

static void a_head_ends_some_time(void **state) {
    (void)state;
    mn_reply r = {0};
    int rc = mn_reply_feed(&r, "HTTP/1.1 200 OK\r\n", 17);
    for (int i = 0; rc == 0 && i < 10000; i++) rc = mn_reply_feed(&r, "Some: field\r\n", 13);
    assert_int_equal(rc, MN_ETOOLONG);
    mn_reply_free(&r);
}

static int stop(void *user, const char *data, size_t n) {
    (void)data;
    (void)n;
    ++*(int *)user;
    return MN_FAIL(MN_ECANCELLED, "enough");
}
static void whoever_listens_may_stop(void **state) {
    (void)state;
    int calls = 0;
    mn_reply r = {.on_event = stop, .user = &calls};
    const char *const bytes = "HTTP/1.1 200 OK\r\n" SSE "\r\ndata: a\n\ndata: b\n\n";
    assert_fails(mn_reply_feed(&r, bytes, strlen(bytes)), MN_ECANCELLED, "enough");
    assert_int_equal(calls, 1);
    mn_reply_free(&r);
}

static void no_memory(void **state) {
    (void)state;
    const sample *s = good + 7;
    for (long n = 1;; n++) {
        heard h = {{0}};
        mn_reply r = {.on_event = hear, .user = &h};
        mn_alloc_fail_after(n);
        const int rc = mn_reply_feed(&r, s->bytes, strlen(s->bytes));
        const int failed = mn_alloc_fail_left() <= 0;
        mn_alloc_fail_after(0);
        if (failed) assert_int_equal(rc, MN_ENOMEM);
        mn_reply_free(&r);
        mn_buf_free(&h.said);
        if (!failed) return;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_anywhere), cmocka_unit_test(refused),
        cmocka_unit_test(hung_up),      cmocka_unit_test(a_head_ends_some_time),
        cmocka_unit_test(no_memory),    cmocka_unit_test(whoever_listens_may_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
