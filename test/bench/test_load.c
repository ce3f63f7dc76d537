/* SPDX-License-Identifier: Apache-2.0
 *
 * test/bench/test_load.c - the load generator against a little server of known habits: what it
 * notes is what happened, requests do not wait for each other, and failures are told.
 */
#include "until.h"

#include "base/alloc.h"
#include "bench/load.h"
#include "bench/load_answer.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STEP_MS = 30, PIECES = 3, AT_ONCE = 20 };
static atomic_int came; /* requests for /together */

/* ---- the server --------------------------------------------------------------------------- */
static void put(int fd, const char *text) {
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0) return;
}
static void put_event(int fd, const char *data) {
    char chunk[512];
    snprintf(chunk, sizeof chunk, "%zx\r\ndata: %s\n\n\r\n", strlen(data) + 8, data);
    put(fd, chunk);
}

#define PIECE(text) "{\"choices\": [{\"delta\": {\"content\": \"" text "\"}}]}"
static void stream(int fd) {
    static const char *const pieces[PIECES] = {PIECE("a"), PIECE("\xc3\xa4"), PIECE("c")};
    put(fd,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    put_event(fd, "{\"choices\": [{\"delta\": {\"role\": \"assistant\", \"content\": null}}]}");
    for (int i = 0; i < PIECES; i++) {
        usleep(STEP_MS * 1000);
        put_event(fd, pieces[i]);
    }
    put_event(fd, "{\"choices\": [], \"usage\": {\"prompt_tokens\": 7, \"completion_tokens\": 3, "
                  "\"prompt_tokens_details\": {\"cached_tokens\": 5}}}");
    put_event(fd, "[DONE]");
    put(fd, "0\r\n\r\n");
}

static void serve_one(int fd, const char *request) {
    static const char whole[] = "{\"choices\": [{\"text\": \"all\"}], \"usage\": "
                                "{\"prompt_tokens\": 2, \"completion_tokens\": 1}}";
    char reply[512];
    if (strstr(request, "/together")) /* nobody is answered before all have asked */
        for (atomic_fetch_add(&came, 1); atomic_load(&came) < AT_ONCE;) usleep(1000);
    if (strstr(request, "/stream")) stream(fd);
    if (strstr(request, "/whole")) {
        snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                 sizeof whole - 1, whole);
        put(fd, reply);
    }
    if (strstr(request, "/health")) put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    if (strstr(request, "/busy")) put(fd, "HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nfull");
    if (strstr(request, "/half")) put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal");
    if (strstr(request, "/error"))
        put(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {\"error\": "
                "{\"message\": \"out of room\"}}\n\n");
}

/* One request: its head and as much body as it says. A big body is read with everything else. */
static void *talk(void *opaque) {
    const int fd = (int)(intptr_t)opaque;
    static __thread char request[1 << 20];
    size_t n = 0;
    for (ssize_t k;
         n < sizeof request - 1 && (k = recv(fd, request + n, sizeof request - 1 - n, 0)) > 0;) {
        request[n += (size_t)k] = 0;
        const char *const end = strstr(request, "\r\n\r\n"), *const length = strstr(
                                                                 request, "Content-Length: ");
        if (end && (size_t)(end + 4 - request) + (length ? strtoul(length + 16, NULL, 10) : 0) <= n)
            break;
    }
    serve_one(fd, request);
    if (strstr(request, "/health") || strstr(request, "/stream") ||
        strstr(request, "/never")) { /* stays until the other leaves */
        char byte;
        while (recv(fd, &byte, 1, 0) > 0) {
        }
    }
    close(fd);
    return NULL;
}

static void *listen_on(void *opaque) {
    const int fd = (int)(intptr_t)opaque;
    for (int one; (one = accept(fd, NULL, NULL)) >= 0;) {
        pthread_t t;
        if (pthread_create(&t, NULL, talk, (void *)(intptr_t)one) == 0) pthread_detach(t);
    }
    return NULL;
}

static int port_of(int listens) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t t;
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    if (listens) {
        assert_int_equal(listen(fd, 100), 0);
        assert_int_equal(pthread_create(&t, NULL, listen_on, (void *)(intptr_t)fd), 0);
        pthread_detach(t);
    } else {
        close(fd);
    }
    return ntohs(at.sin_port);
}
static int port;

/* ---- what is noted ------------------------------------------------------------------------ */
/* Whether each piece was noted when it came. */
static int noted(void) {
    mn_load *l;
    mn_buf firsts = {0}, gaps = {0};
    assert_ok(mn_load_open(port, &l));
    assert_int_equal(mn_load_ask(l, 0.05, "/stream", "{}", 42), 0);
    assert_ok(mn_load_run(l, 60, NULL, NULL));
    assert_ok(mn_load_check(l));
    const mn_asked *a = mn_load_get(l, 0);
    assert_int_equal(a->tag, 42);
    assert_int_equal(a->status, 200);
    assert_int_equal(a->n, PIECES);
    assert_string_equal(a->text.data, "a\xc3\xa4"
                                      "c");
    assert_int_equal(a->prompt_tokens, 7);
    assert_int_equal(a->cached_tokens, 5);
    assert_int_equal(a->tokens, 3);
    assert_true(a->sent >= 0.05);
    assert_true(a->first - a->sent >= STEP_MS * 1e-3);
    assert_true(a->first == a->at[0] && a->end >= a->at[PIECES - 1]);
    assert_int_equal(mn_load_firsts(l, &firsts), 1);
    assert_int_equal(mn_load_gaps(l, &gaps), PIECES - 1);
    const double *const first = (const double *)(const void *)firsts.data;
    assert_true(*first >= a->first - a->sent); /* counts from when it was due */
    for (int i = 0; i < PIECES; i++) assert_true(a->at[i] - a->sent >= (i + 1) * STEP_MS * 1e-3);
    int apart = 1;
    for (int i = 1; i < PIECES; i++) apart &= a->at[i] - a->at[i - 1] > STEP_MS * 0.5e-3;
    mn_buf_free(&firsts);
    mn_buf_free(&gaps);
    mn_load_close(&l);
    return apart;
}

static void notes_every_piece(void **state) {
    (void)state;
    int once = 0;
    for (int i = 0; i < 20 && !once; i++) once = noted(); /* others may need the cores */
    assert_true(once);
}

static void takes_whole_answers(void **state) {
    (void)state;
    mn_load *l;
    assert_ok(mn_load_open(port, &l));
    char *body = malloc(600000); /* more than a socket takes at once */
    memset(body, ' ', 599999);
    body[599999] = 0;
    assert_ok(mn_load_ask(l, 0, "/whole", body, 0));
    assert_ok(mn_load_ask(l, 0, "/health", NULL, 1));
    assert_ok(mn_load_run(l, 60, NULL, NULL));
    assert_ok(mn_load_check(l));
    assert_string_equal(mn_load_get(l, 0)->text.data, "all");
    assert_int_equal(mn_load_get(l, 0)->tokens, 1);
    assert_int_equal(mn_load_get(l, 0)->cached_tokens, -1);
    assert_int_equal(mn_load_get(l, 1)->n, 0);
    free(body);
    mn_load_close(&l);
}

/* Open loop: one is due every 5 ms, and the first is answered when the last has been sent. */
static void does_not_wait(void **state) {
    (void)state;
    mn_load *l;
    assert_ok(mn_load_open(port, &l));
    for (int i = 0; i < AT_ONCE; i++)
        assert_ok(mn_load_ask(l, i * 0.005, "/stream/together", "{}", i));
    assert_ok(mn_load_run(l, 60, NULL, NULL));
    assert_ok(mn_load_check(l));
    for (int i = 0; i < AT_ONCE; i++)
        assert_true(mn_load_get(l, AT_ONCE - 1)->sent < mn_load_get(l, i)->end);
    for (int i = 0; i < AT_ONCE; i++) assert_true(mn_load_get(l, i)->sent >= i * 0.005);
    mn_load_close(&l);
}

static int two_more(void *user, mn_load *l, int i) {
    const mn_asked *was = mn_load_get(l, i);
    ++*(int *)user;
    return was->tag < 2 ? mn_load_ask(l, was->end + 0.02, "/health", NULL, was->tag + 1) : 0;
}
static void asks_on(void **state) {
    (void)state;
    mn_load *l;
    int calls = 0;
    assert_ok(mn_load_open(port, &l));
    assert_ok(mn_load_ask(l, 0, "/whole", "{}", 0));
    assert_ok(mn_load_run(l, 60, two_more, &calls));
    assert_int_equal(calls, 3);
    assert_int_equal(mn_load_count(l), 3);
    assert_true(mn_load_get(l, 2)->sent >= mn_load_get(l, 1)->end + 0.02);
    mn_load_close(&l);
}

static void keeps_connections(void **state) {
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        mn_load *l;
        assert_ok(mn_load_open(port, &l));
        if (keep) mn_load_keep(l);
        for (int i = 0; i < 30; i++) assert_ok(mn_load_ask(l, 0, "/stream", "{}", i));
        assert_ok(mn_load_ask(l, 0, "/whole", "{}", 0)); /* this one hangs up */
        assert_ok(mn_load_run(l, 60, NULL, NULL));
        wait_until(mn_load_kept(l) == (keep ? 30 : 0)); /* the hanging up is on its way */
        mn_load_close(&l);
    }
}

/* ---- what goes wrong ---------------------------------------------------------------------- */
static void tells_what_failed(void **state) {
    (void)state;
    static const struct {
        const char *path, *says;
    } bad[] = {{"/busy", "status 503: full"},
               {"/half", "hung up"},
               {"/nothing", "hung up"},
               {"/error", "out of room"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mn_load *l;
        assert_ok(mn_load_open(port, &l));
        assert_ok(mn_load_ask(l, 0, "/health", NULL, 0));
        assert_ok(mn_load_ask(l, 0, bad[i].path, "{}", 1));
        assert_ok(mn_load_run(l, 60, NULL, NULL)); /* the load goes on */
        assert_fails(mn_load_check(l), MN_EIO, bad[i].says);
        assert_int_equal(mn_load_get(l, 0)->why.len, 0);
        mn_load_close(&l);
    }
}

static void nobody_listens(void **state) {
    (void)state;
    mn_load *l;
    assert_ok(mn_load_open(port_of(0), &l));
    assert_ok(mn_load_ask(l, 0, "/health", NULL, 0));
    assert_ok(mn_load_run(l, 60, NULL, NULL));
    assert_fails(mn_load_check(l), MN_EIO, "refused");
    mn_load_close(&l);
}

static void does_not_wait_for_ever(void **state) {
    (void)state;
    mn_load *l;
    assert_ok(mn_load_open(port, &l));
    assert_ok(mn_load_ask(l, 0, "/never", "{}", 0));
    assert_fails(mn_load_run(l, 0.1, NULL, NULL), MN_EIO, "1 of 1 requests had no end");
    assert_fails(mn_load_check(l), MN_EIO, "no end");
    mn_load_close(&l);
}

static void refuses_what_is_no_answer(void **state) {
    (void)state;
    static const char *const bad[] = {"", "[]", "{", "hello", "[DONE"};
    mn_asked a = {.tokens = -1};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(mn_answer_event(&a, bad[i], strlen(bad[i]), 1), MN_ECORRUPT, "no JSON");
    static const char *const odd[] = {"{}", "{\"choices\": 3}", "{\"choices\": [{\"delta\": 1}]}",
                                      "{\"usage\": {\"completion_tokens\": \"x\"}}", "[DONE]"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_ok(mn_answer_event(&a, odd[i], strlen(odd[i]), 1));
    assert_int_equal(a.n, 0);
    assert_int_equal(a.tokens, -1);
    mn_buf_free(&a.text);
    mn_free(a.at);
}

static void shares_are_ranks(void **state) {
    (void)state;
    double v[100];
    for (int i = 0; i < 100; i++) v[i] = 100 - i;
    assert_true(mn_load_share(v, 100, 0.95) == 95);
    assert_true(mn_load_share(v, 100, 0.99) == 99);
    assert_true(mn_load_share(v, 100, 1) == 100);
    assert_true(mn_load_share(v, 1, 0.5) == 1);
    assert_true(mn_load_share(v, 3, 0.5) == 2);
    assert_true(mn_load_share(v, 0, 0.5) == 0);
}

static void no_memory(void **state) {
    (void)state;
    for (long n = 1;; n++) {
        mn_load *l = NULL;
        mn_alloc_fail_after(n);
        int rc = mn_load_open(port, &l);
        if (rc >= 0) rc = mn_load_ask(l, 0, "/whole", "{}", 0);
        if (rc >= 0) rc = mn_load_run(l, 60, NULL, NULL);
        if (rc >= 0) rc = mn_load_check(l);
        const int failed = mn_alloc_fail_left() <= 0;
        mn_alloc_fail_after(0);
        assert_true(failed ? rc < 0 : rc >= 0);
        mn_load_close(&l);
        if (!failed) return;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_every_piece),
        cmocka_unit_test(takes_whole_answers),
        cmocka_unit_test(does_not_wait),
        cmocka_unit_test(asks_on),
        cmocka_unit_test(keeps_connections),
        cmocka_unit_test(tells_what_failed),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(does_not_wait_for_ever),
        cmocka_unit_test(refuses_what_is_no_answer),
        cmocka_unit_test(shares_are_ranks),
        cmocka_unit_test(no_memory),
    };
    port = port_of(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
