/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/notes_add.c - adding what was said. One record alone may be written by whoever writes just
 * now, and its writer writes those of others (agent/desks.h): as bytes it is
 *   the four moments; the length of the text, and the text; then the other texts, each with the
 *   zero byte behind it, in the order of `texts`
 */
#include "agent/desks.h"
#include "agent/notes_inside.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* All that a writer has to know. */
typedef struct said {
    const char *tenant, *user, *organiser; /* never NULL */
    mn_row row;
} said;

enum { TEXTS = 12, MOMENTS = 4 };

static void texts(said *s, const char **out[TEXTS]) {
    mn_row *const r = &s->row;
    const char **const all[TEXTS] = {&s->tenant,  &s->user,    &s->organiser, &r->time,
                                     &r->session, &r->speaker, &r->ref,       &r->source,
                                     &r->kind,    &r->agent,   &r->run,       &r->meta};
    memcpy(out, all, sizeof all);
}

static said said_of(const mn_notes *n, const mn_who *who, const mn_row *row, int64_t now,
                    char when[MN_WHEN_TEXT]) {
    said s = {.tenant = who->tenant ? who->tenant : "",
              .user = who->user,
              .organiser = n->organiser ? n->organiser->name : "",
              .row = *row};
    s.row.of = 0;
    if (who->agent) s.row.agent = who->agent;
    if (who->run) s.row.run = who->run;
    mn_notes_date(&s.row, now, when);
    return s;
}

/* ---- as bytes ----------------------------------------------------------------------------- */
/* Nothing, where it is too long for a desk. */
static int pack(said *s, mn_buf *out) {
    const int64_t moment[MOMENTS] = {s->row.from, s->row.until, s->row.created, s->row.expired};
    const char **text[TEXTS];
    size_t bytes = sizeof moment + sizeof s->row.n + s->row.n;
    texts(s, text);
    for (int i = 0; i < TEXTS; i++) bytes += strlen(*text[i]) + 1;
    if (bytes > MN_DESK_MOST) return 0;
    MN_TRY(mn_buf_append(out, moment, sizeof moment));
    MN_TRY(mn_buf_append(out, &s->row.n, sizeof s->row.n));
    MN_TRY(mn_buf_append(out, s->row.text, s->row.n));
    for (int i = 0; i < TEXTS; i++) MN_TRY(mn_buf_append(out, *text[i], strlen(*text[i]) + 1));
    return 0;
}

/* The texts stay where they are. 0: these bytes say nothing. */
static int unpack(const char *at, size_t n, said *s) {
    const char *const end = at + n, **text[TEXTS];
    int64_t moment[MOMENTS];
    *s = (said){0};
    if (n < sizeof moment + sizeof s->row.n) return 0;
    memcpy(moment, at, sizeof moment);
    memcpy(&s->row.n, at + sizeof moment, sizeof s->row.n);
    at += sizeof moment + sizeof s->row.n;
    if ((size_t)(end - at) < s->row.n) return 0;
    s->row.from = moment[0], s->row.until = moment[1];
    s->row.created = moment[2], s->row.expired = moment[3];
    s->row.text = at;
    at += s->row.n;
    texts(s, text);
    for (int i = 0; i < TEXTS; i++) {
        const char *const zero = memchr(at, 0, (size_t)(end - at));
        if (!zero) return 0;
        *text[i] = at;
        at = zero + 1;
    }
    return 1;
}

/* ---- writing ------------------------------------------------------------------------------ */
static int write_said(mn_notes *n, said *s) {
    const mn_who who = {.tenant = s->tenant, .user = s->user};
    int64_t owner;
    MN_TRY(mn_notes_owner(n, &who, 1, &owner));
    return mn_notes_insert(n, owner, s->organiser, &s->row);
}

/* What another one asks for; whatever has come to stand on a desk, it is checked as ours is. */
static int write_asked(void *notes, const void *request, size_t bytes, int64_t *id) {
    mn_notes *const n = notes;
    said s;
    if (!unpack(request, bytes, &s))
        return MN_FAIL(MN_EINVAL, "a writer asks for what is no record");
    MN_TRY(mn_notes_check_who(&(mn_who){.tenant = s.tenant, .user = s.user}));
    MN_TRY(mn_notes_check_said(&s.row));
    MN_TRY(write_said(n, &s));
    *id = s.row.id;
    return 0;
}

static int is_it(void *wanted, const mn_row *r) {
    mn_row *const w = wanted;
    if (r->created == w->created && r->n == w->n && !memcmp(r->text, w->text, r->n) &&
        !strcmp(r->speaker, w->speaker) && !strcmp(r->session, w->session))
        w->id = r->id;
    return 0;
}

/* The writer that had taken it died: did he write it first, as row `id`? */
static int was_written(mn_notes *n, said *s, int64_t id) {
    const mn_who who = {.tenant = s->tenant, .user = s->user};
    int64_t owner;
    s->row.id = 0;
    MN_TRY(mn_notes_owner(n, &who, 0, &owner));
    if (owner) MN_TRY(n->store->kind->fetch(n->store, owner, &id, 1, is_it, &s->row));
    return s->row.id != 0;
}

/* Our own, and those that others wait with; inside begin and end, which follow here. */
static int write_all(mn_notes *n, said *s, int64_t id) {
    mn_store *const store = n->store;
    int rc = id ? was_written(n, s, id) : 0, others = 0;
    if (!rc) rc = write_said(n, s);
    if (rc >= 0 && store->kind->answer && n->within == 1)
        others = store->kind->answer(store, write_asked, n);
    const int kept = (int)mn_notes_end(n, others < 0 ? others : rc);
    if (others >= 0) return kept < 0 ? kept : 0;
    MN_TRY(mn_notes_begin(n, 1)); /* they do it themselves, and we ours */
    return (int)mn_notes_end(n, write_said(n, s));
}

static int add_one(mn_notes *n, const mn_who *who, mn_row *row, int64_t now) {
    char when[MN_WHEN_TEXT];
    said s = said_of(n, who, row, now, when);
    mn_buf request = {0};
    int64_t id = 0;
    int rc = pack(&s, &request);
    if (rc >= 0) rc = mn_notes_ask(n, request.data, request.len, &id);
    mn_buf_free(&request);
    if (rc == 0) rc = write_all(n, &s, id);
    row->id = rc == 1 ? id : s.row.id;
    return rc < 0 ? rc : 0;
}

static int add_all(mn_notes *n, const mn_who *who, mn_row *rows, size_t count, int64_t now) {
    char when[MN_WHEN_TEXT];
    for (size_t i = 0; i < count; i++) {
        said s = said_of(n, who, rows + i, now, when);
        MN_TRY(write_said(n, &s));
        rows[i].id = s.row.id;
    }
    return 0;
}

static int check_all(const mn_row *rows, size_t count) {
    char why[512];
    for (size_t i = 0; i < count; i++) {
        const int rc = mn_notes_check_said(rows + i);
        if (rc < 0 && count > 1) {
            snprintf(why, sizeof why, "%s", mn_error_detail());
            return MN_FAIL(rc, "record %zu of %zu: %s", i + 1, count, why);
        }
        MN_TRY(rc);
    }
    return 0;
}

int mn_notes_add(mn_notes *n, const mn_who *who, mn_row *rows, size_t count, int64_t *ids) {
    const int64_t now = mn_when_now();
    int rc = 0;
    MN_TRY(mn_notes_check_who(who));
    MN_TRY(check_all(rows, count));
    if (count == 1) rc = add_one(n, who, rows, now);
    if (count > 1) {
        MN_TRY(mn_notes_begin(n, 1));
        rc = (int)mn_notes_end(n, add_all(n, who, rows, count, now));
    }
    for (size_t i = 0; ids && rc >= 0 && i < count; i++) ids[i] = rows[i].id;
    return rc;
}
