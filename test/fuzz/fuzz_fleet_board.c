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

static void write_line(mn_board *b, const char *line, size_t n) {
    const char *const tab = memchr(line, '\t', n);
    const size_t k = tab ? (size_t)(tab - line) : n;
    char key[MN_FLEET_KEY] = "fleet/main/";
    if (!k || k >= sizeof key - strlen(key) || memchr(line, 0, k)) return;
    strncat(key, line, k);
    mn_edit e = {.key = key,
                 .kind = tab ? MN_EDIT_PUT : MN_EDIT_DEL,
                 .value = tab ? tab + 1 : "",
                 .n = tab ? n - k - 1 : 0};
    if (tab && !strcmp(key, "fleet/main/events"))
        said_why(b->ops->append(b, key, e.value, e.n));
    else
        said_why(b->ops->commit(b, &e, 1));
}

static void step(fleet_bed *f, mn_bridge **g) {
    const mn_bridge_how how = {.machine = "here", .life = f->now, .watch = 1};
    uint64_t again;
    mn_buf message = {0};
    bed_step(f);
    if (!*g) said_why(mn_bridge_open(f->b, &how, g));
    if (*g && said_why(mn_bridge_step(*g, &again)) == MN_ECANCELLED) mn_bridge_close(g);
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
            write_line(f.b, at, n);
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
