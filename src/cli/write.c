/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/write.c - `omnesia write`: a model writes files into a folder, step by step, until a command
 * passes. What is done is shown as it happens on standard error; the files there are, on standard
 * output. Ctrl-C stops between two tokens; the same command goes on.
 */
#include "base/alloc.h"
#include "base/json.h"
#include "cli/generate.h"
#include "cli/json.h"
#include "cli/mem.h"
#include "cli/objects.h"
#include "cli/progress.h"
#include "omnesia.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

typedef struct write_options {
    mn_cli_common common;
    mn_cli_generate generate; /* the region, and -m */
    const char *user, *agent, *run, *store, *out, *check, *tests;
    int32_t context, seconds, tries;
    int json, quiet;
} write_options;

typedef struct writing {
    const write_options *o;
    mn_cli_bar bar; /* of a model that is fetched */
} writing;

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number) {
    interrupted = signal_number;
    signal(signal_number, SIG_DFL); /* the second one ends it at once */
}

static int tell(void *user, const char *line) {
    writing *const w = user;
    if (line && *line && !w->o->quiet) {
        mn_cli_progress_clear(&w->bar);
        fprintf(stderr, "%s\n", line);
    }
    return interrupted != 0;
}

/* ---- a call, and what came of it ------------------------------------------------------------- */
static int put(json_t *call, const char *name, json_t *value) {
    if (value && json_object_set_new(call, name, value) == 0) return 0;
    return MN_FAIL(MN_EINVAL, "%s is no UTF-8", name);
}

static int call_of(const write_options *o, int n, const char *const *words, json_t *call) {
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"context", o->context}, {"seconds", o->seconds}, {"tries", o->tries}};
    mn_buf text = {0};
    int rc = mn_cli_mem_text(n, words, &text);
    while (text.len && text.data[text.len - 1] == '\n') text.len--;
    if (rc >= 0) rc = put(call, "text", json_stringn(text.data ? text.data : "", text.len));
    mn_buf_free(&text);
    MN_TRY(rc);
    MN_TRY(put(call, "do", json_string("write")));
    MN_TRY(put(call, "folder", json_string(o->out)));
    MN_TRY(put(call, "model", json_string(o->generate.model)));
    if (o->check) MN_TRY(put(call, "check", json_string(o->check)));
    if (o->tests) MN_TRY(put(call, "tests", json_string(o->tests)));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].value) MN_TRY(put(call, numbers[i].name, json_integer(numbers[i].value)));
    return 0;
}

static const char *text_at(const json_t *o, const char *name) {
    const char *const text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

static int show_files(const write_options *o, const json_t *files, mn_buf *out) {
    const json_t *one;
    size_t i;
    json_array_foreach(files, i, one)
        MN_TRY(mn_buf_printf(out, "%s/%s\n", o->out, text_at(one, "path")));
    return 0;
}

/* On standard error: how it ended, and which steps did not end well. */
static void say_end(const json_t *result) {
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(result, "steps"), i,
                       one) if (strcmp(text_at(one, "status"), "failed") == 0)
        fprintf(stderr, "failed: step %zu, %s\n", i + 1, text_at(one, "slot"));
    if (strcmp(text_at(result, "check"), "fails") == 0)
        fprintf(
            stderr,
            "omnesia: the check fails; the same command tries the failed steps again. It says:\n"
            "%s\n",
            text_at(result, "said"));
    fprintf(stderr, "%lld tokens read, %lld written; the steps: omnesia task show %lld\n",
            (long long)json_integer_value(json_object_get(result, "read")),
            (long long)json_integer_value(json_object_get(result, "written")),
            (long long)json_integer_value(json_object_get(json_object_get(result, "task"), "id")));
}

static int finish(const write_options *o, const char *answer) {
    json_t *const result = json_loads(answer, 0, NULL);
    mn_buf out = {0};
    if (!result) return MN_FAIL(MN_ENOMEM, "no memory for a result");
    const int failed = strcmp(text_at(result, "check"), "fails") == 0;
    int rc = o->json ? mn_cli_json(json_incref(result), &out)
                     : show_files(o, json_object_get(result, "files"), &out);
    if (!o->quiet) say_end(result);
    if (rc >= 0 && out.len) rc = mn_cli_write(out.data, out.len);
    mn_buf_free(&out);
    json_decref(result);
    return rc < 0 ? rc : failed;
}

static int write_files(const write_options *o, mn_mem *mem, const json_t *call) {
    const mn_scope scope = {.user = mn_cli_user(o->user), .agent = o->agent, .run = o->run};
    char *text = mn_json_text(call, JSON_COMPACT), *answer = NULL;
    if (!text) return MN_FAIL(MN_ENOMEM, "no memory for a call");
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    signal(SIGHUP, interrupt);
    int rc = mn_task_do(mem, &scope, text, &answer);
    mn_free(text);
    if (rc == MN_ECANCELLED && interrupted) {
        fprintf(stderr, "omnesia: stopped; the same command goes on from here\n");
        return 128 + interrupted;
    }
    if (rc >= 0) rc = finish(o, answer);
    mn_free_text(answer);
    return rc;
}

static int open_and_write(const write_options *o, const json_t *call) {
    writing w = {.o = o};
    mn_region *region = NULL;
    mn_mem *mem = NULL;
    if (!o->generate.region || strcmp(o->generate.region, "none") != 0)
        MN_TRY(mn_cli_region_or_none(&o->generate, &region));
    const mn_mem_options how = {.region = region,
                                .model = "none",
                                .pull = 1,
                                .progress = mn_cli_progress(&w.bar),
                                .tell = tell,
                                .tell_user = &w};
    int rc = mn_mem_open(o->store, &how, &mem);
    if (rc >= 0) rc = write_files(o, mem, call);
    mn_cli_progress_clear(&w.bar);
    mn_mem_close(&mem);
    mn_region_close(&region);
    return rc;
}

static int run(const void *options, int n_words, const char *const *words) {
    const write_options *const o = options;
    if (!n_words) return MN_FAIL(MN_CLI_USAGE, "write: say what is to be written");
    if (!o->out)
        return MN_FAIL(MN_CLI_USAGE, "write: --out DIR is missing: where are files to go?");
    json_t *const call = json_object();
    int rc = call_of(o, n_words, words, call);
    if (rc >= 0) rc = open_and_write(o, call);
    json_decref(call);
    return rc;
}

/* ---- the table ------------------------------------------------------------------------------ */
#define AT(field)                      offsetof(write_options, field)
#define TEXT(name, value, field, help) MN_CLI_WORD(name, value, AT(field), help)

static const mn_opt rows[] = {
    {.kind = MN_OPT_TEXT,
     .letter = 'o',
     .name = "out",
     .value = "DIR",
     .no_env = 1,
     .offset = AT(out),
     .help = "where files go; made when absent. Nothing outside of it is read or written"},
    TEXT("check", "CMD", check, "passes (exit status 0) when the files are right; runs in a copy"),
    TEXT("tests", "DIR", tests, "its files go over those of the copy before CMD runs"),
    {.kind = MN_OPT_TEXT,
     .letter = 'm',
     .name = "model",
     .value = "MODEL",
     .offset = AT(generate.model),
     .standard = "smollm2-135m",
     .help = "who writes: a name that `omnesia models` lists, or a GGUF file"},
    {MN_CLI_COUNT('c', "context", AT(context), 1 << 20, "4096", "tokens of context it is given"),
     .no_env = 1},
    {MN_CLI_COUNT(0, "seconds", AT(seconds), 3600, "10", "CMD has failed after so long"),
     .no_env = 1},
    {MN_CLI_COUNT(0, "tries", AT(tries), 1000, "12", "answers to a step before it has failed"),
     .no_env = 1},
    MN_CLI_SCOPE_ROWS(AT, "whose plan; default: the login name"),
    {.kind = MN_OPT_FLAG,
     .letter = 'q',
     .name = "quiet",
     .no_env = 1,
     .offset = AT(quiet),
     .help = "nothing on standard error but errors"},
    {.kind = MN_OPT_FLAG,
     .name = "json",
     .no_env = 1,
     .offset = AT(json),
     .help = "JSON instead of a list of files"},
    MN_CLI_REGION_ROW(AT(generate.region)),
    MN_CLI_COMMON,
    {0}};

const mn_cli_command mn_cli_command_write = {
    .name = "write",
    .run = run,
    .options = rows,
    .size = sizeof(write_options),
    .max_words = -1,
    .words = "NONE",
    .usage = "TASK --out DIR [--check CMD] [--tests DIR] [-m MODEL]",
    .summary = "files, written by a model step by step until a check passes",
    .about =
        "The model first lists the steps of TASK, then does one after the other, each in a fresh "
        "context: the step, what came of those before, the files there are. It reads and writes "
        "whole files in DIR and can reach nothing else. What it writes together may be much longer "
        "than its context.\n\n"
        "After each file that is written, CMD runs in a copy of DIR, with the files of --tests "
        "over "
        "it, under limits of time, memory, processes and size, without a network where the system "
        "permits that; started by root it runs as a user of its own. What it says goes back to the "
        "model. It finds OMNESIA_LAST=1 in its environment when all files should be there.\n\n"
        "The steps are tasks (`omnesia task show`). Stopped in whatever way, the same command goes "
        "on where it was. Exit status 1: the check does not pass. docs/TASKS.md has all of it."};
