/* SPDX-License-Identifier: Apache-2.0
 *
 * base/free_port.c - a socket is bound and closed again: the kernel says what is free.
 */
#include "base/free_port.h"

#include "base/error.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* 0, or -1: errno. */
static int try_port(int want, int *port) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)want),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    const int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    const int is = bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0 &&
                   getsockname(fd, (struct sockaddr *)&at, &size) == 0;
    const int e = errno;
    close(fd);
    errno = e;
    *port = ntohs(at.sin_port);
    return is ? 0 : -1;
}

int mn_free_port(int want, int *port) {
    if (try_port(want, port) == 0 || (want && try_port(0, port) == 0)) return 0;
    return MN_FAIL(MN_EIO, "no port for a server: %s", strerror(errno));
}
