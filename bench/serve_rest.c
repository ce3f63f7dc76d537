/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/serve_rest.c - what is asked of a server besides speed.
 *
 *   health  GET /health while a prompt of 6,000 tokens is read: one is due every 5 ms, over a
 *           connection of its own, and its time counts from then; connecting is part of it
 *   schema  tokens per second of 8 answers that follow a JSON schema, against 8 that do not
 *   idle    memory of the server's own when 1,000 clients have had a streamed answer and stay; what
 *           the region keeps for the next who ask is bounded, shared, and shown beside it
 *   term    SIGTERM in the middle of 16 answers, until the process is gone
 */
#include "bench/serve.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { LONG = 6000, WRITERS = 8, WRITTEN = 128, CLIENTS = 1000, WARM = 64, TERM_WRITERS = 16 };
static const double every = 0.005, apart = 0.01, mib = 1 << 20;

static int ask(mn_load *l, double due, const mn_serve_ask *what, int tag) {
    mn_buf body = {0};
    int rc = mn_serve_body(what, &body);
    if (rc >= 0)
        rc = mn_load_ask(l, due, what->messages ? mn_serve_chat : mn_serve_completions, body.data,
                         tag);
    mn_buf_free(&body);
    return rc;
}

/* ---- health ------------------------------------------------------------------------------- */
/* Request 0 reads; as long as it does, each probe is followed by the next. */
static int probe(void *user, mn_load *l, int i) {
    (void)user;
    const mn_asked *was = mn_load_get(l, i);
    if (i == 0 || mn_load_get(l, 0)->ended) return 0;
    return mn_load_ask(l, was->due + every, "/health", NULL, 1);
}

static int latencies(const mn_load *l, double *figure) {
    mn_buf ms = {0};
    int rc = 0, n = 0;
    for (int i = 1; rc >= 0 && i < mn_load_count(l); i++, n++) {
        const mn_asked *a = mn_load_get(l, i);
        rc = mn_buf_append(&ms, &(double){(a->end - a->due) * 1e3}, sizeof(double));
    }
    if (rc >= 0 && n < 20) rc = MN_FAIL(MN_ECORRUPT, "only %d times, too few for a p99", n);
    if (rc >= 0) {
        figure[0] = mn_load_share((double *)(void *)ms.data, n, 0.99);
        figure[1] = mn_load_share((double *)(void *)ms.data, n, 0.5);
        figure[2] = (mn_load_get(l, 0)->end - mn_load_get(l, 0)->due) * 1e3;
    }
    mn_buf_free(&ms);
    return rc;
}

static int health(mn_serve *b, mn_server *s, int round, double *figure) {
    mn_buf text = {0};
    mn_load *l = NULL;
    int rc = mn_serve_words(b->vocab, b->o->seed + 3000 + (uint64_t)round, LONG, &text);
    if (rc >= 0) rc = mn_load_open(s->port, &l);
    if (rc >= 0) rc = ask(l, 0, &(mn_serve_ask){.prompt = text.data, .tokens = 1, .stream = 1}, 0);
    if (rc >= 0) rc = mn_load_ask(l, 0.05, "/health", NULL, 1);
    if (rc >= 0) rc = mn_load_run(l, 600, probe, NULL);
    if (rc >= 0) rc = mn_load_check(l);
    if (rc >= 0) rc = latencies(l, figure);
    mn_load_close(&l);
    mn_buf_free(&text);
    return rc;
}

const mn_serve_row mn_serve_health = {
    .name = "health",
    .about = "GET /health while a prompt of 6,000 tokens is read",
    .figure = {{"p99", "p99 of a health check", "ms", MN_SERVE_LIMIT, 5},
               {"p50", "p50 of a health check", "ms", MN_SERVE_LESS, 0},
               {"prefill", "the prompt read, and one token", "ms", MN_SERVE_LESS, 0}},
    .trial = health};

/* ---- schema ------------------------------------------------------------------------------- */
static const char form[] =
    "{\"type\": \"array\", \"minItems\": 64, \"items\": {\"type\": \"object\", \"properties\": "
    "{\"name\": {\"type\": \"string\", \"maxLength\": 24}, \"age\": {\"type\": \"integer\", "
    "\"minimum\": 0, \"maximum\": 120}, \"city\": {\"enum\": [\"Paris\", \"Lima\", \"Oslo\", "
    "\"Quito\"]}, \"member\": {\"type\": \"boolean\"}}, \"required\": [\"name\", \"age\", "
    "\"city\", \"member\"], \"additionalProperties\": false}}";

static int tokens_per_second(mn_server *s, int round, const char *schema, double *out) {
    mn_load *l = NULL;
    double tokens = 0;
    int rc = mn_load_open(s->port, &l);
    for (int i = 0; rc >= 0 && i < WRITERS; i++) {
        char messages[256];
        snprintf(messages, sizeof messages,
                 "[{\"role\": \"user\", \"content\": \"Members of club %d in year %d, as a JSON "
                 "array of objects with name, age, city and member.\"}]",
                 i, 1900 + round);
        rc = ask(
            l, 0,
            &(mn_serve_ask){.messages = messages, .schema = schema, .tokens = WRITTEN, .stream = 1},
            i);
    }
    if (rc >= 0) rc = mn_load_run(l, 600, NULL, NULL);
    if (rc >= 0) rc = mn_serve_whole(l, WRITTEN);
    for (int i = 0; rc >= 0 && i < mn_load_count(l); i++) tokens += mn_load_get(l, i)->tokens;
    if (rc >= 0) *out = tokens / mn_serve_span(l);
    mn_load_close(&l);
    return rc;
}

static int schema(mn_serve *b, mn_server *s, int round, double *figure) {
    (void)b;
    double rate[2], warm;
    MN_TRY(tokens_per_second(s, -1, form, &warm)); /* the first use of a schema compiles it */
    for (int i = 0; i < 2; i++) {
        const int with = (i + round) % 2;
        MN_TRY(tokens_per_second(s, 2 * round + i, with ? form : NULL, rate + with));
    }
    figure[0] = rate[1] / rate[0];
    figure[1] = rate[1];
    figure[2] = rate[0];
    return 0;
}

const mn_serve_row mn_serve_schema = {
    .name = "schema",
    .about = "8 answers of 128 tokens that follow a JSON schema, and 8 that are free",
    .figure = {{"share", "tokens per second, against free ones", "x", MN_SERVE_LEAST, 0.9},
               {"bound", "tokens per second, by the schema", "/s", MN_SERVE_MORE, 0},
               {"free", "tokens per second, free", "/s", MN_SERVE_MORE, 0}},
    .trial = schema};

/* ---- idle --------------------------------------------------------------------------------- */
static int streams(mn_load *l, int n) {
    int rc = 0;
    for (int i = 0; rc >= 0 && i < n; i++)
        rc = ask(l, i * apart, &(mn_serve_ask){.prompt = "Hello", .tokens = 1, .stream = 1}, i);
    if (rc >= 0) rc = mn_load_run(l, 300, NULL, NULL);
    return rc < 0 ? rc : mn_serve_whole(l, 1);
}

static int connected(const mn_server *s, double *figure) {
    mn_load *warm = NULL, *l = NULL;
    mn_server_weight before = {0}, after = {0};
    int rc = mn_load_open(s->port, &warm);
    if (rc >= 0) rc = streams(warm, WARM);
    mn_load_close(&warm);
    if (rc >= 0) rc = mn_server_weigh(s, &before);
    if (rc >= 0) rc = mn_load_open(s->port, &l);
    if (rc >= 0) {
        mn_load_keep(l);
        rc = streams(l, CLIENTS);
    }
    if (rc >= 0) rc = mn_server_weigh(s, &after);
    if (rc >= 0) {
        figure[0] = (after.now - after.shared - before.now + before.shared) / mib;
        figure[1] = (after.shared - before.shared) / mib;
        figure[2] = mn_load_kept(l);
    }
    mn_load_close(&l);
    return rc;
}

static int idle(mn_serve *b, mn_server *s, int round, double *figure) {
    (void)b;
    (void)round;
    struct rlimit was, more;
    getrlimit(RLIMIT_NOFILE, &was);
    more = was;
    if (more.rlim_cur < CLIENTS + 200) more.rlim_cur = CLIENTS + 200;
    if (setrlimit(RLIMIT_NOFILE, &more) < 0)
        return MN_FAIL(MN_EUNSUPPORTED, "this machine allows no %d connections: raise ulimit -Hn",
                       CLIENTS);
    const int rc = connected(s, figure);
    setrlimit(RLIMIT_NOFILE, &was);
    return rc;
}

const mn_serve_row mn_serve_idle = {
    .name = "idle",
    .about = "1,000 clients who had a streamed answer and stay connected",
    .ours_only = 1,
    .figure = {{"more", "its own memory, more than before", "MiB", MN_SERVE_LIMIT, 32},
               {"region", "what the region keeps of them", "MiB", MN_SERVE_LIMIT, 0},
               {"open", "connections that stayed", "", MN_SERVE_LEAST, CLIENTS}},
    .trial = idle};

/* ---- the end ------------------------------------------------------------------------------ */
static int term(mn_serve *b, mn_server *s, int round, double *figure) {
    (void)b;
    (void)round;
    mn_load *l = NULL;
    int rc = mn_load_open(s->port, &l);
    for (int i = 0; rc >= 0 && i < TERM_WRITERS; i++)
        rc = ask(l, 0, &(mn_serve_ask){.prompt = "Once", .tokens = 1000, .stream = 1}, i);
    if (rc >= 0) rc = mn_load_spend(l, 1);
    if (rc >= 0) rc = mn_server_term(s, l, figure);
    mn_load_close(&l);
    return rc;
}

const mn_serve_row mn_serve_term = {
    .name = "term",
    .about = "SIGTERM while 16 answers are written, until the process is gone",
    .figure = {{"gone", "SIGTERM to the end", "s", MN_SERVE_LIMIT, 2}},
    .trial = term};
