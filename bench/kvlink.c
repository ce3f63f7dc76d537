/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/kvlink.c - `omnesia bench kvlink`: a prompt of 4,096 tokens from another machine, against
 * computing it.
 *
 * Every round has new processes with new regions: one computes the prompt, one takes it from the
 * Redis at the other end of the link, where a third has left it. Both times run from the question
 * until the first token is drawn, with the model open; both say what they answered, which must be
 * the same. How much of the link was used is counted from asking what is there until the last
 * value is in the region, against what the link carries, headers and all.
 */
#include "bench/kvlink.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "bench/stage.h"
#include "cli/progress.h"

#include "api/model.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TOKENS = 4096, MBIT = 1000, SAYS = 4, TEXT = 256 };

typedef struct row {
    const char *name, *model;
    int q8;
    double bar; /* times sooner */
} row;
static const row rows[] = {{"qwen", "qwen2.5-coder-0.5b", 0, 8}, {"smollm2", "smollm2-135m", 1, 3}};
enum { ROWS = sizeof rows / sizeof *rows, LINK = 70 /* % of it that are used, at least */ };

/* ---- one machine: --side ours --------------------------------------------------------------- */
static int hear(void *user, const char *text, size_t n) {
    char *const said = user;
    if (strlen(said) + n < TEXT) strncat(said, text, n);
    return 0;
}

static int tokens_of(const mn_bench_options *o) {
    return o->depth ? o->depth : TOKENS;
}

static int answer(const mn_bench_options *o, const row *r, mn_model *m) {
    mn_request ask = mn_request_default();
    mn_remote_counts n = {0};
    mn_vocab *v;
    mn_stats stats = {0};
    mn_buf text = {0};
    char said[TEXT] = "";
    MN_TRY(mn_vocab_open(r->model, NULL, &v));
    int rc = mn_stage_words(v, tokens_of(o), &text);
    mn_vocab_close(&v);
    ask.prompt = text.data;
    ask.raw = 1;
    ask.context = tokens_of(o) + 64;
    ask.kv_q8 = r->q8;
    ask.temp = 0;
    ask.max_tokens = SAYS;
    ask.on_text = hear;
    ask.user = said;
    if (rc >= 0) rc = mn_answer(m, &ask, &stats);
    if (rc >= 0 && m->remote) mn_remote_count(m->remote, &n);
    json_t *const out = json_pack("{s:s%, s:f, s:i, s:i, s:I, s:I}", "text", said, strlen(said),
                                  "first_ms", stats.first_token_ms, "prompt", stats.prompt_tokens,
                                  "cached", stats.cached_tokens, "bytes", (json_int_t)n.came_bytes,
                                  "us", (json_int_t)n.took_us);
    char *const line = out ? mn_json_text(out, JSON_COMPACT) : NULL;
    if (rc >= 0) rc = line ? mn_cli_write(line, strlen(line)) : MN_FAIL(MN_ENOMEM, "no memory");
    if (line) mn_free(line);
    json_decref(out);
    mn_buf_free(&text);
    return rc;
}

static int be_machine(const mn_bench_options *o, const row *r) {
    mn_region *region = NULL;
    mn_model *m = NULL;
    MN_TRY(mn_region_open(o->region, 0, -1, &region));
    int rc = mn_cli_model_open(r->model,
                               (mn_model_options){.threads = o->threads, .region = region}, &m);
    for (int i = 0; rc >= 0 && m->remote && !mn_remote_up(m->remote) && i < 5000; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (rc >= 0) rc = answer(o, r, m);
    mn_model_close(&m); /* what is to be given is given */
    mn_region_close(&region);
    return rc;
}

/* ---- both ----------------------------------------------------------------------------------- */
typedef struct said {
    char text[TEXT];
    double first_ms, link; /* link: part of it that was used, 0: nothing came */
    int prompt, cached;
} said;

typedef struct bench {
    const mn_bench_options *o;
    mn_stage stage;
    const char *self;
    mn_child *redis;
    int machines; /* so far, each with a region of its own */
} bench;

static int one(bench *b, const row *r, const char *machine, int shares, said *out) {
    char region[120], depth[16], threads[16], line[1024];
    snprintf(region, sizeof region, "%s/%d", b->stage.folder, b->machines++);
    snprintf(depth, sizeof depth, "%d", tokens_of(b->o));
    snprintf(threads, sizeof threads, "%d", b->o->threads);
    const char *const words[] = {b->self, "bench", "kvlink", "--side", "ours",     "--row", r->name,
                                 "-d",    depth,   "-t",     threads,  "--region", region,  NULL};
    const char *const env[] = {shares ? "OMNESIA_SHARE=" MN_KVLINK_URL : "OMNESIA_SHARE=none",
                               NULL};
    MN_TRY(mn_kvlink_run(machine, words, env, line, sizeof line));
    json_t *const j = json_loads(line, 0, NULL);
    *out = (said){.first_ms = json_number_value(json_object_get(j, "first_ms")),
                  .prompt = (int)json_integer_value(json_object_get(j, "prompt")),
                  .cached = (int)json_integer_value(json_object_get(j, "cached"))};
    const double bytes = (double)json_integer_value(json_object_get(j, "bytes")),
                 us = (double)json_integer_value(json_object_get(j, "us"));
    const char *const text = json_string_value(json_object_get(j, "text"));
    snprintf(out->text, sizeof out->text, "%s", text ? text : "");
    out->link = us > 0 ? bytes * 8 / us / MBIT : 0;
    json_decref(j);
    return out->first_ms > 0 ? 0 : MN_FAIL(MN_EIO, "a machine of the bench said: %.200s", line);
}

static int check(const row *r, const said *computed, const said *taken) {
    if (computed->cached || strcmp(computed->text, taken->text) != 0)
        return MN_FAIL(MN_ECORRUPT,
                       "%s: computed, and found %d tokens: \"%.60s\"; taken: \"%.60s\"", r->name,
                       computed->cached, computed->text, taken->text);
    if (taken->cached >= (taken->prompt - 1) / 64 * 64) return 0;
    return MN_FAIL(MN_EIO, "%s: %d of %d tokens came from the other machine", r->name,
                   taken->cached, taken->prompt);
}

static int measure(bench *b, const row *r) {
    char what[80];
    mn_bench_row first = {.name = r->name,
                          .what = what,
                          .against = "computing it",
                          .unit = "ms",
                          .bar = r->bar,
                          .inverse = 1};
    mn_bench_row link = {.name = r->name, .what = "the link", .against = "100 %", .unit = "%"};
    said computed, taken;
    MN_TRY(one(b, r, MN_KVLINK_A, 1, &taken)); /* it leaves the prompt there */
    snprintf(what, sizeof what, "first token of %d tokens, %s", taken.prompt, r->q8 ? "q8" : "f16");
    for (int i = 0; i < b->o->rounds; i++) {
        MN_TRY(one(b, r, MN_KVLINK_A, 0, &computed));
        MN_TRY(one(b, r, MN_KVLINK_B, 1, &taken));
        MN_TRY(check(r, &computed, &taken));
        mn_bench_round(&first, computed.first_ms, taken.first_ms);
        mn_bench_round(&link, 100, taken.link * 100);
    }
    MN_TRY(mn_bench_row_print(&first, b->o->json));
    const mn_bench_point used = {
        "kvlink", r->name, "of a link of 1 Gbit/s used", "%", mn_bench_median(link.ours, link.n),
        LINK,     1};
    return mn_bench_point_print(&used, b->o->json);
}

static int have_model(const row *r) {
    mn_vocab *v = NULL;
    const int rc = mn_vocab_open(r->model, &(mn_model_options){.no_pull = 1}, &v);
    mn_vocab_close(&v);
    return rc;
}

static int run_row(bench *b, const row *r) {
    const mn_bench_row none = {.name = r->name, .what = "keys and values from another machine"};
    if (have_model(r) < 0) return mn_bench_row_skip(&none, mn_error_detail(), b->o->json);
    int rc = mn_kvlink_begin(b->stage.folder, MBIT, &b->redis);
    if (rc < 0) return mn_bench_row_skip(&none, mn_error_detail(), b->o->json);
    rc = measure(b, r);
    mn_kvlink_end(&b->redis);
    return rc;
}

static int kvlink(const mn_bench_options *o) {
    char self[512];
    bench b = {.o = o, .self = self};
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    int found = 0;
    self[n > 0 ? n : 0] = 0;
    for (int i = 0; i < ROWS; i++)
        if (o->side == 1 && o->row && strcmp(o->row, rows[i].name) == 0)
            return be_machine(o, rows + i);
    int rc = mn_stage_begin(&b.stage);
    for (int i = 0; rc >= 0 && i < ROWS; i++) {
        if (!mn_bench_wants(o, rows[i].name)) continue;
        found = 1;
        rc = run_row(&b, rows + i);
    }
    if (rc >= 0 && !found)
        rc = MN_FAIL(MN_CLI_USAGE, "bench kvlink has no row '%s'; there are qwen and smollm2",
                     o->row);
    mn_stage_end(&b.stage);
    return rc;
}

const mn_bench mn_bench_kvlink = {
    .name = "kvlink", .run = kvlink, .about = "keys and values from another machine"};
