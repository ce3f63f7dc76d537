/* SPDX-License-Identifier: Apache-2.0
 *
 * api/loop_copy.c - a request with everything it points to, in one arena.
 */
#include "api/loop.h"

#include "base/error.h"

#include <string.h>

static int copy(mn_arena *arena, const void *from, size_t n, void *to) {
    void *p;
    MN_TRY(mn_arena_take(arena, n ? n : 1, &p));
    memcpy(p, from, n);
    *(void **)to = p;
    return 0;
}

static int copy_text(mn_arena *arena, const char **text) {
    return *text ? copy(arena, *text, strlen(*text) + 1, text) : 0;
}

static int copy_turns(mn_arena *arena, mn_request *to) {
    mn_turn *turns;
    if (!to->n_turns) return 0;
    MN_TRY(copy(arena, to->turns, to->n_turns * sizeof *to->turns, &turns));
    for (size_t i = 0; i < to->n_turns; i++) {
        MN_TRY(copy_text(arena, &turns[i].role));
        MN_TRY(copy_text(arena, &turns[i].content));
    }
    to->turns = turns;
    return 0;
}

static int copy_stops(mn_arena *arena, mn_request *to) {
    const char **stop;
    if (!to->n_stop) return 0;
    MN_TRY(copy(arena, to->stop, to->n_stop * sizeof *to->stop, &stop));
    for (size_t i = 0; i < to->n_stop; i++) MN_TRY(copy_text(arena, stop + i));
    to->stop = stop;
    return 0;
}

int mn_request_copy(mn_arena *arena, const mn_request *from, mn_request *to) {
    *to = *from;
    to->progress = (mn_progress){0};
    const char **texts[] = {&to->prompt, &to->messages, &to->tools,   &to->grammar,
                            &to->system, &to->owner,    &to->recalled};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) MN_TRY(copy_text(arena, texts[i]));
    MN_TRY(copy_turns(arena, to));
    MN_TRY(copy_stops(arena, to));
    if (to->n_bias) MN_TRY(copy(arena, to->bias, to->n_bias * sizeof *to->bias, &to->bias));
    return to->tenant ? copy(arena, to->tenant, 32, &to->tenant) : 0;
}
