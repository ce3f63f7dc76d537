/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/test_object_steps.c - a process is stepped through put, del and append
 * (object_steps.h), and dies at every instruction (row 1d).
 */
#include "object_steps.h"

static void nothing(mn_region *r) {
    (void)r;
}
static void put_first(mn_region *r) {
    put(r, "a/b/c", 5);
}
static void one(mn_region *r) {
    put(r, twin[0], 1);
}
static void put_again(mn_region *r) {
    put(r, twin[0], 7);
}
static void three(mn_region *r) {
    for (size_t i = 0; i < 3; i++) put(r, twin[i], 10 + i);
}
static void put_last(mn_region *r) { /* two are copied */
    put(r, twin[0], 20);
}
static void del_last(mn_region *r) {
    if (mn_region_del(r, twin[0], NULL) < 0) _exit(3);
}
static void del_only(mn_region *r) {
    del_last(r);
}
static void expired(mn_region *r) {
    if (mn_region_put(r, twin[0], "x", 1, &(mn_put){.ttl_ms = 1}, NULL) < 0) _exit(3);
    put(r, twin[1], 2);
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}
static void records(mn_region *r) {
    for (int i = 0; i < 3; i++)
        if (mn_region_append(r, "log", "x", 1, 0, 0, NULL) < 0) _exit(3);
}
static void append(mn_region *r) {
    if (mn_region_append(r, "log", "x", 1, 0, 0, NULL) < 0) _exit(3);
}
static void append_trim(mn_region *r) {
    if (mn_region_append(r, "log", "x", 1, 0, 1, NULL) < 0) _exit(3);
}
static const scene scenes[] = {
    {"put, the first of all", nothing, put_first},
    {"put over what is there", one, put_again},
    {"put behind two others", three, put_last},
    {"put beside one that has expired", expired, put_again},
    {"del of the only one", one, del_only},
    {"del behind two others", three, del_last},
    {"append, the first", nothing, append},
    {"append", records, append},
    {"append that drops two", records, append_trim, 1},
};
enum { SCENES = sizeof scenes / sizeof *scenes };

int main(void) {
    return steps_main(scenes, SCENES);
}
