/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/whole.c - sessions in the order of their best turns, the first seek->k of them read.
 *
 * The sum of a session's best turns is no better order: over 879 questions of bench/memgen.h and
 * 997 of LoCoMo the best turn alone has all sessions of an answer among the first five for .854 and
 * .880, half of each next turn added for .849 and .877.
 */
#include "agent/whole.h"

#include "agent/org.h"
#include "base/buf.h"

#include <string.h>

typedef struct reading {
    const mn_who *who;
    const mn_seek *seek;
    mn_buf text;
} reading;

static int take(void *user, const mn_row *row) {
    reading *const to = user;
    const size_t more = strlen(row->speaker) + row->n + 3;
    if (mn_org_made(row) || !mn_recall_fits(row, to->who, to->seek)) return 0;
    if (to->text.len + more > MN_TEXT_MAX) return 1;
    if (*row->speaker) MN_TRY(mn_buf_printf(&to->text, "%s: ", row->speaker));
    MN_TRY(mn_buf_append(&to->text, row->text, row->n));
    for (char *p = to->text.data + to->text.len - row->n; p < to->text.data + to->text.len; p++)
        if (*p == '\n' || *p == '\r') *p = ' ';
    return mn_buf_puts(&to->text, "\n");
}

/* All of the session of a hit is its text from now on. */
static int read_session(mn_store *s, int64_t owner, reading *to, mn_arena *arena, mn_hit *hit) {
    const mn_rows which = {.owner = owner,
                           .agent = to->who->agent,
                           .run = to->who->run,
                           .session = hit->row.session,
                           .versions = to->seek->as_of == MN_NEVER ? 0 : MN_BEHIND};
    char *text;
    mn_buf_clear(&to->text);
    const int rc = s->kind->rows(s, &which, take, to);
    if (rc < 0 || !to->text.len) return rc < 0 ? rc : 0;
    MN_TRY(mn_arena_take(arena, to->text.len + 1, &text));
    memcpy(text, to->text.data, to->text.len);
    hit->row.text = text;
    hit->row.n = to->text.len;
    hit->row.speaker = "";
    return 0;
}

/* Only the best of each session. */
static int best_of_each(mn_hit *hits, int n, int64_t most) {
    int kept = 0;
    for (int i = 0; i < n && (!most || kept < most); i++) {
        const char *const session = hits[i].row.session;
        int seen = 0;
        for (int k = 0; k < kept && *session && !seen; k++)
            seen = strcmp(hits[k].row.session, session) == 0;
        if (!seen) hits[kept++] = hits[i];
    }
    return kept;
}

int mn_whole_sessions(mn_store *s, int64_t owner, const mn_who *who, const mn_seek *seek,
                      mn_arena *arena, mn_hit *hits, int *n) {
    reading to = {.who = who, .seek = seek};
    int rc = 0;
    *n = best_of_each(hits, *n, seek->k);
    for (int i = 0; i < *n && rc >= 0; i++)
        if (*hits[i].row.session) rc = read_session(s, owner, &to, arena, hits + i);
    mn_buf_free(&to.text);
    return rc;
}
