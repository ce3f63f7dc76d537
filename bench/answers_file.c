/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/answers_file.c - the lines of answers.h: read, written, counted.
 *
 * The file is written anew with each line, and takes the place of the former one whole: whoever
 * stops a run at any moment finds all lines before it.
 */
#include "bench/answers.h"

#include "base/error.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 64 << 20 };

/* ---- the file ------------------------------------------------------------------------------- */
static int take_line(mn_answers *a, const char *text, size_t n, int number) {
    json_t *const line = json_loadb(text, n, 0, NULL);
    if (json_is_object(line) && json_is_string(json_object_get(line, "id")) &&
        json_is_string(json_object_get(line, "model")))
        return json_array_append_new(a->lines, line) < 0 ? MN_ENOMEM : 0;
    json_decref(line);
    return MN_FAIL(MN_ECORRUPT,
                   "%s, line %d is no answer of this bench: give another file, or none that exists",
                   a->o->answers, number);
}

int mn_answers_read(mn_answers *a) {
    mn_buf all = {.what = "answers"};
    int rc = 0, number = 0;
    if (access(a->o->answers, F_OK) == 0) rc = mn_file_read(a->o->answers, MOST, &all);
    for (const char *at = all.data, *end = at + all.len; rc >= 0 && at && at < end;) {
        const char *const line = memchr(at, '\n', (size_t)(end - at));
        const size_t n = line ? (size_t)(line - at) : (size_t)(end - at);
        if (n) rc = take_line(a, at, n, ++number);
        at += n + 1;
    }
    mn_buf_free(&all);
    return rc;
}

static const char *text_of(const json_t *line, const char *name) {
    const char *const text = json_string_value(json_object_get(line, name));
    return text ? text : "";
}
static int is(const json_t *line, const char *name) {
    return json_is_true(json_object_get(line, name));
}
static double number_of(const json_t *line, const char *name) {
    return json_number_value(json_object_get(line, name));
}
static int of_model(const mn_answers *a, const json_t *line) {
    return strcmp(text_of(line, "model"), a->o->model) == 0;
}

int mn_answers_has(const mn_answers *a, const char *id) {
    for (size_t i = 0; i < json_array_size(a->lines); i++) {
        const json_t *const line = json_array_get(a->lines, i);
        if (of_model(a, line) && strcmp(text_of(line, "id"), id) == 0) return 1;
    }
    return 0;
}

static int put_bytes(const char *bytes, size_t n, void *out) {
    return mn_buf_append(out, bytes, n);
}

int mn_answers_add(mn_answers *a, json_t *line) {
    mn_buf all = {.what = "answers"};
    mn_filew *f = NULL;
    int rc = json_array_append_new(a->lines, line) < 0
                 ? MN_FAIL(MN_ENOMEM, "no memory for an answer")
                 : 0;
    for (size_t i = 0; rc >= 0 && i < json_array_size(a->lines); i++) {
        if (json_dump_callback(json_array_get(a->lines, i), put_bytes, &all, JSON_COMPACT) < 0)
            rc = MN_FAIL(MN_ENOMEM, "no memory for answers");
        if (rc >= 0) rc = mn_buf_puts(&all, "\n");
    }
    if (rc >= 0) rc = mn_file_begin(a->o->answers, &f);
    if (rc >= 0) rc = mn_file_write(f, all.data, all.len);
    if (rc >= 0) rc = mn_file_commit(&f);
    mn_file_abort(&f);
    mn_buf_free(&all);
    return rc;
}

/* ---- figures -------------------------------------------------------------------------------- */
typedef struct sums {
    int n, absent;
    int said[3], right[3]; /* abstained, and rightly: `ask`, the model alone, the rule alone */
    int answered, shown, exact, exact_shown;
    double f1;
    int updates, cites, cites_old, value, value_old; /* of what changed, where it was answered */
    double read, written, seconds, search;
} sums;
static const char *const who[] = {"ask", "model alone", "rule alone"};

static void count(sums *s, const json_t *line) {
    const int absent = is(line, "absent"), declined = is(line, "declined");
    const int said[] = {declined || is(line, "unknown"), declined, is(line, "unknown")};
    s->n++;
    s->absent += absent;
    for (int i = 0; i < 3; i++) {
        s->said[i] += said[i];
        s->right[i] += said[i] && absent;
    }
    s->read += number_of(line, "read");
    s->written += number_of(line, "written");
    s->seconds += number_of(line, "seconds");
    s->search += number_of(line, "search_seconds");
    if (absent) return;
    const int exact = is(line, "exact") && !said[0];
    s->answered++;
    s->shown += is(line, "shown");
    s->exact += exact;
    s->exact_shown += exact && is(line, "shown");
    s->f1 += said[0] ? 0 : number_of(line, "f1");
    if (!*text_of(line, "cites") || said[0]) return;
    s->updates++;
    s->cites += strcmp(text_of(line, "cites"), "newest") == 0;
    s->cites_old += strcmp(text_of(line, "cites"), "old") == 0;
    s->value += strcmp(text_of(line, "value"), "newest") == 0;
    s->value_old += strcmp(text_of(line, "value"), "old") == 0;
}

static double share(double x, double n) {
    return n > 0 ? x / n : 0;
}

static int put(const mn_answers *a, const char *what, double value, double bar) {
    return mn_bench_point_print(&(mn_bench_point){.bench = "longmemeval",
                                                  .row = "answers",
                                                  .what = what,
                                                  .unit = "",
                                                  .value = value,
                                                  .bar = bar,
                                                  .at_least = 1},
                                a->o->json);
}

static int put_abstentions(const mn_answers *a, const sums *s) {
    for (int i = 0; i < 3 && s->absent; i++) {
        const double p = share(s->right[i], s->said[i]), r = share(s->right[i], s->absent);
        char what[3][64];
        snprintf(what[0], sizeof what[0], "abstention, %s: precision", who[i]);
        snprintf(what[1], sizeof what[1], "abstention, %s: recall", who[i]);
        snprintf(what[2], sizeof what[2], "abstention, %s: F1", who[i]);
        MN_TRY(put(a, what[0], p, 0));
        MN_TRY(put(a, what[1], r, 0));
        MN_TRY(put(a, what[2], share(2 * p * r, p + r), i ? 0 : .8));
    }
    return 0;
}

int mn_answers_report(const mn_answers *a) {
    sums s = {0};
    for (size_t i = 0; i < json_array_size(a->lines); i++) {
        const json_t *const line = json_array_get(a->lines, i);
        if (of_model(a, line)) count(&s, line);
    }
    fprintf(stderr,
            "%s: %d questions, %d of them not answered there; of the others %d were shown what "
            "answers them; %d answers about what changed\n",
            a->o->model, s.n, s.absent, s.shown, s.updates);
    MN_TRY(put_abstentions(a, &s));
    MN_TRY(put(a, "exact", share(s.exact, s.answered), 0));
    MN_TRY(put(a, "exact, where it was shown", share(s.exact_shown, s.shown), 0));
    MN_TRY(put(a, "F1 of words", share(s.f1, s.answered), 0));
    if (s.updates) {
        MN_TRY(put(a, "what changed: cites the newest", share(s.cites, s.updates), .95));
        MN_TRY(put(a, "what changed: cites what it was", share(s.cites_old, s.updates), 0));
        MN_TRY(put(a, "what changed: says the newest", share(s.value, s.updates), .95));
        MN_TRY(put(a, "what changed: says what it was", share(s.value_old, s.updates), 0));
    }
    MN_TRY(put(a, "tokens read", share(s.read, s.n), 0));
    MN_TRY(put(a, "tokens written", share(s.written, s.n), 0));
    MN_TRY(put(a, "seconds of the search", share(s.search, s.n), 0));
    return put(a, "seconds of the answer", share(s.seconds, s.n), 0);
}
