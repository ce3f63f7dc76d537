/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/org_bed.h - notes with an organiser in a folder of their own, and short ways to see
 * what it made.
 */
#ifndef MN_TEST_AGENT_ORG_BED_H
#define MN_TEST_AGENT_ORG_BED_H
#include "agent/files.h"
#include "agent/stores.h"

#include "agent/notes_inside.h"
#include "agent/org.h"
#include "base/when.h"

static mn_notes *notes;
static const mn_organiser *by;
static const mn_who ann = {"", "ann", NULL, NULL}, bob = {"", "bob", NULL, NULL};

static inline int org_begin(void **s) {
    if (store_begin(s) < 0) return -1;
    by = NULL;
    return mn_notes_open(place, 0, &notes);
}
static inline int org_end(void **s) {
    mn_notes_close(&notes);
    return store_end(s);
}

static inline void organise_by(const char *name) {
    assert_ok(mn_organiser_find(name, &by));
    mn_notes_organiser(notes, by);
}

static inline int64_t at(const char *date) {
    mn_when w;
    assert_true(mn_when_parse(date, &w));
    return w.at;
}

static inline int64_t say_in(const mn_who *who, const char *session, const char *speaker,
                             const char *date, const char *text) {
    mn_row r = row_of_text(text);
    int64_t id = 0;
    r.created = r.from = r.until = 0;
    r.time = date;
    r.speaker = speaker;
    r.session = session;
    assert_ok(mn_notes_add(notes, who, &r, 1, &id));
    return id;
}
static inline int64_t say(const char *speaker, const char *date, const char *text) {
    return say_in(&ann, "", speaker, date, text);
}

/* Show everything that waits: how many episodes. */
static inline int organise(const mn_org_model *model) {
    int all = 0, n;
    while ((n = mn_notes_organise(notes, by, model, 64)) > 0) all += n;
    assert_ok(n);
    return all;
}

/* "text [from until]" of rows of a kind, dates as days, each with a bar behind it. */
typedef struct listing {
    char text[16384];
    size_t n;
    int count;
} listing;
static inline int list_row(void *user, const mn_row *r, double score) {
    listing *const l = user;
    char from[MN_WHEN_TEXT] = "?", until[MN_WHEN_TEXT] = "";
    (void)score;
    if (r->from != MN_NEVER) mn_when_text(r->from, from);
    if (r->until != MN_NEVER) mn_when_text(r->until, until);
    l->n += (size_t)snprintf(l->text + l->n, sizeof l->text - l->n, "%s%.*s [%.10s %.10s]",
                             l->n ? " | " : "", (int)r->n, r->text, from, until);
    assert_true(l->n < sizeof l->text);
    l->count++;
    return 0;
}
static inline const char *listed(const mn_who *who, mn_seek seek) {
    static listing l;
    l = (listing){.n = 0};
    assert_ok(mn_notes_find(notes, who, &seek, list_row, &l));
    return l.text;
}
#define LIST(...)       listed(&ann, (mn_seek){.as_of = MN_NEVER, __VA_ARGS__})
#define THEN(date, ...) listed(&ann, (mn_seek){.as_of = at(date), __VA_ARGS__})
/* What is true now, of a kind. */
static inline const char *now(const char *kind) {
    return LIST(.rows = {.kind = kind});
}

/* How often bytes occur in the files of the store. */
static const char *bytes_sought;
static int bytes_found;
static inline void count_bytes(const char *path, const mn_buf *file) {
    (void)path;
    for (const char *p = file->data, *const end = p + file->len;
         p && (p = memmem(p, (size_t)(end - p), bytes_sought, strlen(bytes_sought))); p++)
        bytes_found++;
}
static inline int bytes_in_files(const char *what) {
    bytes_sought = what;
    bytes_found = 0;
    each_file(count_bytes);
    return bytes_found;
}

#endif
