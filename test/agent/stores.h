/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/stores.h - a place for a store of each kind, and short ways to put rows into one.
 */
#ifndef MN_TEST_AGENT_STORES_H
#define MN_TEST_AGENT_STORES_H
#include "agent/kinds.h"

#include "agent/notes.h"
#include "agent/store.h"
#include "agent/words.h"

static char place[PLACE]; /* new and empty */

static inline int store_begin(void **s) {
    (void)s;
    return folder_begin("store", 1) < 0 ? -1 : new_place(place);
}
static inline int store_end(void **s) {
    (void)s;
    const int rc = places_end();
    return folder_end() || rc;
}

static inline mn_store *opened(void) {
    mn_store *s = NULL;
    assert_ok(mn_store_open(place, 0, &s));
    assert_ptr_equal(s->kind, kind_now()->kind);
    return s;
}
static inline void closed(mn_store **s) {
    (*s)->kind->close(*s);
    *s = NULL;
}

/* As a store has it: when it was true, and when it was known. */
static inline mn_row row_of_text(const char *text) {
    mn_row r = a_row(text);
    r.from = 1000;
    r.created = 2000;
    r.until = r.expired = MN_NEVER;
    return r;
}

static inline int64_t owner_of(mn_store *s, const char *user) {
    int64_t owner = 0;
    assert_ok(s->kind->owner(s, "t", user, 1, &owner));
    assert_true(owner > 0);
    return owner;
}

/* With its words in the index. */
static inline int64_t put_row(mn_store *s, int64_t owner, const mn_row *row) {
    int64_t id = 0;
    mn_buf line = {0};
    assert_ok(s->kind->insert(s, owner, row, &id));
    assert_ok(mn_words_line(owner, row->text, row->n, &line));
    assert_ok(s->kind->index(s, owner, id, line.data ? line.data : "", line.len, 3, 0));
    mn_buf_free(&line);
    assert_true(id > 0);
    return id;
}
static inline int64_t put_text(mn_store *s, int64_t owner, const char *text) {
    const mn_row row = row_of_text(text);
    return put_row(s, owner, &row);
}

/* What a call gave, as "1 2 3". */
typedef struct told {
    char text[2048];
    size_t n;
    int stop_at, count; /* returns 7 at that one */
} told;
static inline int tell_id(told *t, int64_t id) {
    t->n += (size_t)snprintf(t->text + t->n, sizeof t->text - t->n, "%s%lld", t->n ? " " : "",
                             (long long)id);
    assert_true(t->n < sizeof t->text);
    return ++t->count == t->stop_at ? 7 : 0;
}
static inline int tell_row(void *user, const mn_row *row) {
    return tell_id(user, row->id);
}
static inline int tell_name(void *user, const char *name) {
    told *const t = user;
    t->n += (size_t)snprintf(t->text + t->n, sizeof t->text - t->n, "%s%s", t->n ? " " : "", name);
    return ++t->count == t->stop_at ? 7 : 0;
}
static inline const char *ids_text(const int64_t *ids, int n) {
    static told t;
    t = (told){.n = 0};
    for (int i = 0; i < n; i++) tell_id(&t, ids[i]);
    return t.text;
}

/* Ids of rows with these words, newest first. */
static inline const char *matched(mn_store *s, const char *words, int64_t most) {
    int64_t ids[64];
    const int n = s->kind->match(s, words, ids, most);
    assert_ok(n);
    return ids_text(ids, n);
}

#endif
