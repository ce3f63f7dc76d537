/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/notes.c - what a record is made of is checked here, once, whatever door it came through.
 */
#include "agent/notes.h"

#include "agent/names.h"
#include "agent/notes_inside.h"
#include "agent/org.h"
#include "agent/recall.h"
#include "agent/vectors.h"
#include "agent/words.h"
#include "base/alloc.h"
#include "base/arena.h"
#include "base/utf8.h"
#include "base/when.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the list of stores ------------------------------------------------------------------- */
static const mn_store_kind *const stores[] = {
#define X(name) &mn_store_##name,
    MN_STORE_LIST(X)
#undef X
};

int mn_store_newer(const char *where, int64_t version, int known) {
    return MN_FAIL(MN_EUNSUPPORTED,
                   "%s has version %lld and this program reads %d: it was made by a newer omnesia, "
                   "which is needed to read it",
                   where, (long long)version, known);
}

int mn_store_open(const char *where, int how, mn_store **out) {
    for (size_t i = 0; i < sizeof stores / sizeof *stores; i++)
        if (stores[i]->claims(where)) return stores[i]->open(where, how, out);
    return MN_FAIL(MN_EUNSUPPORTED, "%.*s://: no store of this kind is known here",
                   (int)(strstr(where, "://") - where), where);
}

/* ---- the word index ----------------------------------------------------------------------- */
/* Marks of what a search may be narrowed to, and of what is no record any more. */
static int mark_row(int64_t owner, const mn_row *r, mn_buf *line) {
    const struct {
        char kind;
        const char *name;
    } mark[] = {{'a', r->agent},  {'r', r->run}, {'s', r->session},
                {'o', r->source}, {'f', r->ref}, {'k', r->kind}};
    for (size_t i = 0; i < sizeof mark / sizeof *mark; i++)
        if (*mark[i].name) MN_TRY(mn_words_mark(owner, mark[i].kind, mark[i].name, line));
    return r->of ? mn_words_mark(owner, 'v', "", line) : 0;
}

/* Its words into the index, or out of it: those of the text, and the marks. */
static int index_row(mn_notes *n, int64_t owner, const mn_row *r, int out) {
    mn_buf *const line = &n->line;
    int64_t words = 1;
    mn_buf_clear(line);
    MN_TRY(mn_words_line(owner, r->text, r->n, line));
    for (size_t i = 0; i < line->len; i++) words += line->data[i] == ' ';
    MN_TRY(mark_row(owner, r, line));
    return n->store->kind->index(n->store, owner, r->id, line->data ? line->data : "", line->len,
                                 words, out);
}

int mn_notes_index(void *notes, int64_t owner, const mn_row *row) {
    return index_row(notes, owner, row, 0);
}

/* ---- the files ---------------------------------------------------------------------------- */
/* What was forgotten is in none of them; who dies on the way leaves a note for the next. */
static const char unclean[] = "unclean";

static int clean(mn_notes *n) {
    mn_store *const s = n->store;
    MN_TRY(s->kind->scrub(s));
    MN_TRY(s->kind->begin(s, 1));
    const int rc = s->kind->set(s, unclean, ""), end = s->kind->end(s, rc >= 0);
    return rc < 0 ? rc : end;
}

/* It is done again when it fails now. */
static void clean_up(mn_notes *n) {
    mn_store *const s = n->store;
    char text[8] = "";
    if (s->kind->begin(s, 0) < 0) return;
    const int there = s->kind->get(s, unclean, text, sizeof text);
    if (s->kind->end(s, 0) >= 0 && there > 0 && *text) clean(n);
}

/* ---- opening ------------------------------------------------------------------------------ */
/* The rules that made the words of the index, and who may read what. */
static int words_version(mn_notes *n) {
    mn_store *const s = n->store;
    char text[24] = "", now[24];
    snprintf(now, sizeof now, "%d", MN_WORDS_VERSION);
    MN_TRY(s->kind->begin(s, 0));
    const int there = s->kind->get(s, "words", text, sizeof text);
    MN_TRY(s->kind->end(s, 0));
    if (there < 0 || (there && strcmp(text, now) == 0)) return there < 0 ? there : 0;
    MN_TRY(s->kind->begin(s, 1));
    int rc = there ? s->kind->reindex(s, mn_notes_index, n) : 0;
    if (rc >= 0) rc = s->kind->set(s, "words", now);
    const int end = s->kind->end(s, rc >= 0);
    return rc < 0 ? rc : end;
}

int mn_notes_open(const char *where, int durable, mn_notes **out) {
    mn_notes *n = mn_calloc(1, sizeof *n);
    if (!n) return MN_FAIL(MN_ENOMEM, "no memory for the records of a store");
    pthread_mutexattr_t again;
    pthread_mutexattr_init(&again);
    pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&n->lock, &again);
    pthread_mutexattr_destroy(&again);
    int rc = mn_store_open(where, durable ? MN_STORE_DURABLE : 0, &n->store);
    if (rc >= 0) rc = words_version(n);
    if (rc >= 0) clean_up(n);
    if (rc < 0)
        mn_notes_close(&n);
    else
        *out = n;
    return rc;
}

void mn_notes_close(mn_notes **notes) {
    mn_notes *const n = *notes;
    if (!n) return;
    if (n->store) n->store->kind->close(n->store);
    mn_vectors_close(&n->vectors);
    mn_buf_free(&n->gone);
    mn_buf_free(&n->line);
    pthread_mutex_destroy(&n->lock);
    mn_free(n);
    *notes = NULL;
}

/* The lock is ours, and when rc is 0 a transaction; otherwise neither is needed any more. */
static int begun(mn_notes *n, int rc) {
    if (rc)
        pthread_mutex_unlock(&n->lock);
    else if (!n->within++)
        n->broken = 0;
    return rc;
}

static int begin(mn_notes *n, int write) {
    pthread_mutex_lock(&n->lock);
    return begun(n, n->within ? 0 : n->store->kind->begin(n->store, write));
}

int mn_notes_ask(mn_notes *n, const void *request, size_t bytes, int64_t *id) {
    mn_store *const s = n->store;
    *id = 0;
    pthread_mutex_lock(&n->lock);
    if (n->within) return begun(n, 0);
    return begun(n, s->kind->ask ? s->kind->ask(s, request, bytes, id) : s->kind->begin(s, 1));
}

enum { SHARED_MS = 1000 /* who forgets waits so long for searches of others */ };

/* Ends what `begin` began: kept when rc says success, of which it is the value then. */
static int64_t end(mn_notes *n, int64_t rc) {
    char why[512];
    if (rc < 0 && rc != MN_ENOENT) n->broken = (int)rc; /* that is known before one writes */
    if (rc < 0) snprintf(why, sizeof why, "%s", mn_error_detail());
    const int ended = --n->within ? 0 : n->store->kind->end(n->store, !n->broken);
    if (rc >= 0 && ended < 0) snprintf(why, sizeof why, "%s", mn_error_detail());
    if (!n->within) mn_notes_settle(n, SHARED_MS);
    pthread_mutex_unlock(&n->lock);
    if (rc >= 0 && ended >= 0) return rc;
    return MN_FAIL(rc < 0 ? (int)rc : ended, "%s", why);
}

int mn_notes_turn(mn_notes *n, int write, int (*work)(void *user), void *user) {
    MN_TRY(begin(n, write));
    const int rc = work(user);
    return (int)end(n, rc >= 0 && n->broken ? n->broken : rc);
}

int mn_notes_begin(mn_notes *n, int write) {
    return begin(n, write);
}

int64_t mn_notes_end(mn_notes *n, int64_t rc) {
    return end(n, rc);
}

/* ---- what comes in ------------------------------------------------------------------------ */
static int check_name(const char *what, const char *text, int needed) {
    const size_t n = text ? strlen(text) : 0;
    if (!n && needed)
        return MN_FAIL(MN_EINVAL, "no %s is given: whose records are meant is never guessed", what);
    if (n > MN_FIELD_MAX)
        return MN_FAIL(MN_ETOOLONG, "%s has %zu bytes; %d are allowed", what, n, MN_FIELD_MAX);
    return n ? mn_utf8_check(what, text, n) : 0;
}

int mn_notes_check_who(const mn_who *who) {
    MN_TRY(check_name("tenant", who->tenant, 0));
    MN_TRY(check_name("user", who->user, 1));
    MN_TRY(check_name("agent", who->agent, 0));
    return check_name("run", who->run, 0);
}

/* A moment that can be written down. */
static int check_moment(const char *what, int64_t at) {
    if (at == MN_NEVER || (at >= MN_WHEN_FIRST && at <= MN_WHEN_LAST)) return 0;
    return MN_FAIL(MN_EINVAL,
                   "%s is %lld microseconds from 1970, which is not in the years 1 to 9999", what,
                   (long long)at);
}

int mn_notes_check(const mn_row *r) {
    const struct {
        const char *what, *text;
    } field[] = {{"time", r->time},   {"session", r->session}, {"speaker", r->speaker},
                 {"ref", r->ref},     {"source", r->source},   {"kind", r->kind},
                 {"agent", r->agent}, {"run", r->run}};
    if (!r->n) return MN_FAIL(MN_EINVAL, "the text of a record is empty");
    if (r->n > MN_TEXT_MAX)
        return MN_FAIL(MN_ETOOLONG,
                       "the text has %zu bytes, and a record holds %d: cut it into pieces", r->n,
                       MN_TEXT_MAX);
    MN_TRY(mn_utf8_check("the text", r->text, r->n));
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        MN_TRY(check_name(field[i].what, field[i].text, 0));
    MN_TRY(check_moment("from", r->from));
    MN_TRY(check_moment("until", r->until));
    MN_TRY(check_moment("created", r->created));
    MN_TRY(check_moment("expired", r->expired));
    if (strlen(r->meta) > MN_META_MAX)
        return MN_FAIL(MN_ETOOLONG, "meta has %zu bytes; %d are allowed", strlen(r->meta),
                       MN_META_MAX);
    return mn_utf8_check("meta", r->meta, strlen(r->meta));
}

int mn_notes_check_said(const mn_row *r) {
    MN_TRY(mn_notes_check(r));
    if (!mn_org_made(r)) return 0;
    return MN_FAIL(MN_EINVAL,
                   "a record of kind %s with source %s is what the organiser %s makes; what is "
                   "said has another kind or source",
                   r->kind, r->source, r->source);
}

int mn_notes_insert(mn_notes *n, int64_t owner, const char *organiser, mn_row *r) {
    mn_store *const s = n->store;
    MN_TRY(s->kind->insert(s, owner, r, &r->id));
    MN_TRY(index_row(n, owner, r, 0));
    if (*organiser && !r->of && !mn_org_made(r)) MN_TRY(s->kind->queue(s, organiser, owner, r->id));
    return s->kind->wait(s, r->id);
}

static int add_row(mn_notes *n, int64_t owner, mn_row *r) {
    return mn_notes_insert(n, owner, n->organiser ? n->organiser->name : "", r);
}

int mn_notes_put(mn_notes *n, int64_t owner, mn_row *row) {
    MN_TRY(mn_notes_check(row));
    return add_row(n, owner, row);
}

void mn_notes_date(mn_row *r, int64_t now, char text[MN_WHEN_TEXT]) {
    mn_when w;
    if (!r->created) {
        r->created = now;
        r->expired = MN_NEVER;
    }
    if (!r->from && *r->time) {
        r->from = mn_when_parse(r->time, &w) ? w.at : MN_NEVER;
    } else if (!r->from) {
        r->from = r->created;
        r->time = mn_when_text(r->created, text);
    }
    if (!r->until) r->until = MN_NEVER;
}

int mn_notes_owner(mn_notes *n, const mn_who *who, int make, int64_t *owner) {
    return n->store->kind->owner(n->store, who->tenant ? who->tenant : "", who->user, make, owner);
}

/* ---- what comes from a file ---------------------------------------------------------------- */
/* 1: it was added; 0: it is there, or belongs to nothing. */
static int carry_row(mn_notes *n, int64_t owner, mn_there *there, mn_row *r, int64_t now) {
    const int64_t number = r->id;
    int64_t id;
    if (r->of && !(r->of = mn_there_named(there, r->of))) {
        r->id = 0;
        return 0;
    }
    const int taken = mn_there_take(there, n->store, owner, r, &id);
    MN_TRY(taken);
    if (!taken) {
        if (r->created == MN_NEVER) r->created = now;
        MN_TRY(add_row(n, owner, r));
        there->after = r->id;
        id = r->of ? r->of : r->id;
    }
    r->id = id;
    if (number) MN_TRY(mn_there_name(there, number, id));
    return !taken;
}

static int64_t carry_all(mn_notes *n, const mn_who *who, mn_there *there, mn_row *rows,
                         size_t count) {
    const int64_t now = mn_when_now();
    int64_t owner, added = 0;
    MN_TRY(mn_notes_owner(n, who, 1, &owner));
    MN_TRY(mn_there_read(there, n->store, owner));
    for (size_t i = 0; i < count; i++) {
        mn_row *const r = rows + i;
        r->agent = who->agent ? who->agent : r->agent;
        r->run = who->run ? who->run : r->run;
        const int rc = carry_row(n, owner, there, r, now);
        MN_TRY(rc);
        added += rc;
    }
    return added;
}

/* Most of what is there, without keeping others from writing. */
static int look_around(mn_notes *n, const mn_who *who, mn_there *there) {
    int64_t owner;
    MN_TRY(mn_notes_owner(n, who, 0, &owner));
    return owner ? mn_there_read(there, n->store, owner) : 0;
}

int64_t mn_notes_carry(mn_notes *n, const mn_who *who, mn_there *there, mn_row *rows,
                       size_t count) {
    MN_TRY(mn_notes_check_who(who));
    for (size_t i = 0; i < count; i++) MN_TRY(mn_notes_check_said(rows + i));
    if (!count) return 0;
    if (!there->after) {
        there->agent = who->agent;
        there->run = who->run;
        MN_TRY(begin(n, 0));
        MN_TRY((int)end(n, look_around(n, who, there)));
    }
    MN_TRY(begin(n, 1));
    return end(n, carry_all(n, who, there, rows, count));
}

/* ---- finding ------------------------------------------------------------------------------ */
int64_t mn_notes_tokens(const char *text, size_t n) {
    int64_t ascii = 0, other = 0;
    for (size_t i = 0; i < n; i++) {
        ascii += (unsigned char)text[i] < 0x80;
        other += (unsigned char)text[i] >= 0xc0;
    }
    return (ascii + 3) / 4 + other;
}

typedef struct finding {
    const mn_who *who;
    const mn_seek *seek;
    mn_notes_each *each;
    void *user;
    int64_t found, tokens;
    int stopped; /* what `each` returned, when that was not 0 */
} finding;

/* One row to the caller; non-zero: that was the last. */
static int give(finding *f, const mn_row *row, double score) {
    const int64_t tokens = mn_notes_tokens(row->text, row->n);
    if (f->seek->budget && f->found && f->tokens + tokens > f->seek->budget) return 1;
    f->tokens += tokens;
    f->found++;
    f->stopped = f->each(f->user, row, score);
    return f->stopped || (f->seek->k && f->found >= f->seek->k);
}

static int give_fitting(void *user, const mn_row *row) {
    finding *const f = user;
    return mn_recall_fits(row, f->who, f->seek) ? give(f, row, 0) : 0;
}

static int find_in_order(mn_notes *n, int64_t owner, finding *f) {
    mn_rows rows = f->seek->rows;
    rows.owner = owner;
    rows.agent = f->who->agent;
    rows.run = f->who->run;
    if (f->seek->as_of != MN_NEVER) rows.versions = MN_BEHIND;
    return n->store->kind->rows(n->store, &rows, give_fitting, f);
}

/* Are the vectors of the store of the model that is used here? Another process may have chosen
 * another one since. */
static int of_our_model(mn_notes *n) {
    char there[sizeof n->model] = "";
    if (!n->vectors) return 0;
    const int rc = n->store->kind->get(n->store, "model", there, sizeof there);
    return rc < 0 ? rc : strcmp(there, n->model) == 0;
}

int mn_notes_sense(mn_notes *n, mn_vectors **out) {
    const int ours = of_our_model(n);
    *out = ours > 0 ? n->vectors : NULL;
    return ours < 0 ? ours : 0;
}

static int find_best(mn_notes *n, int64_t owner, finding *f) {
    mn_arena arena = {.limit = (size_t)1 << 30, .what = "a search"};
    mn_vectors *v;
    mn_hit *hits;
    int count, rc = mn_notes_sense(n, &v);
    if (rc >= 0) rc = mn_recall(n->store, owner, f->who, f->seek, v, &arena, &hits, &count);
    for (int i = 0; rc >= 0 && i < count; i++)
        if (give(f, &hits[i].row, hits[i].score)) break;
    mn_arena_free(&arena);
    return rc;
}

static int missing(const mn_who *who, int64_t id) {
    return MN_FAIL(MN_ENOENT, "there is no record %lld of %s", (long long)id, who->user);
}

static int64_t find(mn_notes *n, finding *f) {
    int64_t owner;
    MN_TRY(mn_notes_owner(n, f->who, 0, &owner));
    if (owner) MN_TRY(f->seek->query ? find_best(n, owner, f) : find_in_order(n, owner, f));
    if (f->stopped) return f->stopped;
    const int asked = f->seek->rows.id && !f->seek->query;
    return !f->found && asked ? missing(f->who, f->seek->rows.id) : f->found;
}

int mn_notes_find(mn_notes *n, const mn_who *who, const mn_seek *seek, mn_notes_each *each,
                  void *user) {
    finding f = {.who = who, .seek = seek, .each = each, .user = user};
    const size_t length = seek->query ? strlen(seek->query) : 0;
    MN_TRY(mn_notes_check_who(who));
    if (length > MN_TEXT_MAX)
        return MN_FAIL(MN_ETOOLONG, "the query has %zu bytes; %d are allowed", length, MN_TEXT_MAX);
    if (length) MN_TRY(mn_utf8_check("the query", seek->query, length));
    MN_TRY(begin(n, 0));
    return (int)end(n, find(n, &f));
}

int mn_notes_question(mn_notes *n, const mn_who *who, const char *query, mn_buf *out) {
    mn_arena arena = {.what = "names of speakers"};
    mn_names names = {0};
    int64_t owner;
    MN_TRY(mn_notes_check_who(who));
    MN_TRY(begin(n, 0));
    int rc = mn_notes_owner(n, who, 0, &owner);
    if (rc >= 0) rc = mn_names_read(&names, n->store, owner, &arena);
    if (rc >= 0) rc = mn_names_rewrite(&names, query, out);
    mn_arena_free(&arena);
    return (int)end(n, rc);
}

/* ---- changing and forgetting -------------------------------------------------------------- */
/* A row with texts of its own, and whether it was found. */
typedef struct kept {
    mn_arena arena;
    mn_row *row;
    int n, cap;
    int64_t moment; /* of keep_late */
} kept;

static int keep_text(mn_arena *arena, const char **text, size_t n) {
    char *copy;
    MN_TRY(mn_arena_take(arena, n + 1, &copy));
    memcpy(copy, *text, n);
    *text = copy;
    return 0;
}

int mn_row_keep(mn_arena *arena, const mn_row *row, mn_row *out) {
    *out = *row;
    const char **const text[] = {&out->time, &out->session, &out->speaker, &out->ref, &out->source,
                                 &out->kind, &out->agent,   &out->run,     &out->meta};
    MN_TRY(keep_text(arena, &out->text, row->n));
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        if (**text[i])
            MN_TRY(keep_text(arena, text[i], strlen(*text[i])));
        else
            *text[i] = "";
    return 0;
}

static int keep_row(void *user, const mn_row *row) {
    kept *const k = user;
    if (k->n == k->cap) {
        const size_t was = (size_t)k->cap * sizeof *k->row;
        k->cap = k->cap ? 2 * k->cap : 16;
        MN_TRY(mn_arena_grow(&k->arena, k->row, was, (size_t)k->cap * sizeof *k->row, &k->row));
    }
    return mn_row_keep(&k->arena, row, &k->row[k->n++]);
}

/* Whatever of a version was true at `moment` or later was not, as is known now. */
static int64_t cut(const mn_row *r, int64_t moment) {
    const int64_t end = moment > r->from ? moment : r->from;
    return r->until != MN_NEVER && r->until < end ? r->until : end;
}

static int keep_late(void *user, const mn_row *row) {
    kept *const k = user;
    const int empty = row->from == MN_NEVER || (row->until != MN_NEVER && row->until <= row->from);
    return !row->of || empty || cut(row, k->moment) == row->until ? 0 : keep_row(k, row);
}

/* At no moment are two versions of a record true: those before end where the next begins. They have
 * ended where the current one began, so that only a time before that makes it worth to look. */
static int cut_former(mn_notes *n, const mn_who *who, int64_t owner, const mn_row *next, kept *k) {
    const mn_row was = *k->row;
    const mn_rows which = {
        .owner = owner, .id = was.id, .agent = who->agent, .run = who->run, .versions = MN_BEHIND};
    if (next->from == MN_NEVER || (was.from != MN_NEVER && next->from >= was.from)) return 0;
    k->moment = next->from;
    MN_TRY(n->store->kind->rows(n->store, &which, keep_late, k));
    for (int i = 1; i < k->n; i++) {
        k->row[i].until = cut(k->row + i, next->from);
        MN_TRY(n->store->kind->replace(n->store, owner, k->row + i));
    }
    return 0;
}

/* What the record is from now on. */
static mn_row changed(const mn_row *was, const mn_row *now) {
    mn_row next = *was;
    next.text = now->text;
    next.n = now->n;
    next.time = now->time;
    next.from = now->from;
    next.until = now->until;
    if (*now->meta) next.meta = now->meta;
    next.created = 0;
    return next;
}

static int update(mn_notes *n, const mn_who *who, int64_t id, const mn_row *now, kept *k) {
    mn_store *const s = n->store;
    const int64_t clock = mn_when_now();
    char when[MN_WHEN_TEXT];
    int64_t owner;
    MN_TRY(mn_notes_owner(n, who, 0, &owner));
    const mn_rows which = {
        .owner = owner, .id = id, .agent = who->agent, .run = who->run, .most = 1};
    if (id > 0) MN_TRY(s->kind->rows(s, &which, keep_row, k));
    if (!k->n) return missing(who, id);
    mn_row was = *k->row, next = changed(&was, now);
    mn_notes_date(&next, clock, when);
    MN_TRY(cut_former(n, who, owner, &next, k));
    MN_TRY(index_row(n, owner, &was, 1));
    const int made = mn_org_made(&was);
    was.of = id;
    was.expired = clock;
    was.until = cut(&was, next.from == MN_NEVER ? clock : next.from);
    MN_TRY(s->kind->insert(s, owner, &was, &was.id));
    MN_TRY(index_row(n, owner, &was, 0));
    MN_TRY(s->kind->move(s, id, was.id));
    MN_TRY(s->kind->replace(s, owner, &next));
    MN_TRY(index_row(n, owner, &next, 0));
    MN_TRY(s->kind->wait(s, id));
    if (made) return 0;
    MN_TRY(s->kind->queue_again(s, id));
    return mn_orphans_end(n, who, owner, id, next.from);
}

int mn_notes_change(mn_notes *n, const mn_who *who, int64_t id, const mn_row *now) {
    kept k = {.arena = {.what = "a record"}};
    int rc = mn_notes_check(now);
    if (rc >= 0) rc = update(n, who, id, now, &k);
    mn_arena_free(&k.arena);
    return rc;
}

int mn_notes_update(mn_notes *n, const mn_who *who, int64_t id, const mn_row *now) {
    kept k = {.arena = {.what = "a record"}};
    MN_TRY(mn_notes_check_who(who));
    MN_TRY(mn_notes_check(now));
    MN_TRY(begin(n, 1));
    const int64_t rc = end(n, update(n, who, id, now, &k));
    mn_arena_free(&k.arena);
    return (int)rc;
}

enum { FORGET_ROWS = 256 };

int mn_notes_drop(mn_notes *n, int64_t owner, const mn_row *row) {
    if (n->dropped) MN_TRY(n->dropped(n->dropped_user, row));
    MN_TRY(index_row(n, owner, row, 1));
    MN_TRY(n->store->kind->remove(n->store, owner, row->id));
    if (n->vectors) mn_vectors_drop(n->vectors, owner, row->id);
    return mn_notes_leaves(n, owner);
}

/* Some of the rows in question: how many records went; *more: there may be others. */
static int64_t forget_some(mn_notes *n, const mn_rows *which, kept *k, mn_orphans *orphans,
                           int *more) {
    int64_t records = 0;
    MN_TRY(n->store->kind->rows(n->store, which, keep_row, k));
    for (int i = 0; i < k->n; i++) {
        MN_TRY(mn_orphans_of(n, which->owner, k->row[i].id, orphans));
        MN_TRY(mn_notes_drop(n, which->owner, k->row + i));
        records += !k->row[i].of;
    }
    *more = k->n == FORGET_ROWS;
    return records;
}

static int64_t forget(mn_notes *n, const mn_who *who, const mn_rows *which, mn_orphans *orphans) {
    mn_rows rows = *which;
    int64_t sum = 0;
    MN_TRY(mn_notes_owner(n, who, 0, &rows.owner));
    rows.agent = who->agent;
    rows.run = who->run;
    rows.versions = MN_BEFORE; /* or a record would go whose versions are in the next batch */
    rows.most = FORGET_ROWS;
    for (int more = rows.owner != 0; more;) {
        kept k = {.arena = {.what = "records to forget"}};
        const int64_t some = forget_some(n, &rows, &k, orphans, &more);
        mn_arena_free(&k.arena);
        if (some < 0) return some;
        sum += some;
    }
    if (sum) MN_TRY(mn_orphans_follow(n, rows.owner, orphans));
    if (sum) MN_TRY(n->store->kind->set(n->store, unclean, "yes"));
    return !sum && which->id ? missing(who, which->id) : sum;
}

int64_t mn_notes_forget(mn_notes *n, const mn_who *who, const mn_rows *which, mn_row_each *each,
                        void *user) {
    char why[512];
    MN_TRY(mn_notes_check_who(who));
    MN_TRY(begin(n, 1));
    mn_orphans orphans = {.left = {.what = "what goes with it"}};
    n->dropped = each;
    n->dropped_user = user;
    const int64_t some = forget(n, who, which, &orphans);
    n->dropped = NULL;
    const int64_t gone = end(n, some);
    mn_orphans_free(&orphans);
    pthread_mutex_lock(&n->lock);
    if (gone < 0 && n->vectors) mn_vectors_clear(n->vectors); /* some have left it, and are there */
    const int rc = gone > 0 && !n->within ? clean(n) : 0;
    pthread_mutex_unlock(&n->lock);
    if (gone <= 0) return gone;
    if (rc >= 0) return gone;
    snprintf(why, sizeof why, "%s", mn_error_detail());
    return MN_FAIL(rc,
                   "%lld records are forgotten, but the files are not clean of them yet, which is "
                   "tried again when the store is opened: %s",
                   (long long)gone, why);
}

/* ---- vectors ------------------------------------------------------------------------------ */
int mn_notes_model(mn_notes *n, const char *model, int dim) {
    mn_store *const s = n->store;
    char there[256] = "";
    MN_TRY(begin(n, 1));
    if (n->vectors && mn_vectors_dim(n->vectors) != dim) mn_vectors_close(&n->vectors);
    int rc = n->vectors ? 0 : mn_vectors_open(dim, n->region, n->quiet, &n->vectors);
    if (rc >= 0) rc = s->kind->get(s, "model", there, sizeof there);
    if (rc >= 0 && strcmp(there, model) != 0) {
        if (*there) rc = s->kind->again(s);
        if (rc >= 0) rc = s->kind->set(s, "model", model);
        mn_vectors_clear(n->vectors);
    }
    if (rc >= 0) snprintf(n->model, sizeof n->model, "%s", model);
    return (int)end(n, rc);
}

int mn_notes_again(mn_notes *n) {
    MN_TRY(begin(n, 1));
    if (n->vectors) mn_vectors_clear(n->vectors);
    return (int)end(n, n->store->kind->again(n->store));
}

void mn_notes_rest(mn_notes *n) {
    pthread_mutex_lock(&n->lock);
    clean_up(n);
    mn_notes_settle(n, 0);
    n->store->kind->rest(n->store);
    pthread_mutex_unlock(&n->lock);
}

int mn_notes_waits(mn_notes *n, int64_t *count) {
    MN_TRY(begin(n, 0));
    return (int)end(n, n->store->kind->waits(n->store, count));
}

/* Texts that wait for their vectors, copied, with what tells whether they have changed since. */
typedef struct batch {
    mn_arena arena;
    int64_t *id, *owner;
    const char **text;
    size_t *length;
    float *vector; /* [n, dim] */
    int n;
} batch;

static int take_waiting(void *user, int64_t id, int64_t owner, const char *text, size_t n) {
    batch *const b = user;
    b->id[b->n] = id;
    b->owner[b->n] = owner;
    b->text[b->n] = text;
    b->length[b->n] = n;
    MN_TRY(keep_text(&b->arena, &b->text[b->n], n));
    b->n++;
    return 0;
}

static int take_batch(mn_notes *n, batch *b, int most, int dim) {
    MN_TRY(mn_arena_take(&b->arena, (size_t)most * sizeof *b->id, &b->id));
    MN_TRY(mn_arena_take(&b->arena, (size_t)most * sizeof *b->owner, &b->owner));
    MN_TRY(mn_arena_take(&b->arena, (size_t)most * sizeof *b->text, &b->text));
    MN_TRY(mn_arena_take(&b->arena, (size_t)most * sizeof *b->length, &b->length));
    MN_TRY(mn_arena_take(&b->arena, (size_t)most * (size_t)dim * sizeof(float), &b->vector));
    MN_TRY(begin(n, 0));
    return (int)end(n, n->store->kind->waiting(n->store, most, take_waiting, b));
}

typedef struct text {
    const char *text;
    size_t n;
    int same;
} text;

static int compare(void *user, const mn_row *row) {
    text *const t = user;
    t->same = row->n == t->n && memcmp(row->text, t->text, t->n) == 0;
    return 0;
}

static int put_batch(mn_notes *n, const batch *b, int dim) {
    mn_store *const s = n->store;
    char packed[MN_VECTOR_DIM_MAX + sizeof(float)];
    const int ours = of_our_model(n);
    MN_TRY(ours);
    if (!ours)
        return MN_FAIL(MN_EBUSY, "another program has chosen another model for vectors than %s",
                       n->model);
    for (int i = 0; i < b->n; i++) {
        text t = {b->text[i], b->length[i], 0};
        const float *const v = b->vector + (size_t)i * (size_t)dim;
        MN_TRY(s->kind->fetch(s, b->owner[i], b->id + i, 1, compare, &t));
        if (!t.same) continue; /* changed or forgotten in the meantime */
        const size_t bytes = mn_vector_pack(v, dim, packed) ? mn_vector_bytes(dim) : 0;
        MN_TRY(s->kind->vector(s, b->id[i], packed, bytes));
    }
    return b->n;
}

static int embed(mn_notes *n, const mn_vector_maker *by, int most, batch *b) {
    MN_TRY(take_batch(n, b, most, by->dim));
    if (!b->n) return 0;
    MN_TRY(by->make(by->user, b->text, b->length, b->n, b->vector));
    MN_TRY(begin(n, 1));
    return (int)end(n, put_batch(n, b, by->dim));
}

int mn_notes_embed(mn_notes *n, const mn_vector_maker *by, int most) {
    batch b = {.arena = {.what = "texts that wait for vectors"}};
    const int rc = embed(n, by, most, &b);
    mn_arena_free(&b.arena);
    return rc;
}
