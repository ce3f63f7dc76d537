/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/history.c - a history as it grows.
 */
#include "bench/history.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int mn_history_keep(mn_history *h, const char *text, const char **out) {
    const size_t n = strlen(text) + 1;
    char *copy;
    MN_TRY(mn_arena_take(&h->arena, n, &copy));
    memcpy(copy, text, n);
    *out = copy;
    return 0;
}

int mn_history_print(mn_history *h, const char **out, const char *format, ...) {
    char text[512];
    va_list list;
    va_start(list, format);
    const int n = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (n < 0 || n >= (int)sizeof text)
        return MN_FAIL(MN_ETOOLONG, "a line of %d bytes of a history; at most %zu", n,
                       sizeof text - 1);
    return mn_history_keep(h, text, out);
}

int mn_history_say(mn_history *h, const char *ref, const char *speaker, const char *text) {
    mn_remark t = {.sitting = mn_sittings_n(h) - 1};
    if (t.sitting < 0) return MN_FAIL(MN_EINVAL, "a turn ('%s') without a sitting", ref);
    MN_TRY(mn_history_keep(h, ref, &t.ref));
    MN_TRY(mn_history_keep(h, speaker, &t.speaker));
    MN_TRY(mn_history_keep(h, text, &t.text));
    MN_TRY(mn_buf_append(&h->turn, &t, sizeof t));
    mn_sittings(h)[t.sitting].n++;
    return 0;
}

void mn_asked_sitting(mn_asked *q, int sitting) {
    for (int i = 0; i < q->n_sittings; i++)
        if (q->sitting[i] == sitting) return;
    if (q->n_sittings < MN_GOLD) q->sitting[q->n_sittings++] = sitting;
}

void mn_asked_gold(const mn_history *h, mn_asked *q, int turn, const char *said) {
    int at = q->n;
    for (int i = 0; i < q->n; i++)
        if (q->gold[i] == turn) return;
    if (q->n == MN_GOLD) return;
    for (; at > 0 && q->gold[at - 1] > turn; at--) {
        q->gold[at] = q->gold[at - 1];
        q->said[at] = q->said[at - 1];
    }
    q->gold[at] = turn;
    q->said[at] = said;
    q->n++;
    mn_asked_sitting(q, mn_turns(h)[turn].sitting);
}

int mn_history_turn(const mn_history *h, const char *ref) {
    for (int i = 0; i < mn_turns_n(h); i++)
        if (strcmp(mn_turns(h)[i].ref, ref) == 0) return i;
    return -1;
}

int mn_history_sitting(const mn_history *h, const char *id) {
    for (int i = 0; i < mn_sittings_n(h); i++)
        if (strcmp(mn_sittings(h)[i].id, id) == 0) return i;
    return -1;
}

void mn_history_free(mn_history *h) {
    mn_buf *const all[] = {&h->turn, &h->sitting, &h->asked, &h->truth, &h->past};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mn_buf_free(all[i]);
    mn_arena_free(&h->arena);
}
