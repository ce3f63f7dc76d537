/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/serve.c - `omnesia bench serve`: many clients at once, beside llama-server.
 *
 * Every trial starts a server anew, asks it one thing, then sends the row's load; sides take turns.
 * In the first round all ways to start llama-server are tried; the later ones know only those that
 * were best at some figure, and every figure is compared with the one that was best at it. So the
 * peer is shown at its best in each, even where no way of starting it is best in all.
 */
#include "bench/serve.h"

#include "base/alloc.h"
#include "base/error.h"
#include "omnesia.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const mn_serve_row *const rows[] = {
    &mn_serve_agents, &mn_serve_agents_large, &mn_serve_poisson, &mn_serve_batch,
    &mn_serve_health, &mn_serve_schema,       &mn_serve_idle,    &mn_serve_term};
enum { ROWS = sizeof rows / sizeof *rows };

static int ends(const char *text, const char *with) {
    const size_t n = strlen(text), k = strlen(with);
    return k <= n && strcmp(text + n - k, with) == 0;
}

int mn_serve_has(const mn_serve *b, const mn_serve_row *row, const mn_server_kind *kind) {
    const char *const way = b->o->way;
    if (!kind->peer) return b->only != 2;
    return !row->ours_only && b->only != 1 && *b->plan.peer && (!way || ends(kind->name, way));
}

/* ---- a trial ------------------------------------------------------------------------------ */
int mn_serve_start(mn_serve *b, const mn_server_kind *kind, mn_server *s) {
    mn_buf body = {0};
    mn_load *l = NULL;
    int rc = mn_server_start(&b->plan, kind, s);
    if (rc >= 0)
        rc = mn_serve_body(&(mn_serve_ask){.prompt = "One, two, three,", .tokens = 8, .stream = 1},
                           &body);
    if (rc >= 0) rc = mn_load_open(s->port, &l);
    if (rc >= 0) rc = mn_load_ask(l, 0, mn_serve_completions, body.data, 0);
    if (rc >= 0) rc = mn_load_run(l, 120, NULL, NULL);
    if (rc >= 0) rc = mn_serve_whole(l, 8);
    mn_load_close(&l);
    mn_buf_free(&body);
    if (rc < 0) mn_server_kill(s);
    return rc;
}

/* Raw figures, for people to standard error. */
static void show(const mn_serve_row *row, const mn_server *s, int round, const double *figure,
                 double others) {
    if (!round) fprintf(stderr, "  %s\n", s->line);
    fprintf(stderr, "  %s, round %d, %s:", row->name, round, s->kind->name);
    for (int i = 0; i < mn_serve_figures(row); i++)
        fprintf(stderr, " %s %.5g %s", row->figure[i].name, figure[i], row->figure[i].unit);
    if (others >= 0) fprintf(stderr, " (others: %.0f %% of the machine)", others * 100);
    fputc('\n', stderr);
}

/* The same for programs: a line of JSON, with what became of each request. */
static int tell(mn_serve *b, const mn_serve_row *row, const mn_server *s, int round,
                const double *figure, double others) {
    mn_buf all = {0};
    int rc = mn_buf_printf(&all, "[%s]", b->raw.len ? b->raw.data : "");
    json_t *o = rc < 0 ? NULL
                       : json_pack("{s:s, s:s, s:s, s:i, s:o}", "trial", row->name, "server",
                                   s->line, "model", b->model, "round", round, "requests",
                                   json_loads(all.data, 0, NULL));
    if (others >= 0) json_object_set_new(o, "others", json_real(others));
    for (int i = 0; i < mn_serve_figures(row); i++)
        json_object_set_new(o, row->figure[i].name, json_real(figure[i]));
    char *const text = o ? json_dumps(o, JSON_REAL_PRECISION(6)) : NULL;
    json_decref(o);
    mn_buf_clear(&all);
    rc = text ? mn_buf_printf(&all, "%s\n", text) : MN_FAIL(MN_ENOMEM, "no memory for a line");
    if (rc >= 0) rc = mn_cli_write(all.data, all.len);
    mn_buf_free(&all);
    free(text);
    return rc;
}

static int trial(mn_serve *b, const mn_serve_row *row, int kind, int round, mn_serve_table *t) {
    mn_server s = {0};
    double figure[MN_SERVE_FIGURES] = {0};
    int rc = mn_serve_start(b, mn_server_kinds + kind, &s);
    const mn_server_clock since = mn_server_clock_read(&s);
    if (rc >= 0) rc = row->trial(b, &s, round, figure);
    const double others = mn_server_others(&s, &since);
    mn_server_kill(&s);
    if (rc >= 0 && b->o->json) rc = tell(b, row, &s, round, figure, others);
    if (rc >= 0 && !b->o->json) show(row, &s, round, figure, others);
    mn_buf_clear(&b->raw);
    for (int i = 0; rc >= 0 && i < MN_SERVE_FIGURES; i++) t->at[kind][i][t->n[kind]] = figure[i];
    if (rc >= 0) t->n[kind]++;
    return rc;
}

/* ---- rounds ------------------------------------------------------------------------------- */
/* After the first round: who was best at nothing that has a bar takes no part any more. */
static void choose(const mn_serve_row *row, mn_serve_table *t) {
    int needed[MN_SERVER_KINDS] = {0};
    for (int i = 0; i < mn_serve_figures(row); i++)
        if ((row->figure[i].bar > 0 || !i) && mn_serve_best(row, t, i) >= 0)
            needed[mn_serve_best(row, t, i)] = 1;
    for (int k = 0; k < MN_SERVER_KINDS; k++)
        if (mn_server_kinds[k].peer && !needed[k]) t->out[k] = 1;
}

static int rounds(mn_serve *b, const mn_serve_row *row, mn_serve_table *t) {
    for (int round = 0; round < b->o->rounds; round++) {
        for (int i = 0; i < MN_SERVER_KINDS; i++) {
            const int k = round % 2 ? i : MN_SERVER_KINDS - 1 - i;
            const mn_server_kind *kind = mn_server_kinds + k;
            if (t->out[k] || !mn_serve_has(b, row, kind)) continue;
            const int rc = trial(b, row, k, round, t);
            if (rc < 0 && !kind->peer) return rc;
            if (rc < 0) { /* one way to start the peer that cannot do this */
                fprintf(stderr, "  %s, %s: %s\n", row->name, kind->name, mn_error_detail());
                t->out[k] = 1;
            }
        }
        if (!round) choose(row, t);
    }
    return 0;
}

/* ---- the bench ---------------------------------------------------------------------------- */
static int one_row(mn_serve *b, const mn_serve_row *row) {
    char *path = NULL;
    mn_serve_table *t = mn_calloc(1, sizeof *t);
    b->model = row->model ? row->model : b->o->model;
    int rc = t ? mn_store_pull(b->model, NULL, NULL, NULL, &path)
               : MN_FAIL(MN_ENOMEM, "no memory for the table");
    b->plan.model = path;
    if (rc >= 0) rc = mn_vocab_open(b->model, NULL, &b->vocab);
    if (rc >= 0 && row->prepare) rc = row->prepare(b);
    if (rc >= 0) rc = rounds(b, row, t);
    if (rc >= 0) rc = mn_serve_report(b, row, t);
    mn_vocab_close(&b->vocab);
    mn_free_text(path);
    mn_free(t);
    return rc;
}

static int check(const mn_bench_options *o) {
    int known = !o->row || !*o->row;
    for (int i = 0; i < ROWS; i++) known |= mn_bench_wants(o, rows[i]->name);
    if (!known)
        return MN_FAIL(MN_CLI_USAGE,
                       "there is no row '%s'; there are agents, agents-0.5b, poisson, batch, "
                       "health, schema, idle and term",
                       o->row);
    if (!o->rounds) return MN_FAIL(MN_CLI_USAGE, "--rounds 0: nothing would be measured");
    return 0;
}

static int serve(const mn_bench_options *o) {
    mn_serve b = {.o = o, .only = o->side};
    MN_TRY(check(o));
    MN_TRY(mn_stage_begin(&b.stage));
    b.plan.stage = &b.stage;
    b.plan.threads = o->threads ? o->threads : (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (!mn_server_find_peer(o->peer, b.plan.peer) && b.only != 1)
        fprintf(stderr, "llama-server is not here (tools/peers/llama-cpp.sh builds it): nothing is "
                        "compared with it\n");
    int rc = 0;
    for (int i = 0; rc >= 0 && i < ROWS; i++)
        if (mn_bench_wants(o, rows[i]->name)) rc = one_row(&b, rows[i]);
    mn_buf_free(&b.raw);
    mn_stage_end(&b.stage);
    return rc;
}

const mn_bench mn_bench_serve = {
    .name = "serve", .run = serve, .about = "many clients at once, beside llama-server"};
