/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/turns.h - a store that writers take turns at: where it is, and how many stood in line.
 */
#ifndef MN_TEST_AGENT_TURNS_H
#define MN_TEST_AGENT_TURNS_H
#include "folder.h"

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

static char path[160]; /* of the store; what stands beside it is there */

static inline int turns_begin(void **unused) {
    (void)unused;
    return folder_begin("turns", 0);
}
static inline int turns_end(void **unused) {
    (void)unused;
    return folder_end();
}
/* Another store, which nobody has opened yet. */
static inline int turns_fresh(void **unused) {
    (void)unused;
    static int number;
    snprintf(path, sizeof path, "%s/turns %d.db", folder, number++);
    return 0;
}

/* How many tickets were given out at the desks: the first word of that file. */
static inline uint64_t tickets(void) {
    char line[200];
    uint64_t n = 0;
    snprintf(line, sizeof line, "%s-line", path);
    const int fd = open(line, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || pread(fd, &n, sizeof n, 0) != (ssize_t)sizeof n) n = 0;
    if (fd >= 0) close(fd);
    return n;
}

#endif
