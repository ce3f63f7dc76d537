/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/judge.c - telling histories to a store, and asking (judge.h).
 *
 * Turns are added sitting by sitting, as somebody would who imports them, then get their vectors;
 * both is timed; an organiser comes in between. Of MN_JUDGE_LONG turns that a search gives, the
 * best are judged. A question that names a time is asked twice more: without regard to it, and with
 * turns of other times left out. With an organiser all are asked once more, by what was said alone.
 *
 * What was true is told as another user: records with from and until. It is asked for by name, and
 * must be exactly what was true on that day; and by words, where the first counts.
 */
#include "bench/judge.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/walk.h"
#include "base/when.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const int mn_judge_k[MN_JUDGE_KS] = {5, 10};

/* ---- marks ---------------------------------------------------------------------------------- */
/* The sittings of turns, each once: how many. */
static int sittings_of(const mn_history *h, const int *turns, int n, int *out) {
    int count = 0;
    for (int i = 0; i < n; i++) {
        const int s = mn_turns(h)[turns[i]].sitting;
        int seen = 0;
        for (int k = 0; k < count && !seen; k++) seen = out[k] == s;
        if (!seen) out[count++] = s;
    }
    return count;
}

static int holds(const int *list, int n, int what) {
    for (int i = 0; i < n; i++)
        if (list[i] == what) return 1;
    return 0;
}

void mn_marks_add(mn_marks *m, const mn_history *h, const mn_asked *q, const int *turns, int n) {
    int s[MN_JUDGE_LONG];
    const int count = sittings_of(h, turns, n < MN_JUDGE_LONG ? n : MN_JUDGE_LONG, s);
    m->n++;
    m->n_turns += q->n > 0;
    for (int j = 0; j < MN_JUDGE_KS; j++) {
        const int k = mn_judge_k[j], of = count < k ? count : k;
        double gain = 0, best = 0;
        int hits = 0, hit_turns = 0;
        for (int i = 0; i < of; i++)
            if (holds(q->sitting, q->n_sittings, s[i])) {
                hits++;
                gain += 1 / log2(i + 2);
            }
        for (int i = 0; i < q->n_sittings && i < k; i++) best += 1 / log2(i + 2);
        for (int i = 0; i < q->n; i++) hit_turns += holds(turns, n < k ? n : k, q->gold[i]);
        m->any[j] += hits > 0;
        m->all[j] += hits == q->n_sittings;
        m->ndcg[j] += best > 0 ? gain / best : 0;
        if (q->n) m->turn[j] += (double)hit_turns / q->n;
    }
}

double mn_marks_mean(const mn_marks *m, const double *sum) {
    const int n = sum >= m->turn && sum < m->turn + MN_JUDGE_KS ? m->n_turns : m->n;
    return n ? *sum / n : 0;
}

static mn_marks *marks_of(mn_judge *j, const char *type) {
    for (int i = 0; i < j->n_types; i++)
        if (strcmp(j->type[i].type, type) == 0) return &j->type[i];
    if (j->n_types == MN_JUDGE_TYPES) return &j->type[MN_JUDGE_TYPES - 1];
    mn_marks *m = &j->type[j->n_types++];
    snprintf(m->type, sizeof m->type, "%s", type);
    return m;
}

/* ---- telling -------------------------------------------------------------------------------- */
int mn_judge_open(mn_judge *j, const char *model, const char *organiser) {
    char path[96];
    const mn_mem_options options = {.model = model, .organise = organiser, .pull = 1};
    *j = (mn_judge){.words_alone = strcmp(model, "none") == 0 && !organiser,
                    .organiser = organiser,
                    .all.type = "all",
                    .any_time.type = "names a time, any",
                    .pruned.type = "names a time, pruned",
                    .plain.type = "all, by plain keys"};
    snprintf(j->folder, sizeof j->folder, "/tmp/omnesia-judge-XXXXXX");
    if (!mkdtemp(j->folder)) {
        j->folder[0] = '\0';
        return MN_FAIL(MN_EIO, "no folder can be made in /tmp");
    }
    snprintf(path, sizeof path, "%s/memory.db", j->folder);
    return mn_mem_open(path, &options, &j->mem);
}

void mn_judge_close(mn_judge *j) {
    mn_mem_close(&j->mem);
    if (*j->folder) mn_walk_remove(j->folder);
    mn_buf_free(&j->ms);
    mn_buf_free(&j->ids);
}

static int tell_sitting(mn_judge *j, const mn_scope *scope, const mn_history *h,
                        const mn_sitting *s, mn_buf *records) {
    mn_buf_clear(records);
    for (int i = s->first; i < s->first + s->n; i++) {
        const mn_remark *t = &mn_turns(h)[i];
        const mn_record r = {.text = *t->text ? t->text : " ", /* only a picture, without words */
                             .n = *t->text ? strlen(t->text) : 1,
                             .time = s->time,
                             .session = s->id,
                             .speaker = t->speaker,
                             .ref = t->ref};
        MN_TRY(mn_buf_append(records, &r, sizeof r));
    }
    MN_TRY(mn_buf_reserve(&j->ids, (size_t)s->n * sizeof(int64_t)));
    int64_t *const ids = (int64_t *)(void *)(j->ids.data + j->ids.len);
    j->ids.len += (size_t)s->n * sizeof *ids;
    return s->n ? mn_mem_add(j->mem, scope, (const mn_record *)(void *)records->data, (size_t)s->n,
                             ids)
                : 0;
}

static int make_vectors(mn_judge *j) {
    const int64_t made = j->words_alone && !j->organiser ? 0 : mn_mem_embed(j->mem, 0, NULL);
    return made < 0 ? (int)made : 0;
}

int mn_judge_tell(mn_judge *j, const mn_scope *scope, const mn_history *h) {
    mn_buf records = {0};
    int rc = 0;
    mn_buf_clear(&j->ids);
    double before = mn_clock_seconds();
    for (int i = 0; rc >= 0 && i < mn_sittings_n(h); i++)
        rc = tell_sitting(j, scope, h, &mn_sittings(h)[i], &records);
    mn_buf_free(&records);
    MN_TRY(rc);
    j->add_seconds += mn_clock_seconds() - before;
    before = mn_clock_seconds();
    MN_TRY(make_vectors(j));
    j->embed_seconds += mn_clock_seconds() - before;
    j->turns += mn_turns_n(h);
    return 0;
}

/* ---- asking --------------------------------------------------------------------------------- */
static int by_id(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int note(void *user, const mn_record *r) {
    mn_judge_found *f = user;
    const int64_t *ids = (const int64_t *)(const void *)f->j->ids.data;
    const int64_t *at = bsearch(&r->id, ids, f->j->ids.len / sizeof *ids, sizeof *ids, by_id);
    if (at && f->n < MN_JUDGE_LONG) f->turn[f->n++] = (int)(at - ids);
    return 0;
}

static int rank_of(const mn_judge_found *f, int turn) {
    for (int i = 0; i < f->n; i++)
        if (f->turn[i] == turn) return i;
    return MN_JUDGE_LONG;
}

/* The same question in another way. */
static int ask_again(mn_judge *j, const mn_scope *scope, const mn_history *h, const mn_asked *q,
                     mn_find how, mn_marks *m) {
    mn_judge_found f = {.j = j};
    how.query = q->text;
    how.k = MN_JUDGE_LONG;
    MN_TRY(mn_mem_find(j->mem, scope, &how, note, &f));
    mn_marks_add(m, h, q, f.turn, f.n);
    return 0;
}

int mn_judge_search(mn_judge *j, const mn_scope *scope, const mn_find *what, mn_judge_found *out) {
    *out = (mn_judge_found){.j = j};
    const double before = mn_clock_seconds();
    MN_TRY(mn_mem_find(j->mem, scope, what, note, out));
    const double ms = (mn_clock_seconds() - before) * 1e3;
    return mn_buf_append(&j->ms, &ms, sizeof ms);
}

static int ask(mn_judge *j, const mn_scope *scope, const mn_history *h, const mn_asked *q) {
    mn_judge_found f;
    const mn_find what = {.query = q->text, .k = MN_JUDGE_LONG};
    MN_TRY(mn_judge_search(j, scope, &what, &f));
    const int unknown = mn_mem_unknown(j->mem, scope, q->text, NULL);
    MN_TRY(unknown);
    j->unknown += unknown;
    j->unknown_right += unknown && q->absent;
    j->absent += q->absent;
    if (q->absent) return 0;
    mn_marks_add(&j->all, h, q, f.turn, f.n);
    mn_marks_add(marks_of(j, q->type), h, q, f.turn, f.n);
    if (q->stale >= 0) {
        j->updates++;
        j->newest += rank_of(&f, q->gold[q->n - 1]) < rank_of(&f, q->stale);
    }
    if (q->from || q->until) {
        MN_TRY(ask_again(j, scope, h, q, (mn_find){.times = "none"}, &j->any_time));
        MN_TRY(ask_again(j, scope, h, q, (mn_find){.times = "prune"}, &j->pruned));
    }
    return j->organiser ? ask_again(j, scope, h, q, (mn_find){.key = "plain"}, &j->plain) : 0;
}

/* ---- what was true when --------------------------------------------------------------------- */
static int tell_truths(mn_judge *j, const mn_scope *scope, const mn_history *h) {
    for (int i = 0; i < mn_truths_n(h); i++) {
        const mn_truth *t = &mn_truths(h)[i];
        char name[256], since[MN_WHEN_TEXT];
        snprintf(name, sizeof name, "%s/%s", t->subject, t->relation);
        const mn_record r = {.text = t->text,
                             .n = strlen(t->text),
                             .time = mn_when_text(t->from, since),
                             .from = t->from,
                             .until = t->until == INT64_MAX ? 0 : t->until,
                             .ref = name,
                             .kind = "fact"};
        MN_TRY(mn_mem_add(j->mem, scope, &r, 1, NULL));
    }
    return make_vectors(j);
}

typedef struct answer {
    int n, right;
    const char *text;
} answer;

static int compare(void *user, const mn_record *r) {
    answer *a = user;
    if (!a->n++) a->right = a->text && strcmp(r->text, a->text) == 0;
    return 0;
}

static int ask_past(mn_judge *j, const mn_scope *scope, const mn_history *h, const mn_past *p) {
    char name[256], query[256];
    answer a = {.text = p->truth < 0 ? NULL : mn_truths(h)[p->truth].text}, b = a;
    snprintf(name, sizeof name, "%s/%s", p->subject, p->relation);
    snprintf(query, sizeof query, "%s %s", p->subject, p->relation);
    const mn_find by_name = {.ref = name, .as_of = p->time};
    const mn_find by_words = {.query = query, .as_of = p->time, .k = 1};
    MN_TRY(mn_mem_find(j->mem, scope, &by_name, compare, &a));
    j->past++;
    j->past_right += a.text ? a.n == 1 && a.right : a.n == 0;
    if (!a.text) return 0;
    MN_TRY(mn_mem_find(j->mem, scope, &by_words, compare, &b));
    j->words++;
    j->words_right += b.right;
    return 0;
}

int mn_judge_history(mn_judge *j, const mn_history *h) {
    char facts[128];
    const mn_scope scope = {.user = h->id}, other = {.user = facts};
    snprintf(facts, sizeof facts, "%.100s, what was true", h->id);
    MN_TRY(mn_judge_tell(j, &scope, h));
    for (int i = 0; i < mn_askeds_n(h); i++) MN_TRY(ask(j, &scope, h, &mn_askeds(h)[i]));
    MN_TRY(tell_truths(j, &other, h));
    for (int i = 0; i < mn_pasts_n(h); i++) MN_TRY(ask_past(j, &other, h, &mn_pasts(h)[i]));
    j->histories++;
    j->questions += mn_askeds_n(h);
    return 0;
}
