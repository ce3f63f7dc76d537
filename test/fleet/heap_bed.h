/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/heap_bed.h - a program that a test in Python plays with: a board in memory whose clock
 * is the machine's, and orders on standard input, a line each; "quit" or its end is the end.
 */
#ifndef MN_TEST_HEAP_BED_H
#define MN_TEST_HEAP_BED_H
#include "base/error.h"
#include "fleet/scene.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static mn_board *b;

static void clock_now(void) {
    struct timespec now, wall;
    clock_gettime(CLOCK_MONOTONIC, &now);
    clock_gettime(CLOCK_REALTIME, &wall);
    mn_board_clock(b, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
                   (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000);
}

static void must(int rc) {
    if (rc >= 0) return;
    printf("{\"error\": %d}\n", rc);
    fprintf(stderr, "%s\n", mn_error_detail());
    exit(1);
}

static void set(const char *name, const char *fields) {
    json_t *const json = json_loads(fields, 0, NULL);
    must(json ? mn_scene_set(b, "", NULL, name, json) : MN_EINVAL);
    json_decref(json);
}

/* What has come by now; 1: it is the end. */
static int orders(void (*obey)(const char *line)) {
    static char line[4096];
    static size_t n;
    struct pollfd in = {0, POLLIN, 0};
    while (poll(&in, 1, 0) > 0) {
        if (read(0, line + n, 1) <= 0) return 1;
        if (line[n] != '\n' && n + 1 < sizeof line) {
            n++;
            continue;
        }
        line[n] = 0;
        n = 0;
        if (!strcmp(line, "quit")) return 1;
        obey(line);
    }
    return 0;
}

#endif
