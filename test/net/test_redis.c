/* SPDX-License-Identifier: Apache-2.0
 *
 * test/net/test_redis.c - Redis through our own lines: URLs, one command and many, channels, a
 * password, TLS; a server that dies, that is silent, that sends nonsense; no memory.
 */
#include "test.h"

#include "base/alloc.h"
#include "net/redis_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

static int has_redis;

static void urls(void **unused) {
    (void)unused;
    mn_redis_url u;
    assert_ok(mn_redis_url_read("redis://10.0.0.1", &u));
    assert_string_equal(u.host, "10.0.0.1");
    assert_string_equal(u.port, "6379");
    assert_int_equal(u.db + u.tls, 0);
    assert_ok(mn_redis_url_read("rediss://ann:s%40cret%2f@[::1]:700/12", &u));
    assert_string_equal(u.host, "::1");
    assert_string_equal(u.port, "700");
    assert_string_equal(u.user, "ann");
    assert_string_equal(u.password, "s@cret/");
    assert_int_equal(u.db, 12);
    assert_int_equal(u.tls, 1);
    assert_ok(mn_redis_url_read("redis://:a/b?c@h/1", &u)); /* as nobody should write it */
    assert_string_equal(u.password, "a/b?c");
    assert_string_equal(u.host, "h");
    assert_ok(mn_redis_url_read("unix:///run/r.sock?db=3", &u));
    assert_string_equal(u.host, "/run/r.sock");
    assert_string_equal(u.port, "");
    assert_int_equal(u.db, 3);
}

static void urls_that_are_none(void **unused) {
    (void)unused;
    static const char *const bad[] = {"",
                                      "redis:",
                                      "http://h",
                                      "redis://",
                                      "redis://h:x",
                                      "redis://h:0",
                                      "redis://h:99999",
                                      "redis://h/x",
                                      "redis://h/1/2",
                                      "redis://h/0?x=1",
                                      "redis://[::1",
                                      "redis://[::1]x",
                                      "unix://r",
                                      "unix:///",
                                      "unix:///r?x=1",
                                      "unix:///r?db=",
                                      "redis://h h",
                                      "redis://:SECRET%0@h",
                                      "redis://:SECRET%00@h",
                                      "redis://:SECRET@",
                                      "redis://:SECRET@h:port",
                                      "redis://:SECRET@h/x",
                                      "redis://u:SECRET@h?",
                                      "rediss://u:SECRET\x01@h",
                                      "unix://u:SECRET@r",
                                      "redisx://u:SECRET@h"};
    mn_redis_url u;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (mn_redis_url_read(bad[i], &u) != MN_EINVAL) fail_msg("taken: %s", bad[i]);
        if (strstr(mn_error_detail(), "SECRET")) fail_msg("told: %s", mn_error_detail());
    }
}

#define NEEDS_REDIS \
    (void)unused;   \
    if (!has_redis) skip()

static void one_and_many(void **unused) {
    NEEDS_REDIS;
    enum { MANY = 20000, LARGE = 20 << 20 };
    mn_redis_line *r = redis_open(redis_at(""));
    const char *const set[] = {"SET", "k", "a\0\r\nb"};
    mn_redis_reply *reply;
    assert_ok(mn_redis_line_ask(r, redis_soon(), &reply, 3, set, (size_t[]){3, 1, 5}));
    assert_int_equal(reply->kind, MN_REDIS_STATUS);
    mn_redis_reply_free(&reply);
    reply = redis_do(r, "GET", "k", NULL, NULL);
    assert_int_equal(reply->kind, MN_REDIS_TEXT);
    assert_int_equal(reply->n, 5);
    assert_memory_equal(reply->text, "a\0\r\nb", 6);
    mn_redis_reply_free(&reply);
    reply = redis_do(r, "GET", "not there", NULL, NULL);
    assert_int_equal(reply->kind, MN_REDIS_NIL);
    mn_redis_reply_free(&reply);
    const char *const wrong[] = {"LPUSH", "k", "x"};
    assert_fails(mn_redis_line_ask(r, redis_soon(), &reply, 3, wrong, NULL), MN_EIO, "WRONGTYPE");
    assert_null(reply);
    assert_true(mn_redis_line_good(r)); /* it was only that command */
    for (int i = 0; i < MANY; i++) {
        const char *const count[] = {"INCR", "n"};
        assert_ok(mn_redis_line_add(r, 2, count, NULL));
    }
    for (int i = 1; i <= MANY; i++) {
        assert_int_equal(mn_redis_line_next(r, redis_soon(), &reply), 1);
        assert_int_equal(reply->number, i);
        mn_redis_reply_free(&reply);
    }
    assert_int_equal(mn_redis_line_next(r, 0, &reply), 0);
    char *const large = malloc(LARGE);
    for (size_t i = 0; i < LARGE; i++) large[i] = (char)(i * 2654435761u >> 13);
    const char *const put[] = {"SET", "large", large};
    assert_ok(mn_redis_line_ask(r, redis_soon(), &reply, 3, put, (size_t[]){3, 5, LARGE}));
    mn_redis_reply_free(&reply);
    const char *const get[] = {"MGET", "large", "n", "nothing"};
    assert_ok(mn_redis_line_ask(r, redis_soon(), &reply, 4, get, NULL));
    assert_int_equal(reply->kind, MN_REDIS_LIST);
    assert_int_equal(reply->n, 3);
    assert_int_equal(reply->part[0]->n, LARGE);
    assert_memory_equal(reply->part[0]->text, large, LARGE);
    assert_int_equal(reply->part[2]->kind, MN_REDIS_NIL);
    mn_redis_reply_free(&reply);
    free(large);
    mn_redis_line_close(&r);
}

static void channels(void **unused) {
    NEEDS_REDIS;
    mn_redis_line *hears = redis_open(redis_at("")), *says = redis_open(redis_at(""));
    mn_redis_reply *reply = redis_do(hears, "SUBSCRIBE", "news", NULL, NULL);
    assert_string_equal(reply->part[0]->text, "subscribe");
    mn_redis_reply_free(&reply);
    assert_int_equal(mn_redis_line_next(hears, 0, &reply), 0);
    for (int i = 0; i < 100; i++) {
        reply = redis_do(says, "PUBLISH", "news", i % 2 ? "odd" : "even", NULL);
        assert_int_equal(reply->number, 1);
        mn_redis_reply_free(&reply);
    }
    for (int i = 0; i < 100; i++) {
        assert_int_equal(mn_redis_line_next(hears, redis_soon(), &reply), 1);
        assert_int_equal(reply->n, 3);
        assert_string_equal(reply->part[2]->text, i % 2 ? "odd" : "even");
        mn_redis_reply_free(&reply);
    }
    mn_redis_line_close(&hears);
    mn_redis_line_close(&says);
}

static void the_server_dies(void **unused) {
    NEEDS_REDIS;
    mn_redis_line *r = redis_open(redis_at("")), *other = NULL;
    mn_redis_reply *reply;
    mn_redis_url at;
    redis_end();
    const char *const ping[] = {"PING"};
    for (int i = 0; i < 3; i++) /* the first may still be taken by the socket */
        assert_int_equal(mn_redis_line_ask(r, redis_soon(), &reply, 1, ping, NULL), MN_EIO);
    assert_false(mn_redis_line_good(r));
    mn_redis_line_close(&r);
    assert_ok(mn_redis_url_read(redis_at(""), &at));
    assert_fails(mn_redis_line_open(&at, redis_soon(), &other), MN_EIO, "cannot reach");
    assert_null(other);
    assert_true(redis_start(NULL));
    r = redis_open(redis_at(""));
    mn_redis_line_close(&r);
}

static void a_password(void **unused) {
    NEEDS_REDIS;
    mn_redis_url at;
    mn_redis_line *r;
    mn_redis_reply *reply;
    redis_end();
    assert_true(redis_start((const char *const[]){"--requirepass", "s@cret", NULL}));
    assert_ok(mn_redis_url_read(redis_at(""), &at));
    assert_fails(mn_redis_line_open(&at, redis_soon(), &r), MN_EIO, "NOAUTH");
    assert_ok(mn_redis_url_read(redis_at(":nonsense@"), &at));
    assert_fails(mn_redis_line_open(&at, redis_soon(), &r), MN_EIO, "WRONGPASS");
    assert_null(strstr(mn_error_detail(), "nonsense"));
    r = redis_open(redis_at(":s%40cret@"));
    const char *const user[] = {"ACL", "SETUSER", "ann", "on", ">annskey", "~*", "+@all"};
    assert_ok(mn_redis_line_ask(r, redis_soon(), &reply, 7, user, NULL));
    mn_redis_reply_free(&reply);
    mn_redis_line_close(&r);
    r = redis_open(redis_at("default:s%40cret@"));
    mn_redis_line_close(&r);
    r = redis_open(redis_at("ann:annskey@"));
    mn_redis_line_close(&r);
    redis_end();
    assert_true(redis_start(NULL));
}

/* ---- TLS ----------------------------------------------------------------------------------- */
static void with_tls(void **unused) {
    NEEDS_REDIS;
    char line[700], cert[120], key[120], port[8], url[80];
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    snprintf(line, sizeof line,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
             "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout %s -out %s "
             "2>/dev/null",
             key, cert);
    if (system(line) != 0) skip(); /* no openssl to make a certificate with */
    snprintf(port, sizeof port, "%d", redis_free_port());
    snprintf(url, sizeof url, "rediss://localhost:%s", port);
    redis_end();
    redis_start((const char *const[]){"--port", "0", "--tls-port", port, "--tls-cert-file", cert,
                                      "--tls-key-file", key, "--tls-ca-cert-file", cert,
                                      "--tls-auth-clients", "no", NULL});
    mn_redis_url at;
    mn_redis_line *r = NULL;
    mn_redis_reply *reply;
    assert_ok(mn_redis_url_read(url, &at));
    assert_fails(mn_redis_line_open(&at, redis_soon(), &r), MN_EIO, "not trusted");
    setenv("SSL_CERT_FILE", cert, 1);
    r = redis_open(url); /* what went wrong before does not count */
    char *const large = calloc(1, 3 << 20);
    memset(large, 'x', (3 << 20) - 1);
    for (int i = 0; i < 4; i++) {
        reply = redis_do(r, "SET", "large", large, NULL);
        mn_redis_reply_free(&reply);
        reply = redis_do(r, "GET", "large", NULL, NULL);
        assert_int_equal(reply->n, (3 << 20) - 1);
        mn_redis_reply_free(&reply);
    }
    redis_end();
    const char *const set[] = {"SET", "large", large};
    for (int i = 0; i < 3; i++) /* and no SIGPIPE */
        assert_int_equal(mn_redis_line_ask(r, redis_soon(), &reply, 3, set, NULL), MN_EIO);
    free(large);
    mn_redis_line_close(&r);
    unsetenv("SSL_CERT_FILE");
    assert_true(redis_start(NULL));
}

/* ---- a server that is none ----------------------------------------------------------------- */
typedef struct fake {
    int fd;
    const char *says; /* to the second command; NULL: nothing */
} fake;
static void *play(void *user) {
    const fake *const f = user;
    char bytes[4096];
    const int fd = accept(f->fd, NULL, NULL);
    assert_true(fd >= 0);
    assert_true(read(fd, bytes, sizeof bytes) > 0); /* SELECT */
    assert_int_equal(write(fd, "+OK\r\n", 5), 5);
    if (read(fd, bytes, sizeof bytes) > 0 && f->says)
        assert_true(write(fd, f->says, strlen(f->says)) > 0);
    while (read(fd, bytes, sizeof bytes) > 0) {
    }
    close(fd);
    return NULL;
}

/* What a ping gives when the answer is `says`. */
static int answered(const char *says, uint64_t ns) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char url[200];
    fake f = {.fd = socket(AF_UNIX, SOCK_STREAM, 0), .says = says};
    pthread_t thread;
    mn_redis_url u;
    mn_redis_line *r;
    mn_redis_reply *reply;
    snprintf(at.sun_path, sizeof at.sun_path, "%s/fake", folder);
    unlink(at.sun_path);
    assert_int_equal(bind(f.fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(f.fd, 1), 0);
    assert_int_equal(pthread_create(&thread, NULL, play, &f), 0);
    snprintf(url, sizeof url, "unix://%s/fake", folder);
    assert_ok(mn_redis_url_read(url, &u));
    assert_ok(mn_redis_line_open(&u, redis_soon(), &r));
    const char *const ping[] = {"PING"};
    const int rc = mn_redis_line_ask(r, mn_clock_ns() + ns, &reply, 1, ping, NULL);
    mn_redis_reply_free(&reply);
    if (rc < 0 && mn_redis_line_good(r)) fail_msg("still good after: %s", says);
    mn_redis_line_close(&r);
    pthread_join(thread, NULL);
    close(f.fd);
    return rc;
}

static void strangers(void **unused) {
    NEEDS_REDIS; /* that is, hiredis */
    static const char *const nonsense[] = {
        "HTTP/1.1 200 OK\r\n\r\n",
        "*3000000\r\n",
        "*99999999999\r\n",
        "$-7\r\n",
        ":12x\r\n",
        "\r\n\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"};
    assert_ok(answered("+PONG\r\n", 20000000000u));
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        const int rc = answered(nonsense[i], 20000000000u);
        if (rc != MN_ECORRUPT) fail_msg("%d of %s: %s", rc, nonsense[i], mn_error_detail());
    }
    assert_fails(answered("$100000000000\r\nabc", 50000000), MN_EIO, "in time");
    assert_fails(answered("*2\r\n+a\r\n", 50000000), MN_EIO, "in time");
    assert_fails(answered(NULL, 50000000), MN_EIO, "in time");
}

static void no_memory(void **unused) {
    NEEDS_REDIS;
    mn_redis_url at;
    assert_ok(mn_redis_url_read(redis_at(""), &at));
    const char *const keys[] = {"MGET", "a", "n", "k"};
    int failed = 0;
    for (long n = 1;; n++) {
        mn_redis_line *r = NULL;
        mn_redis_reply *reply = NULL;
        mn_alloc_fail_after(n);
        int rc = mn_redis_line_open(&at, redis_soon(), &r);
        if (rc >= 0) rc = mn_redis_line_ask(r, redis_soon(), &reply, 4, keys, NULL);
        const int hit = mn_alloc_fail_left() <= 0;
        mn_alloc_fail_after(0);
        mn_redis_reply_free(&reply);
        mn_redis_line_close(&r);
        if (!hit) {
            assert_ok(rc);
            break;
        }
        assert_true(rc == MN_ENOMEM || rc == MN_ECORRUPT);
        failed++;
    }
    assert_true(failed > 8);
}

static int begin(void **unused) {
    (void)unused;
    if (folder_begin("redis", 0) != 0) return -1;
    has_redis = redis_start(NULL);
    if (!has_redis) print_message("no redis-server or no libhiredis0.14: only URLs are tested\n");
    return 0;
}
static int end(void **unused) {
    (void)unused;
    redis_end();
    return folder_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),           cmocka_unit_test(urls_that_are_none),
        cmocka_unit_test(one_and_many),   cmocka_unit_test(channels),
        cmocka_unit_test(strangers),      cmocka_unit_test(no_memory),
        cmocka_unit_test(a_password),     cmocka_unit_test(with_tls),
        cmocka_unit_test(the_server_dies)};
    return cmocka_run_group_tests(tests, begin, end);
}
