/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/redis.c - Redis started, asked and ended. Replies whose length is known are read by it:
 * faster than any client library, so Redis is shown at its best.
 */
#include "bench/redis.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int mn_redis_connect(const mn_redis *redis) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(at.sun_path, redis->socket, sizeof at.sun_path);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) == 0) return fd;
    const int e = errno;
    if (fd >= 0) close(fd);
    return MN_FAIL(MN_EIO, "cannot connect to %s: %s", redis->socket, strerror(e));
}

int mn_redis_read(int fd, char *out, size_t n) {
    while (n) {
        const ssize_t k = read(fd, out, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return MN_FAIL(MN_EIO, "redis-server has hung up");
        out += k;
        n -= (size_t)k;
    }
    return 0;
}

int mn_redis_ask(int fd, const char *bytes, size_t n, char *out, size_t reply) {
    while (n) {
        const ssize_t k = write(fd, bytes, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return MN_FAIL(MN_EIO, "redis-server has hung up");
        bytes += k;
        n -= (size_t)k;
    }
    return mn_redis_read(fd, out, reply);
}

/* The version it says it is. */
static int ask_version(mn_redis *redis) {
    char said[512] = "";
    const int fd = mn_redis_connect(redis);
    MN_TRY(fd);
    const int rc = mn_redis_ask(fd, "INFO server\r\n", 13, said, 100);
    const char *const at = strstr(said, "redis_version:");
    if (at) sscanf(at, "redis_version:%15[0-9.]", redis->version);
    close(fd);
    return rc;
}

int mn_redis_start(const char *folder, mn_redis *out) {
    *out = (mn_redis){.version = "?"};
    snprintf(out->socket, sizeof out->socket, "%s/redis.socket", folder);
    const char *const argv[] = {"redis-server", "--port", "0",    "--unixsocket",
                                out->socket,    "--save", "",     "--appendonly",
                                "no",           "--dir",  folder, NULL};
    MN_TRY(mn_child_start(argv, NULL, &out->server));
    for (int ms = 0, status; ms < 5000; ms += 10) {
        if (mn_child_wait(out->server, 10, &status))
            return MN_FAIL(MN_EIO, "redis-server ended with %d: %s", status,
                           mn_child_said(out->server));
        if (access(out->socket, R_OK) == 0 && ask_version(out) >= 0) return 0;
    }
    return MN_FAIL(MN_EIO, "redis-server has not opened its socket in 5 s");
}

void mn_redis_end(mn_redis *redis) {
    mn_child_end(&redis->server);
}
