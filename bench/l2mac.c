/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/l2mac.c - writing more than one context holds (L2MAC, arXiv 2310.02003), with a context of
 * 2,048 tokens and the model of -m, which is to be one of 1.5 thousand million weights: hours on
 * two cores, so --limit says how many jobs of each kind.
 *
 *   output   tokens of the files of a catalogue, against the context: at least 3 of them
 *   valid    catalogues whose check passes to the last line, of those that were asked for
 *   single   entries that one answer of the same context has, of 60: it must not hold them
 *   modules  sets of C files whose hidden tests pass, against single answers: those of the same
 *            prompt, the first greedy, more at a temperature of .7 until they have taken as many
 *            tokens as ours; the tests choose the best of them, too
 */
#include "bench/l2mac.h"
#include "bench/bench.h"
#include "bench/stage.h"

#include "base/alloc.h"
#include "base/cage.h"
#include "base/error.h"
#include "base/file.h"
#include "base/jail.h"
#include "cli/progress.h"
#include "omnesia.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { CONTEXT = 2048, SECONDS = 10, SINGLES = 16 };

typedef struct bed {
    const mn_bench_options *o;
    mn_stage stage;
    mn_mem *mem;
    mn_model *model; /* of single answers */
    char files[128], tests[128];
    mn_buf task, check;
    int64_t tokens; /* ours, of the last job: read and written */
    int passes;
} bed;

static int say(void *user, const char *line) {
    const bed *const b = user;
    if (line && *line && !b->o->json) fprintf(stderr, "%s\n", line);
    return 0;
}

static int begin_job(bed *b, const char *kind, int n) {
    mn_buf_clear(&b->task);
    mn_buf_clear(&b->check);
    snprintf(b->files, sizeof b->files, "%s/%s-%d", b->stage.folder, kind, n);
    snprintf(b->tests, sizeof b->tests, "%s/%s-%d-tests", b->stage.folder, kind, n);
    return mn_file_mkdirs(b->tests);
}

static int ours(bed *b) {
    const mn_scope scope = {.user = "bench"};
    json_t *const call =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i}", "do", "write", "text", b->task.data,
                  "folder", b->files, "tests", b->tests, "check", b->check.data, "model",
                  b->o->model, "context", CONTEXT, "seconds", SECONDS);
    char *text = json_dumps(call, JSON_COMPACT), *answer = NULL;
    json_decref(call);
    if (!text) return MN_FAIL(MN_ENOMEM, "no memory for a call");
    const int rc = mn_task_do(b->mem, &scope, text, &answer);
    mn_free(text);
    MN_TRY(rc);
    json_t *const result = json_loads(answer, 0, NULL);
    mn_free_text(answer);
    const char *const check = json_string_value(json_object_get(result, "check"));
    b->passes = check && strcmp(check, "passes") == 0;
    b->tokens = json_integer_value(json_object_get(result, "read")) +
                json_integer_value(json_object_get(result, "written"));
    json_decref(result);
    return 0;
}

/* ---- one answer ----------------------------------------------------------------------------- */
static int keep(void *user, const char *text, size_t n) {
    return mn_buf_append(user, text, n) < 0;
}

static int single(bed *b, const char *behind, uint64_t seed, mn_buf *out, int64_t *tokens) {
    mn_request ask = mn_request_default();
    mn_stats stats;
    mn_buf prompt = {0};
    int rc = mn_buf_printf(&prompt, "%s\n\n%s", b->task.data, behind);
    ask.prompt = prompt.data;
    ask.context = CONTEXT;
    ask.temp = seed ? .7f : 0;
    ask.seed = seed;
    ask.on_text = keep;
    ask.user = out;
    mn_buf_clear(out);
    if (rc >= 0) rc = mn_answer(b->model, &ask, &stats);
    mn_buf_free(&prompt);
    if (rc >= 0) *tokens += stats.prompt_tokens + stats.tokens;
    return rc;
}

/* ---- catalogues ----------------------------------------------------------------------------- */
typedef struct counting {
    const mn_vocab *v;
    const mn_jail *jail;
    int64_t tokens;
} counting;

static int count_file(void *user, const char *path, uint64_t bytes) {
    counting *const c = user;
    mn_buf text = {0};
    (void)bytes;
    int rc = mn_jail_read(c->jail, path, &text);
    if (rc >= 0 && text.len)
        c->tokens += rc = mn_vocab_encode(c->v, text.data, text.len, 0, NULL, 0);
    mn_buf_free(&text);
    return rc < 0 ? rc : 0;
}

static int count_tokens(const bed *b, int64_t *tokens) {
    counting c = {.tokens = 0};
    mn_jail *jail;
    mn_vocab *v = NULL;
    MN_TRY(mn_jail_open(b->files, &jail));
    int rc = mn_vocab_open(b->o->model, NULL, &v);
    c.v = v;
    c.jail = jail;
    if (rc >= 0) rc = mn_jail_list(jail, count_file, &c);
    mn_vocab_close(&v);
    mn_jail_close(&jail);
    *tokens = c.tokens;
    return rc;
}

static int entries(const char *text) {
    char head[32];
    int n = 0;
    for (int i = 1; i <= MN_CATALOGUE; i++) {
        snprintf(head, sizeof head, "Exhibit %d:", i);
        n += text && strstr(text, head) != NULL;
    }
    return n;
}

static int catalogues(bed *b) {
    mn_bench_row output = {.name = "output",
                           .what = "tokens of the files of a catalogue",
                           .against = "the context",
                           .unit = "tokens",
                           .bar = 3};
    mn_bench_row valid = {.name = "valid",
                          .what = "1: the check passes to the last line",
                          .against = "1",
                          .unit = "",
                          .bar = 1};
    mn_bench_row one = {.name = "single",
                        .what = "entries of one answer of the same context",
                        .against = "60",
                        .unit = "entries",
                        .bar = .99,
                        .at_most = 1};
    const int n = b->o->limit ? b->o->limit : 1;
    mn_buf answer = {0};
    for (int i = 0; i < n; i++) {
        const uint64_t seed = b->o->seed + (uint64_t)i;
        int64_t tokens, spent = 0;
        MN_TRY(begin_job(b, "catalogue", i));
        MN_TRY(mn_catalogue_task(seed, &b->task));
        MN_TRY(mn_catalogue_tests(b->tests));
        MN_TRY(mn_buf_puts(&b->check, mn_catalogue_check));
        MN_TRY(single(b, "Write all of it, one exhibit after the other.", 0, &answer, &spent));
        mn_bench_round(&one, MN_CATALOGUE, entries(answer.data));
        MN_TRY(ours(b));
        MN_TRY(count_tokens(b, &tokens));
        mn_bench_round(&output, CONTEXT, (double)tokens);
        mn_bench_round(&valid, 1, b->passes);
    }
    mn_buf_free(&answer);
    MN_TRY(mn_bench_row_print(&output, b->o->json));
    MN_TRY(mn_bench_row_print(&valid, b->o->json));
    return mn_bench_row_print(&one, b->o->json);
}

/* ---- modules -------------------------------------------------------------------------------- */
/* The n-th block of an answer between lines of three backquotes, as a file. */
static int put_block(const mn_jail *jail, const char *name, const char *text, int n) {
    const char *at = text;
    for (int i = 0; at && i <= 2 * n; i++)
        if ((at = strstr(at, "```"))) at += 3;
    if (!at || !(at = strchr(at, '\n'))) return 0;
    const char *const end = strstr(++at, "```");
    return mn_jail_write(jail, name, at, end ? (size_t)(end - at) : strlen(at));
}

static int judge(const bed *b, mn_jail *jail, int *passes) {
    char *copy;
    int status = 1;
    mn_buf said = {0};
    MN_TRY(mn_jail_copy(jail, b->tests, mn_cage_owner(), &copy));
    const mn_cage cage = {.folder = copy, .seconds = SECONDS};
    const int rc = mn_cage_run(&cage, b->check.data, &said, &status);
    mn_jail_drop(&copy);
    mn_buf_free(&said);
    *passes = status == 0;
    return rc;
}

static int try_single(bed *b, const mn_module *m, uint64_t seed, int64_t *spent, int *passes) {
    char name[176];
    mn_buf answer = {0};
    mn_jail *jail;
    snprintf(name, sizeof name, "%s-single-%llu", b->files, (unsigned long long)seed);
    MN_TRY(mn_jail_open(name, &jail));
    int rc = single(b,
                    "Answer with the header in one block between ``` lines, then with the .c file "
                    "in another, and nothing else.",
                    seed, &answer, spent);
    snprintf(name, sizeof name, "%s.h", m->name);
    if (rc >= 0) rc = put_block(jail, name, answer.data ? answer.data : "", 0);
    snprintf(name, sizeof name, "%s.c", m->name);
    if (rc >= 0) rc = put_block(jail, name, answer.data ? answer.data : "", 1);
    if (rc >= 0) rc = judge(b, jail, passes);
    mn_buf_free(&answer);
    mn_jail_close(&jail);
    return rc;
}

static int one_module(bed *b, const mn_module *m, int n, int *right, int *first) {
    int64_t spent = 0;
    int passes = 0;
    MN_TRY(begin_job(b, "module", n));
    MN_TRY(mn_module_task(m, &b->task));
    MN_TRY(mn_module_tests(m, b->tests));
    MN_TRY(mn_module_check(m, &b->check));
    MN_TRY(ours(b));
    *right += b->passes;
    for (int i = 0; i < SINGLES && !passes && (!i || spent < b->tokens); i++)
        MN_TRY(try_single(b, m, (uint64_t)i, &spent, &passes));
    *first += passes;
    if (!b->o->json)
        fprintf(stderr, "%s: ours %s, %lld tokens; single answers %s, %lld tokens\n", m->name,
                b->passes ? "passes" : "fails", (long long)b->tokens, passes ? "pass" : "fail",
                (long long)spent);
    return 0;
}

static int modules(bed *b) {
    mn_bench_row row = {.name = "modules",
                        .what = "sets whose hidden tests pass",
                        .against = "single answers of as many tokens",
                        .unit = "sets",
                        .bar = 1.5};
    int right = 0, first = 0, n = 0;
    for (const mn_module *m = mn_modules; m->name && (!b->o->limit || n < b->o->limit); m++)
        MN_TRY(one_module(b, m, n++, &right, &first));
    if (!first && !right) return mn_bench_row_skip(&row, "neither passed any", b->o->json);
    mn_bench_round(&row, first, right);
    return mn_bench_row_print(&row, b->o->json);
}

static int rows(bed *b) {
    if (mn_bench_wants(b->o, "output") || mn_bench_wants(b->o, "valid") ||
        mn_bench_wants(b->o, "single"))
        MN_TRY(catalogues(b));
    return mn_bench_wants(b->o, "modules") ? modules(b) : 0;
}

static int run(const mn_bench_options *o) {
    char place[96];
    bed b = {.o = o};
    MN_TRY(mn_stage_begin(&b.stage));
    snprintf(place, sizeof place, "%s/memory.db", b.stage.folder);
    const mn_mem_options how = {.model = "none", .tell = say, .tell_user = &b};
    const mn_model_options model = {.threads = o->threads, .no_pull = 1};
    int rc = mn_mem_open(place, &how, &b.mem);
    if (rc >= 0) rc = mn_model_open(o->model, &model, &b.model);
    if (rc >= 0) rc = rows(&b);
    mn_model_close(&b.model);
    mn_mem_close(&b.mem);
    mn_buf_free(&b.task);
    mn_buf_free(&b.check);
    mn_stage_end(&b.stage);
    return rc;
}

const mn_bench mn_bench_l2mac = {
    .name = "l2mac", .about = "writing more than one context holds", .run = run};
