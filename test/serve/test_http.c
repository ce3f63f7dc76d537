/* SPDX-License-Identifier: Apache-2.0
 *
 * test/serve/test_http.c - heads and chunked bodies: what is read, what is refused, and that it
 * does not matter how the bytes were cut.
 */
#include "test.h"

#include "base/alloc.h"
#include "serve/http.h"

/* Read one head, given whole. */
static int read_head(const char *bytes, mn_http_head *out, int *status) {
    static char copy[80000];
    size_t from = 0;
    const size_t n = mn_http_head_end(bytes, strlen(bytes), &from);
    assert_true(n > 0);
    memcpy(copy, bytes, n);
    copy[n] = 0;
    return mn_http_head_read(copy, n, out, status);
}

static void a_head_is_cut_into_its_parts(void **state) {
    mn_http_head h;
    int status;
    assert_ok(read_head("POST /v1/x?a=b HTTP/1.1\r\nHost: me\r\nCONTENT-length: 12\r\n"
                        "X:  two words \t\r\nEmpty:\r\nConnection: keep-alive, close\r\n\r\nbody",
                        &h, &status));
    assert_string_equal(h.method, "POST");
    assert_string_equal(h.path, "/v1/x");
    assert_string_equal(h.query, "a=b");
    assert_int_equal(h.length, 12);
    assert_string_equal(mn_http_field(&h, "x"), "two words");
    assert_string_equal(mn_http_field(&h, "empty"), "");
    assert_null(mn_http_field(&h, "nothing"));
    assert_true(h.close);
    assert_ok(read_head("GET http://me:80/p?q HTTP/1.1\r\nHost: me\r\n\r\n", &h, &status));
    assert_string_equal(h.path, "/p");
    assert_string_equal(h.query, "q");
    assert_false(h.close);
    assert_ok(read_head("GET / HTTP/1.0\r\n\r\n", &h, &status));
    assert_true(h.close);
    assert_ok(read_head("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", &h, &status));
    assert_false(h.close);
    assert_ok(read_head("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n"
                        "Expect: 100-Continue\r\n\r\n",
                        &h, &status));
    assert_true(h.chunked && h.expect);
}

#define HOST "Host: x\r\n"
static const struct {
    const char *bytes, *sentence;
    int status;
} refused[] = {
    {"\r\n\r\n", "empty", 400},
    {" GET / HTTP/1.1\r\n" HOST "\r\n", "method", 400},
    {"G(T / HTTP/1.1\r\n" HOST "\r\n", "method", 400},
    {"GET  / HTTP/1.1\r\n" HOST "\r\n", "address", 400},
    {"GET /a b HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1", 400},
    {"GET /\x7f HTTP/1.1\r\n" HOST "\r\n", "address", 400},
    {"GET a HTTP/1.1\r\n" HOST "\r\n", "begin with /", 400},
    {"GET / HTTP/1.2\r\n" HOST "\r\n", "speaks", 505},
    {"GET / HTTP/1.1x\r\n" HOST "\r\n", "speaks", 505},
    {"GET / http/1.1\r\n" HOST "\r\n", "HTTP/1.1", 400},
    {"GET /\r\n" HOST "\r\n", "address", 400},
    {"GET / HTTP/1.1\r\n\r\n", "Host", 400},
    {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", "Host", 400},
    {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", "name", 400},
    {"GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n", "name", 400},
    {"GET / HTTP/1.1\r\n" HOST ": empty\r\n\r\n", "name", 400},
    {"GET / HTTP/1.1\r\n" HOST " folded: x\r\n\r\n", "folded", 400},
    {"GET / HTTP/1.1\r\n" HOST "\tfolded: x\r\n\r\n", "folded", 400},
    {"GET / HTTP/1.1\r\n" HOST "a: \x01\r\n\r\n", "control", 400},
    {"GET / HTTP/1.1\r\n" HOST "a: b\nc: d\r\n\r\n", "CR and LF", 400},
    {"GET / HTTP/1.1\r\n" HOST "a: b\rc: d\r\n\r\n", "CR and LF", 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", "one number", 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n", "one number", 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1,1\r\n\r\n", "one number", 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\n", "one number", 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1111111111111111111\r\n\r\n", "one number", 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "beside",
     400},
    {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "beside", 400},
    {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     "beside", 400},
    {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", "chunked", 501},
    {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: \x0b"
     "chunked\r\n\r\n",
     "control", 400},
};

static void what_two_readers_could_read_differently_is_refused(void **state) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        mn_http_head h;
        int status = 0;
        assert_fails(read_head(refused[i].bytes, &h, &status), MN_EINVAL, refused[i].sentence);
        if (status != refused[i].status)
            fail_msg("%s: status %d, not %d", refused[i].bytes, status, refused[i].status);
    }
}

static void more_fields_than_there_is_room_for_are_a_431(void **state) {
    char text[4096] = "GET / HTTP/1.1\r\n" HOST;
    mn_http_head h;
    int status;
    for (int i = 0; i < MN_HTTP_FIELDS - 1; i++) strcat(text, "A: b\r\n");
    char more[4200];
    snprintf(more, sizeof more, "%sA: b\r\n\r\n", text);
    strcat(text, "\r\n");
    assert_ok(read_head(text, &h, &status));
    assert_int_equal(h.n, MN_HTTP_FIELDS);
    assert_fails(read_head(more, &h, &status), MN_EINVAL, "64");
    assert_int_equal(status, 431);
}

static void the_end_of_a_head_is_found_however_it_comes(void **state) {
    static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /";
    size_t from = 0, end = 0, n = 0;
    while (!end) end = mn_http_head_end(text, ++n, &from);
    assert_int_equal(end, strlen(text) - 5);
    assert_int_equal(n, end);
}

static const struct {
    const char *bytes, *body;
    int rest; /* bytes behind it that are not its own */
} bodies[] = {
    {"0\r\n\r\n", "", 0},
    {"5\r\nhello\r\n0\r\n\r\nGET", "hello", 3},
    {"5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n", "hello!", 0},
    {"0A\r\n0123456789\r\n000\r\n\r\n", "0123456789", 0},
    {"2 \r\n\r\n\r\n0\r\n\r\n", "\r\n", 0},
};

static void chunks_are_joined_however_they_come(void **state) {
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        for (size_t step = 1; step < 40; step++) {
            mn_http_chunks c = {0};
            mn_buf body = {0};
            const size_t n = strlen(bodies[i].bytes);
            size_t at = 0;
            while (at < n && c.state != MN_CHUNK_DONE) {
                const size_t k = n - at < step ? n - at : step;
                const int64_t used = mn_http_chunks_take(&c, bodies[i].bytes + at, k, &body);
                assert_true(used >= 0);
                at += (size_t)used;
                if (c.state != MN_CHUNK_DONE) assert_int_equal(used, k);
            }
            assert_int_equal(c.state, MN_CHUNK_DONE);
            assert_int_equal(n - at, bodies[i].rest);
            assert_string_equal(body.len ? body.data : "", bodies[i].body);
            mn_buf_free(&body);
        }
}

static void malformed_chunks_are_refused(void **state) {
    static const char *const bad[] = {"\r\n",
                                      "x\r\n",
                                      "-1\r\n",
                                      "5\r\nhelloX\r\n",
                                      "5\rhello",
                                      "1 2\n",
                                      "5\r\nhello\n0\r\n\r\n",
                                      "0\r\n\n",
                                      "0\r\na\rb",
                                      ";a\r\n",
                                      "0x5\r\nhello\r\n",
                                      "1000000000000000\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mn_http_chunks c = {0};
        mn_buf body = {0};
        const int64_t used = mn_http_chunks_take(&c, bad[i], strlen(bad[i]), &body);
        if (used != MN_EINVAL) fail_msg("'%s' was taken", bad[i]);
        mn_buf_free(&body);
    }
}

static void a_body_ends_at_its_limit_and_a_size_line_too(void **state) {
    mn_http_chunks c = {0};
    mn_buf body = {.limit = 4};
    assert_int_equal(mn_http_chunks_take(&c, "5\r\nhello\r\n", 10, &body), MN_ETOOLONG);
    mn_buf_free(&body);
    char line[MN_HTTP_CHUNK_LINE + 3];
    memset(line, 'a', sizeof line);
    memcpy(line, "1;", 2);
    memset(&c, 0, sizeof c);
    assert_int_equal(mn_http_chunks_take(&c, line, sizeof line, &body), MN_EINVAL);
    mn_buf_free(&body);
}

static void a_query_is_read_by_names(void **state) {
    static const char query[] = "limit=2&after=%41b+c%2&empty=&after=no&x%41=1&=3&last=%zz";
    char out[8] = "as is";
    assert_int_equal(mn_http_query(query, "limit", out, sizeof out), 1);
    assert_string_equal(out, "2");
    assert_int_equal(mn_http_query(query, "after", out, sizeof out), 1);
    assert_string_equal(out, "Ab c%2");
    assert_int_equal(mn_http_query(query, "empty", out, sizeof out), 1);
    assert_string_equal(out, "");
    assert_int_equal(mn_http_query(query, "last", out, sizeof out), 1);
    assert_string_equal(out, "%zz");
    assert_int_equal(mn_http_query(query, "lim", out, sizeof out), 0);
    assert_int_equal(mn_http_query(query, "mit", out, sizeof out), 0);
    assert_int_equal(mn_http_query("", "a", out, sizeof out), 0);
    assert_int_equal(mn_http_query("a", "a", out, sizeof out), 0);
    assert_string_equal(out, "%zz");
    assert_int_equal(mn_http_query("a=123456789", "a", out, sizeof out), 1);
    assert_string_equal(out, "1234567");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_cut_into_its_parts),
        cmocka_unit_test(what_two_readers_could_read_differently_is_refused),
        cmocka_unit_test(more_fields_than_there_is_room_for_are_a_431),
        cmocka_unit_test(the_end_of_a_head_is_found_however_it_comes),
        cmocka_unit_test(chunks_are_joined_however_they_come),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(a_body_ends_at_its_limit_and_a_size_line_too),
        cmocka_unit_test(a_query_is_read_by_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
