/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/migrate.c - two walks over the same parts: one copies, one reads back.
 */
#include "agent/migrate.h"

#include "agent/notes_inside.h"
#include "base/hash.h"

#include <string.h>

const struct mn_store_part mn_store_parts[MN_PARTS] = {
#define X(name, numbers, texts) {#name, numbers, texts},
    MN_PART_LIST(X)
#undef X
};

typedef struct walk {
    mn_store *store;
    mn_notes *into; /* NULL: nothing is copied */
    const mn_migrate_told *told;
    const char *doing;
    int64_t last; /* number of the last record there is */
    mn_sha256 *hash;
    mn_contents contents;
} walk;

/* ---- one piece ---------------------------------------------------------------------------- */
static void add_number(mn_sha256 *hash, uint64_t v) {
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(v >> 8 * (7 - i));
    mn_sha256_add(hash, bytes, sizeof bytes);
}

static void digest(walk *w, const mn_store_piece *p) {
    const struct mn_store_part *const part = mn_store_parts + p->part;
    for (int i = 0; i < part->numbers; i++) add_number(w->hash, (uint64_t)p->number[i]);
    for (int i = 0; i < part->texts; i++) {
        add_number(w->hash, p->length[i]);
        mn_sha256_add(w->hash, p->text[i], p->length[i]);
    }
}

static int index_record(mn_notes *n, const mn_store_piece *p) {
    const mn_row row = {.id = p->number[0],
                        .of = p->number[2],
                        .text = p->text[0],
                        .n = p->length[0],
                        .session = p->text[2],
                        .ref = p->text[4],
                        .source = p->text[5],
                        .kind = p->text[6],
                        .agent = p->text[7],
                        .run = p->text[8]};
    return mn_notes_index(n, p->number[1], &row);
}

static int walk_piece(void *user, const mn_store_piece *p) {
    walk *const w = user;
    if (p->part == MN_PART_about && strcmp(p->text[0], "words") == 0) return 0;
    digest(w, p);
    w->contents.pieces[p->part]++;
    if (w->into) MN_TRY(w->into->store->kind->take(w->into->store, p));
    if (p->part != MN_PART_record) return 0;
    if (w->into) MN_TRY(index_record(w->into, p));
    if (w->told->report &&
        w->told->report(w->told->user, w->doing, (uint64_t)p->number[0], (uint64_t)w->last))
        return MN_FAIL(MN_ECANCELLED, "stopped: nothing was moved, and both are as they were");
    return 0;
}

static int walk_parts(walk *w) {
    MN_TRY(mn_sha256_begin(&w->hash));
    int rc = 0;
    for (int i = 0; i < MN_PARTS && rc >= 0; i++) {
        add_number(w->hash, (uint64_t)i);
        rc = w->store->kind->pieces(w->store, i, walk_piece, w);
    }
    mn_sha256_end(&w->hash, rc < 0 ? NULL : w->contents.digest);
    return rc < 0 ? rc : 0;
}

/* ---- both stores -------------------------------------------------------------------------- */
static int note_last(void *user, const mn_store_piece *p) {
    if (strcmp(p->text[0], "record") == 0) *(int64_t *)user = p->number[0];
    return 0;
}

static int one_is_there(void *user, const mn_store_piece *p) {
    (void)user, (void)p;
    return MN_FAIL(MN_ECONFLICT, "there are records already where these are to go: give the path "
                                 "of a new store, or an empty database");
}

/* In the transactions of both. */
static int copy(mn_store *from, mn_notes *to, const mn_migrate_told *told, mn_contents *out) {
    walk w = {.store = from, .into = to, .told = told, .doing = "moving records"};
    walk back = {.store = to->store, .told = told, .doing = "reading them back"};
    MN_TRY(to->store->kind->pieces(to->store, MN_PART_owner, one_is_there, NULL));
    MN_TRY(from->kind->pieces(from, MN_PART_number, note_last, &w.last));
    MN_TRY(walk_parts(&w));
    back.last = w.last;
    MN_TRY(walk_parts(&back));
    for (int i = 0; i < MN_PARTS; i++)
        if (w.contents.pieces[i] != back.contents.pieces[i])
            return MN_FAIL(MN_ECORRUPT,
                           "%lld of %s were read and %lld came back; nothing was moved",
                           (long long)w.contents.pieces[i], mn_store_parts[i].name,
                           (long long)back.contents.pieces[i]);
    if (memcmp(w.contents.digest, back.contents.digest, 32) != 0)
        return MN_FAIL(MN_ECORRUPT, "what came back is not what was read; nothing was moved");
    *out = w.contents;
    return 0;
}

static int move(mn_store *from, mn_notes *to, const mn_migrate_told *told, mn_contents *out) {
    MN_TRY(from->kind->begin(from, 0));
    int rc = mn_notes_begin(to, 1);
    if (rc >= 0) rc = (int)mn_notes_end(to, copy(from, to, told, out));
    from->kind->end(from, 0);
    return rc;
}

int mn_migrate(const char *from, const char *to, const mn_migrate_told *told, mn_contents *out) {
    mn_store *source = NULL;
    mn_notes *target = NULL;
    *out = (mn_contents){.pieces = {0}};
    if (strcmp(from, to) == 0)
        return MN_FAIL(MN_EINVAL, "records are to go from a store to the same one");
    MN_TRY(mn_store_open(from, MN_STORE_THERE, &source));
    int rc = mn_notes_open(to, 1, &target);
    if (rc >= 0) rc = move(source, target, told, out);
    mn_notes_close(&target);
    source->kind->close(source);
    return rc;
}
