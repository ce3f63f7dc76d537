/* SPDX-License-Identifier: Apache-2.0
 *
 * test/net/redis_server.h - a redis-server in the folder of the test (test/folder.h), on a socket
 * there, without persistence; or none, and then the test is skipped.
 */
#ifndef MN_TEST_NET_REDIS_SERVER_H
#define MN_TEST_NET_REDIS_SERVER_H
#include "base/child.h"
#include "folder.h"
#include "net/redis.h"
#include "until.h"

#include <arpa/inet.h>
#include <unistd.h>

static mn_child *redis_child;

static inline uint64_t redis_soon(void) {
    return mn_clock_ns() + 20000000000u;
}
static inline const char *redis_at(const char *who) {
    static char url[200];
    snprintf(url, sizeof url, "unix://%s%s/redis.socket", who, folder);
    return url;
}
static inline mn_redis_line *redis_open(const char *url) {
    mn_redis_url at;
    mn_redis_line *r = NULL;
    assert_ok(mn_redis_url_read(url, &at));
    assert_ok(mn_redis_line_open(&at, redis_soon(), &r));
    return r;
}

/* Is it there, and hiredis? More arguments end with NULL. */
static inline int redis_start(const char *const *more) {
    char socket[120];
    const char *argv[32] = {"redis-server", "--save",       "",    "--appendonly", "no", "--dir",
                            folder,         "--unixsocket", socket};
    int n = 9, port = 0;
    snprintf(socket, sizeof socket, "%s/redis.socket", folder);
    for (; more && *more; more++) {
        port |= strcmp(*more, "--port") == 0;
        argv[n++] = *more;
    }
    if (!port) argv[n++] = "--port", argv[n++] = "0";
    const int rc = mn_child_start(argv, NULL, &redis_child);
    if (rc == MN_ENOENT) return 0;
    assert_ok(rc);
    mn_redis_url at;
    mn_redis_line *r = NULL;
    int there = 0, ended = 0;
    assert_ok(mn_redis_url_read(redis_at(""), &at));
    /* Who wants a password says so: it is there. */
    wait_until((there = mn_redis_line_open(&at, redis_soon(), &r)) != MN_EIO ||
               strstr(mn_error_detail(), "NOAUTH") ||
               (ended = mn_child_wait(redis_child, 0, &port)));
    if (ended) fail_msg("redis-server: %s", mn_child_said(redis_child));
    mn_redis_line_close(&r);
    return there != MN_EUNSUPPORTED;
}
static inline void redis_end(void) {
    char socket[120];
    mn_child_end(&redis_child);
    snprintf(socket, sizeof socket, "%s/redis.socket", folder);
    unlink(socket);
}

static inline int redis_free_port(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    close(fd);
    return ntohs(at.sin_port);
}

/* One command of words; the reply is the caller's. */
static inline mn_redis_reply *redis_do(mn_redis_line *r, const char *a, const char *b,
                                       const char *c, const char *d) {
    const char *const word[] = {a, b, c, d};
    mn_redis_reply *reply = NULL;
    assert_ok(mn_redis_line_ask(r, redis_soon(), &reply, 1 + !!b + !!c + !!d, word, NULL));
    return reply;
}

#endif
