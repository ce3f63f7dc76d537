/* SPDX-License-Identifier: Apache-2.0
 *
 * api/mem.c - omnesia.h, what agents remember: agent/notes.h in the shape users see.
 */
#include "api/mem.h"

#include "agent/graph.h"
#include "agent/place.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/when.h"

#include <stdio.h>
#include <string.h>

enum {
    STANDARD_K = 10,
    CATCH_UP_US = 50000, /* what a search spends on vectors nobody has made yet */
};

_Static_assert(MN_UNKNOWN == MN_NEVER && (int)MN_RECORD_MAX == (int)MN_TEXT_MAX, "said twice");

/* ---- opening ------------------------------------------------------------------------------ */
int mn_mem_place(const char *store, mn_buf *out) {
    char *path = NULL;
    if (store && *store) return mn_buf_puts(out, store);
    MN_TRY(mn_file_data_path("memory.db", &path));
    const int rc = mn_buf_puts(out, path);
    mn_free(path);
    return rc;
}

/* The path of a lock beside the store. */
static int lock_path(const char *where, const char *suffix, char **out) {
    mn_buf path = {0};
    int rc = mn_place_beside(where, &path);
    if (rc >= 0) rc = mn_buf_puts(&path, suffix);
    if (rc >= 0)
        *out = path.data;
    else
        mn_buf_free(&path);
    return rc;
}

static int open_all(mn_mem *m, const char *store, mn_buf *where) {
    MN_TRY(mn_mem_place(store, where));
    const char *const name = m->options.model ? m->options.model : "minilm-l6";
    m->model_name = mn_strdup(name);
    if (!m->model_name) return MN_FAIL(MN_ENOMEM, "no memory for the name of a model");
    MN_TRY(mn_notes_open(where->data, m->options.durable, &m->notes));
    mn_notes_share(m->notes, m->region, m->options.private_);
    MN_TRY(mn_mem_organise_open(m));
    MN_TRY(lock_path(where->data, "-embed", &m->turn));
    if (m->organiser) MN_TRY(lock_path(where->data, "-organise", &m->seat));
    return m->options.background ? mn_mem_thread_start(m) : 0;
}

int mn_mem_open(const char *store, const mn_mem_options *options, mn_mem **out) {
    mn_mem *m = mn_calloc(1, sizeof *m);
    mn_buf where = {0};
    if (!m) return MN_FAIL(MN_ENOMEM, "no memory for a store of records");
    if (options) m->options = *options;
    m->region = m->options.region;
    pthread_mutex_init(&m->opening, NULL);
    pthread_mutex_init(&m->planning, NULL);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->wake, NULL);
    const int rc = open_all(m, store, &where);
    mn_buf_free(&where);
    if (rc < 0)
        mn_mem_close(&m);
    else
        *out = m;
    return rc;
}

void mn_mem_close(mn_mem **mem) {
    mn_mem *const m = *mem;
    if (!m) return;
    mn_mem_thread_stop(m);
    mn_mem_organise_close(m);
    mn_notes_close(&m->notes);
    mn_model_close(&m->model);
    mn_model_close(&m->planner);
    mn_free(m->planner_name);
    mn_free(m->model_name);
    mn_free(m->turn);
    mn_mem_gone_free(&m->unread);
    pthread_mutex_destroy(&m->opening);
    pthread_mutex_destroy(&m->planning);
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->wake);
    mn_free(m);
    *mem = NULL;
}

/* ---- telling others ------------------------------------------------------------------------ */
int mn_mem_topic(const mn_scope *scope, char key[256]) {
    mn_buf name = {0};
    uint8_t digest[32];
    char hex[65];
    if (!scope || !scope->user || !*scope->user)
        return MN_FAIL(MN_EINVAL, "no user is given: whose records are meant is never guessed");
    const char *const tenant = scope->tenant ? scope->tenant : "";
    int rc = mn_buf_append(&name, tenant, strlen(tenant) + 1);
    if (rc >= 0) rc = mn_buf_puts(&name, scope->user);
    if (rc >= 0) {
        mn_sha256_of(name.data, name.len, digest);
        mn_hash_hex(digest, hex);
        snprintf(key, 256, "omnesia/memory/%s", hex);
    }
    mn_buf_free(&name);
    return rc;
}

/* What changed is there, whether it is told or not. */
void mn_mem_tell(mn_mem *m, const mn_scope *scope, const char *what, int64_t id) {
    char key[256], value[64];
    mn_mem_thread_wake(m);
    if (!m->region || mn_mem_topic(scope, key) < 0) return;
    const int n = snprintf(value, sizeof value, "%s %lld", what, (long long)id);
    mn_object_put(m->region, key, value, (size_t)n, NULL, NULL);
}

/* ---- shapes -------------------------------------------------------------------------------- */
int mn_mem_who(const mn_scope *s, mn_who *out) {
    if (!s)
        return MN_FAIL(MN_EINVAL, "no scope is given: whose records are meant is never guessed");
    *out = (mn_who){s->tenant, s->user, s->agent, s->run};
    return 0;
}

static const char *some(const char *text) {
    return text ? text : "";
}

static mn_row row_of(const mn_record *r) {
    return (mn_row){.text = some(r->text),
                    .n = r->text ? r->n : 0,
                    .time = some(r->time),
                    .from = r->from,
                    .until = r->until,
                    .session = some(r->session),
                    .speaker = some(r->speaker),
                    .ref = some(r->ref),
                    .source = some(r->source),
                    .kind = some(r->kind),
                    .agent = some(r->agent),
                    .run = some(r->run),
                    .meta = some(r->meta)};
}

typedef struct shown {
    int (*each)(void *user, const mn_record *record);
    void *user;
} shown;

mn_record mn_mem_record(const mn_row *r, double score) {
    return (mn_record){.id = r->of ? r->of : r->id,
                       .text = r->text,
                       .n = r->n,
                       .time = r->time,
                       .session = r->session,
                       .speaker = r->speaker,
                       .ref = r->ref,
                       .source = r->source,
                       .kind = r->kind,
                       .agent = r->agent,
                       .run = r->run,
                       .meta = r->meta,
                       .from = r->from,
                       .until = r->until,
                       .created = r->created,
                       .expired = r->expired,
                       .score = score};
}

static int show(void *user, const mn_row *r, double score) {
    const shown *const to = user;
    const mn_record record = mn_mem_record(r, score);
    return to->each(to->user, &record);
}

/* The moment a question is about: the end of what is written, so that a date means all of the day.
 */
static int moment(const char *text, int64_t *out) {
    mn_when w;
    *out = MN_NEVER;
    if (!text || !*text) return 0;
    if (!mn_when_parse(text, &w))
        return MN_FAIL(MN_EINVAL,
                       "\"%s\" is no moment: write 2023-05-08, 2023-05-08T13:56:00Z or \"8 May "
                       "2023\"",
                       text);
    *out = w.at + w.span - 1;
    return 0;
}

/* Which of the words [3] is given; none: the first. */
static int choice(const char *what, const char *given, const char *const *words, int *out) {
    *out = 0;
    if (!given || !*given) return 0;
    for (int i = 0; i < 3; i++)
        if (words[i] && strcmp(words[i], given) == 0) {
            *out = i;
            return 0;
        }
    return MN_FAIL(MN_EINVAL, "%s is '%s'; there are %s, %s%s%s", what, given, words[0], words[1],
                   words[2] ? ", " : "", words[2] ? words[2] : "");
}

/* How a query is answered. */
static int ways(const mn_find *f, mn_seek *out) {
    static const char *const values[] = {"round", "session", "fact"},
                             *const keys[] = {"merged", "plain", NULL},
                             *const times[] = {"prune", "near", "none"};
    int value, key, time;
    MN_TRY(choice("value", f->value, values, &value));
    MN_TRY(choice("key", f->key, keys, &key));
    MN_TRY(choice("times", f->times, times, &time));
    out->value = (mn_value)value;
    out->key = (mn_key)key;
    out->times = (mn_times)time;
    return 0;
}

static mn_rows rows_of(const mn_find *f) {
    const char *const text[] = {f->session, f->source, f->ref, f->kind};
    const char *field[4];
    for (int i = 0; i < 4; i++) field[i] = text[i] && *text[i] ? text[i] : NULL;
    return (mn_rows){.id = f->id,
                     .after = f->after,
                     .session = field[0],
                     .source = field[1],
                     .ref = field[2],
                     .kind = field[3],
                     .versions = f->versions ? MN_BEFORE : 0,
                     .newest = f->newest};
}

/* ---- the calls ----------------------------------------------------------------------------- */
int mn_mem_add(mn_mem *m, const mn_scope *scope, const mn_record *records, size_t n, int64_t *ids) {
    mn_who who;
    MN_TRY(mn_mem_who(scope, &who));
    mn_row *const rows = mn_calloc(n ? n : 1, sizeof *rows);
    if (!rows) return MN_FAIL(MN_ENOMEM, "no memory for %zu records", n);
    for (size_t i = 0; i < n; i++) rows[i] = row_of(records + i);
    const int rc = mn_notes_add(m->notes, &who, rows, n, ids);
    if (rc >= 0 && n) mn_mem_tell(m, scope, "added", rows[n - 1].id);
    mn_free(rows);
    return rc;
}

int mn_mem_update(mn_mem *m, const mn_scope *scope, int64_t id, const mn_record *now) {
    mn_who who;
    MN_TRY(mn_mem_who(scope, &who));
    const mn_row row = row_of(now);
    MN_TRY(mn_notes_update(m->notes, &who, id, &row));
    mn_mem_tell(m, scope, "updated", id);
    return 0;
}

/* What models computed of it; the thread comes back to what is still in use. */
static int unread(mn_mem *m, mn_mem_gone *texts, int64_t gone) {
    char why[512];
    int stayed = 0;
    const int rc = mn_mem_unread(m->region, texts, &stayed);
    snprintf(why, sizeof why, "%s", mn_error_detail());
    if (rc >= 0 && stayed && m->running) mn_mem_unread_later(m, texts);
    return rc >= 0 ? 0
                   : MN_FAIL(rc,
                             "%lld records are forgotten, but what models computed of them is not; "
                             "`omnesia region forget --all` removes it: %s",
                             (long long)gone, why);
}

int64_t mn_mem_forget(mn_mem *m, const mn_scope *scope, const mn_find *what, int all) {
    mn_who who;
    MN_TRY(mn_mem_who(scope, &who));
    const mn_rows rows = rows_of(what);
    if (what->query || what->as_of || what->after || what->apart)
        return MN_FAIL(MN_EINVAL, "what is forgotten is named by id, session, source, ref or kind");
    if (!all && !rows.id && !rows.session && !rows.source && !rows.ref && !rows.kind)
        return MN_FAIL(MN_EINVAL,
                       "nothing says what to forget: an id, session, source, ref or kind, or all");
    mn_mem_gone texts = {.texts = {.what = "what is forgotten"}};
    const int64_t gone =
        mn_notes_forget(m->notes, &who, &rows, m->region ? mn_mem_gone_row : NULL, &texts);
    const int rc = gone > 0 ? unread(m, &texts, gone) : 0;
    mn_mem_gone_free(&texts);
    if (gone > 0) mn_mem_tell(m, scope, "forgotten", rows.id);
    return rc < 0 ? rc : gone;
}

/* The vector of the question, in *out, when there is a model for it; NULL: words do. */
int mn_mem_sense(mn_mem *m, const mn_who *who, const char *query, float **out) {
    mn_buf text = {0};
    *out = NULL;
    if (!mn_mem_model(m, m->options.pull)) return 0;
    int64_t rc = m->running ? 0 : mn_mem_catch_up(m, CATCH_UP_US, NULL);
    if (rc >= 0) rc = mn_notes_question(m->notes, who, query, &text);
    float *const v = rc < 0 ? NULL : mn_malloc((size_t)m->dim * sizeof *v);
    if (rc >= 0 && !v) rc = MN_FAIL(MN_ENOMEM, "no memory for the vector of a question");
    if (rc >= 0 && mn_mem_vector(m, text.data, text.len, v)) *out = v;
    if (!*out) mn_free(v);
    mn_buf_free(&text);
    return rc < 0 ? (int)rc : 0;
}

/* Edges are asked for by whose they are: by a name, which has no bar as their own have. */
static int is_graph(const mn_find *f) {
    if (!f->kind || strcmp(f->kind, "edge") != 0 || !f->ref || !*f->ref) return 0;
    return !f->query || !strstr(f->ref, " | ");
}

static int find_edges(mn_mem *m, const mn_who *who, const mn_find *f, const mn_seek *seek,
                      shown *to) {
    mn_graph_find what = {.entity = f->ref,
                          .as_of = seek->as_of,
                          .most = f->k,
                          .query = f->query,
                          .vector = seek->vector,
                          .dim = seek->dim};
    MN_TRY(mn_graph_rank_of(f->rank, &what.rank));
    return f->query ? mn_graph_search(m->notes, who, &what, show, to)
                    : mn_graph_edges(m->notes, who, &what, show, to);
}

int mn_mem_find(mn_mem *m, const mn_scope *scope, const mn_find *what,
                int (*each)(void *user, const mn_record *record), void *user) {
    mn_who who;
    shown to = {each, user};
    float *sense = NULL;
    MN_TRY(mn_mem_who(scope, &who));
    mn_seek seek = {.query = what->query,
                    .k = what->k       ? what->k
                         : what->query ? STANDARD_K
                                       : 0,
                    .budget = what->budget,
                    .apart = what->apart && *what->apart ? what->apart : NULL,
                    .rows = rows_of(what)};
    MN_TRY(moment(what->as_of, &seek.as_of));
    MN_TRY(ways(what, &seek));
    if (what->k < 0 || what->budget < 0)
        return MN_FAIL(MN_EINVAL, "k is %d and budget %d; neither may be below 0", what->k,
                       what->budget);
    if (what->newest && (what->query || what->versions || seek.as_of != MN_NEVER))
        return MN_FAIL(MN_EINVAL, "newest first are records as they are now: it goes with no "
                                  "query, no as_of and no versions");
    if (what->rank && *what->rank && (!what->query || !is_graph(what)))
        return MN_FAIL(MN_EINVAL, "rank is of a query for edges: it goes with kind \"edge\" and a "
                                  "name as ref");
    if (what->query) MN_TRY(mn_mem_sense(m, &who, what->query, &sense));
    seek.vector = sense;
    seek.dim = m->dim;
    const int rc = is_graph(what) ? find_edges(m, &who, what, &seek, &to)
                                  : mn_notes_find(m->notes, &who, &seek, show, &to);
    mn_free(sense);
    return rc;
}

static int64_t make_vectors(mn_mem *m, int again, const mn_progress *progress) {
    if (!mn_mem_model(m, 1))
        return strcmp(m->model_name, "none") == 0
                   ? MN_FAIL(MN_EINVAL, "the model for vectors is \"none\"")
                   : MN_ENOENT;
    if (again) MN_TRY(mn_notes_again(m->notes));
    return mn_mem_catch_up(m, -1, progress);
}

/* Organisers compare records by their vectors, and what they make gets vectors, too. What has one
 * keeps it when everything is organised; where no model can be had, that is done by words. */
int64_t mn_mem_embed(mn_mem *m, int again, const mn_progress *progress) {
    const int words = m->organiser && strcmp(m->model_name, "none") == 0;
    const int everything = m->organiser && again;
    if (everything) MN_TRY(mn_notes_organise_all(m->notes, m->organiser));
    const int64_t first = words ? 0 : make_vectors(m, again && !everything, progress);
    if (!m->organiser || (first < 0 && first != MN_ENOENT)) return first;
    const int64_t seen = mn_mem_organise(m, -1, progress);
    if (seen < 0 || words || (everything && first < 0)) return seen;
    const int64_t second = make_vectors(m, 0, progress);
    if (second < 0) return second;
    return everything ? seen : first + second;
}
