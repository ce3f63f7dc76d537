/* SPDX-License-Identifier: Apache-2.0
 *
 * test/folder.h - the folder of one test.
 */
#ifndef MN_TEST_FOLDER_H
#define MN_TEST_FOLDER_H
#include <stdio.h>
#include <stdlib.h>

static char folder[64];

/* A new one, in memory when asked for and there is a place, else in /tmp. 0: there it is */
static inline int folder_begin(const char *name, int in_memory) {
    snprintf(folder, sizeof folder, "/dev/shm/mn-%s-XXXXXX", name);
    if (in_memory && mkdtemp(folder)) return 0;
    snprintf(folder, sizeof folder, "/tmp/mn-%s-XXXXXX", name);
    return mkdtemp(folder) ? 0 : -1;
}
/* It goes with all it holds; 0 when it has gone. */
static inline int folder_end(void) {
    char line[80];
    snprintf(line, sizeof line, "rm -rf %s", folder);
    return system(line);
}

#endif
