/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_postgres_words.c - a store in PostgreSQL: the word index, and vectors.
 *
 * The index is a table of (word, id) that its primary key holds in order, so that the newest rows
 * of a word are read from the end of its list, and no more of them than are asked for; a tsvector
 * with a GIN index would collect all of them first. Words come with their owner in front
 * (agent/words.h), so a list is one owner's.
 *
 * A vector is kept as its bytes, which come back as they were. Where the server has pgvector, it
 * derives a column from them: their codes as a halfvec, which holds them exactly. Who runs the
 * database may make an HNSW index on that (docs/MEMORY.md); then the server finds the nearest of an
 * owner with FAR vectors or more, and a process reads only those that it compares. Without it every
 * process reads all vectors of an owner once, and scans them faster than the server could.
 */
#include "agent/store_postgres.h"

#include <stdio.h>
#include <string.h>

enum { PAGE = 1024, FAR = 20000 };

/* ---- the word index ----------------------------------------------------------------------- */
/* The words of a line as a list. */
static int words_of(postgres_store *s, mn_pq_args *a, const char *line, size_t n) {
    mn_buf *const text = &s->list[1], *const length = &s->list[2];
    size_t words = 0;
    mn_buf_clear(text);
    mn_buf_clear(length);
    for (const char *at = line, *const end = line + n; at < end;) {
        const char *const space = memchr(at, ' ', (size_t)(end - at));
        const size_t bytes = (size_t)((space ? space : end) - at);
        if (bytes) {
            MN_TRY(mn_buf_append(text, &at, sizeof at));
            MN_TRY(mn_buf_append(length, &bytes, sizeof bytes));
            words++;
        }
        at += bytes + 1;
    }
    return mn_pq_texts(a, (const char *const *)(void *)text->data,
                       (const size_t *)(void *)length->data, words, &s->list[0]);
}

int mn_pg_index(mn_store *base, int64_t owner, int64_t id, const char *line, size_t n,
                int64_t words, int out) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    mn_pq_number(&a, id);
    MN_TRY(words_of(s, &a, line, n));
    MN_TRY(mn_pg_run(s, out ? PG_UNINDEX : PG_INDEX, &a, "write to", NULL));
    return mn_pg_count(s, owner, NULL, out ? -1 : 1, out ? -words : words);
}

/* "12:cat" AND "12:_a9f" NOT "12:_v0": the first is looked up, the others of each row it has. */
static int match_sql(const char *words, mn_buf *sql, mn_pq_args *a) {
    for (const char *at = words; (at = strchr(at, '"'));) {
        const char *const word = ++at, *const end = strchr(at, '"');
        if (!end || a->n == MN_PQ_ARGS - 1) break;
        const int negated = word - words >= 5 && memcmp(word - 5, "NOT ", 4) == 0;
        at = end + 1;
        mn_pq_bytes(a, word, (size_t)(end - word));
        if (a->n == 1)
            MN_TRY(mn_buf_puts(sql, "SELECT w.id FROM word w WHERE w.word = $1"));
        else
            MN_TRY(mn_buf_printf(sql,
                                 " AND %sEXISTS (SELECT 1 FROM word x WHERE x.word = $%d AND "
                                 "x.id = w.id)",
                                 negated ? "NOT " : "", a->n));
    }
    if (!a->n) return MN_FAIL(MN_EINVAL, "no words to look for: %s", words);
    return 0;
}

int mn_pg_match(mn_store *base, const char *words, int64_t *ids, int64_t most) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    pg_result *r = NULL;
    mn_buf sql = {0};
    int rc = match_sql(words, &sql, &a);
    if (rc >= 0) rc = mn_buf_printf(&sql, " ORDER BY w.id DESC LIMIT %lld", (long long)most);
    if (rc >= 0) rc = mn_pg_ask(s, sql.data, &a, &r);
    mn_buf_free(&sql);
    if (rc < 0) return rc;
    const int n = s->pq->ntuples(r);
    for (int i = 0; i < n; i++) ids[i] = number_at(s, r, i, 0);
    s->pq->clear(r);
    return n;
}

/* ---- vectors ------------------------------------------------------------------------------ */
int mn_pg_waiting(mn_store *base, int64_t most,
                  int (*each)(void *user, int64_t id, int64_t owner, const char *text, size_t n),
                  void *user) {
    mn_pq_args a = {.n = 0};
    pg_walk w;
    mn_pq_number(&a, most);
    MN_TRY(mn_pg_walk((postgres_store *)base, PG_WAITING, &a, &w));
    while (mn_pg_next(&w))
        w.stop = each(user, number_of(&w, 0), number_of(&w, 1), text_of(&w, 2), bytes_of(&w, 2));
    return mn_pg_end_walk(&w);
}

int mn_pg_waits(mn_store *base, int64_t *n) {
    const int rc = mn_pg_one((postgres_store *)base, PG_WAITS, &(mn_pq_args){.n = 0}, n, NULL);
    return rc < 0 ? rc : 0;
}

int mn_pg_vector(mn_store *base, int64_t id, const void *v, size_t n) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    if (!n) {
        MN_TRY(mn_pg_run_numbers(s, PG_WAIT_OUT, 1, &id));
        const int gone = mn_pg_run_numbers(s, PG_VECTOR_OUT, 1, &id);
        return gone < 0 ? gone : 0;
    }
    mn_pq_number(&a, id);
    mn_pq_bytes(&a, v, n);
    return mn_pg_run(s, PG_VECTOR, &a, "write to", NULL);
}

int mn_pg_move(mn_store *base, int64_t id, int64_t to) {
    const int n = mn_pg_run_numbers((postgres_store *)base, PG_MOVE, 2, (int64_t[]){id, to});
    return n < 0 ? n : 0;
}

int mn_pg_wait(mn_store *base, int64_t id) {
    const int n = mn_pg_run_numbers((postgres_store *)base, PG_WAIT, 1, &id);
    return n < 0 ? n : 0;
}

/* The number of vectors that were given; 0: there are no more, or `each` stopped. */
static int one_page(postgres_store *s, int64_t owner, int64_t *after,
                    int (*each)(void *user, int64_t id, const void *v, size_t n), void *user,
                    int *stop) {
    mn_pq_args a = {.n = 0};
    pg_result *r = NULL;
    int n = 0;
    mn_pq_number(&a, owner);
    mn_pq_number(&a, *after);
    mn_pq_number(&a, PAGE);
    MN_TRY(mn_pg_run(s, PG_VECTORS, &a, "read", &r));
    for (; n < s->pq->ntuples(r) && !*stop; n++) {
        *stop = each(user, number_at(s, r, n, 1), text_at(s, r, n, 2), bytes_at(s, r, n, 2));
        if (!*stop) *after = number_at(s, r, n, 0);
    }
    s->pq->clear(r);
    return n;
}

int mn_pg_vectors(mn_store *base, int64_t owner, int64_t *after,
                  int (*each)(void *user, int64_t id, const void *v, size_t n), void *user) {
    int all = 0, n = PAGE, stop = 0;
    while (n == PAGE && !stop) {
        n = one_page((postgres_store *)base, owner, after, each, user, &stop);
        MN_TRY(n);
        all += n;
    }
    return stop ? stop : all;
}

int mn_pg_again(mn_store *base) {
    return mn_pg_do((postgres_store *)base,
                    "DELETE FROM vector; INSERT INTO waiting(id) SELECT id FROM record ON CONFLICT "
                    "DO NOTHING",
                    "write to");
}

/* ---- the nearest, by pgvector --------------------------------------------------------------- */
int mn_pg_finds(mn_store *base, int64_t owner) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    int64_t there = 0;
    if (!s->senses) return 0;
    mn_pq_number(&a, owner);
    mn_pq_number(&a, FAR - 1);
    const int rc = mn_pg_one(s, PG_FAR, &a, &there, NULL);
    return rc < 0 ? rc : there > 0;
}

/* Vectors in columns 0 and 1 of a result, which is let go of: how many, or what `each` did. */
static int give_vectors(postgres_store *s, pg_result *r,
                        int (*each)(void *user, int64_t id, const void *v, size_t n), void *user) {
    pg_walk w = {.s = s, .r = r};
    while (mn_pg_next(&w)) w.stop = each(user, number_of(&w, 0), text_of(&w, 1), bytes_of(&w, 1));
    return mn_pg_end_walk(&w);
}

static int query_text(const float *query, int dim, mn_buf *out) {
    mn_buf_clear(out);
    for (int d = 0; d < dim; d++)
        MN_TRY(mn_buf_printf(out, "%c%.6g", d ? ',' : '[', (double)query[d]));
    return mn_buf_puts(out, "]");
}

int mn_pg_nearest(mn_store *base, int64_t owner, const float *query, int dim, int k,
                  int (*each)(void *user, int64_t id, const void *v, size_t n), void *user) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    pg_result *r = NULL;
    char sql[240];
    snprintf(sql, sizeof sql,
             "SELECT id, data FROM vector WHERE owner = $1 ORDER BY sense::halfvec(%d) <=> "
             "$2::text::halfvec(%d) LIMIT %d",
             dim, dim, k);
    MN_TRY(query_text(query, dim, &s->list[0]));
    mn_pq_number(&a, owner);
    mn_pq_text(&a, s->list[0].data);
    MN_TRY(mn_pg_ask(s, sql, &a, &r));
    return give_vectors(s, r, each, user);
}

int mn_pg_vectors_of(mn_store *base, int64_t owner, const int64_t *ids, int n,
                     int (*each)(void *user, int64_t id, const void *v, size_t n), void *user) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    pg_result *r = NULL;
    mn_pq_number(&a, owner);
    MN_TRY(mn_pq_numbers(&a, ids, (size_t)n, &s->list[0]));
    MN_TRY(mn_pg_run(s, PG_VECTORS_OF, &a, "read", &r));
    return give_vectors(s, r, each, user);
}
