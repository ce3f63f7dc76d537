/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_fleet_board.c - whatever another process of this user writes onto the board of a
 * fleet, while a brain, a robot and a bridge work there.
 *
 *   KEY tab VALUE   a value below fleet/main/ ("thing/cup"); of "events": one more record
 *   KEY             it is deleted
 *   (nothing)       everybody steps, and a person looks
 */
#include "fleet_bed.h"

#include "fleet/bridge.h"

static void step(fleet_bed *f, mn_bridge **g) {
    const mn_bridge_how how = {.machine = "here", .life = f->now, .watch = 1};
    uint64_t again;
    mn_buf message = {0};
    bed_step(f);
    if (!*g) said_why(mn_bridge_open(f->b, &how, g));
    if (*g && !stepped(mn_bridge_step(*g, &again))) mn_bridge_close(g);
    while (*g && mn_bridge_next(*g, &message) > 0) continue;
    mn_buf_free(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *at = (const char *)data, *const end = at + size;
    fleet_bed f;
    mn_bridge *g = NULL;
    int steps = 0;
    if (size > 65536) return 0;
    bed_open(&f);
    step(&f, &g);
    while (at < end) {
        const char *const line = memchr(at, '\n', (size_t)(end - at));
        const size_t n = (size_t)((line ? line : end) - at);
        if (n)
            bed_write(&f, at, n);
        else if (steps++ < 16)
            step(&f, &g);
        at += n + 1;
    }
    for (int i = 0; i < 6; i++) step(&f, &g); /* heartbeats are late by then */
    bed_look(&f);
    mn_bridge_close(&g);
    bed_close(&f);
    return 0;
}
