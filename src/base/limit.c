/* SPDX-License-Identifier: Apache-2.0
 *
 * base/limit.c - limits a child sets itself before it becomes another program.
 */
#include "base/limit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

int mn_limit_set(int what, uint64_t most) {
    struct rlimit now;
    if (getrlimit(what, &now) < 0) return -1;
    if (now.rlim_max < most) most = now.rlim_max;
    now = (struct rlimit){most, most};
    return setrlimit(what, &now);
}

int mn_limit_tell(const char *path, const char *text) {
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    const ssize_t k = write(fd, text, strlen(text));
    close(fd);
    return k < 0 ? -1 : 0;
}

char *mn_limit_digits(char *at, unsigned long n) {
    char back[24];
    int k = 0;
    do back[k++] = (char)('0' + n % 10);
    while (n /= 10);
    while (k) *at++ = back[--k];
    *at = 0;
    return at;
}

/* "0", "-500", "1000": what it is now; -1000 when that cannot be read. */
static int score_now(const char *path) {
    char text[16];
    int n = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1000;
    const ssize_t k = read(fd, text, sizeof text);
    close(fd);
    for (ssize_t i = 0; i < k && n < 1000; i++)
        if (text[i] >= '0' && text[i] <= '9') n = n * 10 + (text[i] - '0');
    return k > 0 && text[0] == '-' ? -n : n;
}

void mn_limit_go_first(int score) {
    static const char path[] = "/proc/self/oom_score_adj";
    char text[24];
    if (score_now(path) >= score) return;
    mn_limit_digits(text, (unsigned long)score);
    (void)mn_limit_tell(path, text);
}
