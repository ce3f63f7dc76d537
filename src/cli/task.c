/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/task.c - `omnesia task`: what agents plan (cli/verbs.h), and what came of it, for people.
 */
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/generate.h"
#include "cli/json.h"
#include "cli/mem.h"
#include "cli/objects.h"
#include "cli/verbs.h"
#include "omnesia.h"

#include <string.h>

typedef struct task_options {
    mn_cli_common common;
    mn_cli_generate generate; /* the region of it, and -m of `say` */
    const char *user, *agent, *run, *store, *on, *beside, *version, *role, *ops, *svg;
    int32_t budget;
    int json, durable;
} task_options;

typedef struct task {
    const task_options *o;
    mn_cli_verbs v;
    mn_buf out;
} task;

/* ---- from words to a call ------------------------------------------------------------------- */
/* "3,5" or "#3 #5" */
static int put_numbers(task *t, const char *name, const char *text) {
    json_t *const list = json_array();
    MN_TRY(mn_cli_verbs_put(&t->v, name, list));
    while (*text) {
        char word[24];
        const size_t n = strcspn(text, ", ");
        int64_t id;
        snprintf(word, sizeof word, "%.*s", (int)n, text);
        if (n && (n >= sizeof word || !mn_cli_verbs_number(word, &id)))
            return MN_FAIL(MN_CLI_USAGE, "--on %s: it takes numbers of tasks, as in 3,5", text);
        if (n && json_array_append_new(list, json_integer(id)) < 0)
            return MN_FAIL(MN_ENOMEM, "no memory for a list");
        text += n + (text[n] != 0);
    }
    return 0;
}

static int put_options(task *t, const char *verb) {
    const task_options *const o = t->o;
    const struct {
        const char *option, *field;
        int given;
    } all[] = {{"on", "deps", o->on != NULL},
               {"beside", "beside", o->beside != NULL},
               {"if-version", "version", o->version != NULL},
               {"role", "role", o->role != NULL},
               {"ops", "ops", o->ops != NULL},
               {"svg", "form", o->svg != NULL},
               {"budget", "budget", o->budget > 0}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].given && !mn_cli_verbs_takes(&t->v, all[i].field))
            return MN_FAIL(MN_CLI_USAGE, "task %s takes no --%s", verb, all[i].option);
    if (o->on) MN_TRY(put_numbers(t, "deps", o->on));
    if (o->beside) MN_TRY(mn_cli_verbs_word(&t->v, "beside", o->beside));
    if (o->version) MN_TRY(mn_cli_verbs_word(&t->v, "version", o->version));
    if (o->role) MN_TRY(mn_cli_verbs_put(&t->v, "role", json_string(o->role)));
    if (o->budget) MN_TRY(mn_cli_verbs_put(&t->v, "budget", json_integer(o->budget)));
    if (o->svg || (o->json && mn_cli_verbs_takes(&t->v, "form")))
        MN_TRY(mn_cli_verbs_put(&t->v, "form", json_string(o->svg ? "svg" : "list")));
    if (o->ops) {
        json_t *const ops = json_loads(o->ops, JSON_REJECT_DUPLICATES, NULL);
        if (!ops) return MN_FAIL(MN_CLI_USAGE, "--ops: that is no JSON");
        return mn_cli_verbs_put(&t->v, "ops", ops);
    }
    if (mn_cli_verbs_takes(&t->v, "model") && o->generate.model)
        return mn_cli_verbs_put(&t->v, "model", json_string(o->generate.model));
    return 0;
}

/* ---- what came ------------------------------------------------------------------------------ */
/* "#14 Hotel: near the station (pending)" */
static int show_task(task *t, const json_t *one) {
    const char *const slot = mn_cli_text_at(one, "slot"), *const text = mn_cli_text_at(one, "text");
    mn_buf *const out = &t->out;
    MN_TRY(mn_buf_printf(out, "#%lld ", (long long)json_integer_value(json_object_get(one, "id"))));
    MN_TRY(mn_buf_show(out, slot, strlen(slot), " "));
    if (text && *text) MN_TRY(mn_buf_puts(out, ": "));
    if (text) MN_TRY(mn_buf_show(out, text, strlen(text), " "));
    return mn_buf_printf(out, " (%s%s)\n", mn_cli_text_at(one, "status"),
                         json_is_true(json_object_get(one, "flagged")) ? ", flagged" : "");
}

static int show_numbers(task *t, const char *name, const char *says) {
    const json_t *const list = json_object_get(t->v.result, name);
    for (size_t i = 0; i < json_array_size(list); i++)
        MN_TRY(mn_buf_printf(&t->out, "%s#%lld", i ? " " : says,
                             (long long)json_integer_value(json_array_get(list, i))));
    return json_array_size(list) ? mn_buf_puts(&t->out, "\n") : 0;
}

static int show_trees(task *t, const json_t *trees) {
    for (size_t i = 0; i < json_array_size(trees); i++) {
        const json_t *const one = json_array_get(trees, i);
        MN_TRY(show_task(t, one));
        MN_TRY(mn_buf_printf(&t->out, "    %d done, %d pending, %d failed, %d flagged\n",
                             (int)json_integer_value(json_object_get(one, "done")),
                             (int)json_integer_value(json_object_get(one, "pending")),
                             (int)json_integer_value(json_object_get(one, "failed")),
                             (int)json_integer_value(json_object_get(one, "flagged"))));
    }
    return 0;
}

static int show(task *t) {
    const char *const whole[] = {"tree", "prompt", "ask"};
    json_t *const r = t->v.result;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (mn_cli_text_at(r, whole[i])) {
            const char *const text = mn_cli_text_at(r, whole[i]);
            const size_t n = strlen(text);
            MN_TRY(mn_buf_show(&t->out, text, n, "\n"));
            return n && text[n - 1] != '\n' ? mn_buf_puts(&t->out, "\n") : 0;
        }
    if (json_object_get(r, "task")) MN_TRY(show_task(t, json_object_get(r, "task")));
    const json_t *const tasks = json_object_get(r, "tasks");
    for (size_t i = 0; i < json_array_size(tasks); i++)
        MN_TRY(show_task(t, json_array_get(tasks, i)));
    MN_TRY(show_trees(t, json_object_get(r, "trees")));
    MN_TRY(show_numbers(t, "flagged", "to look at again: "));
    return show_numbers(t, "dropped", "left out, of another tree: ");
}

static int finish(task *t) {
    if (t->o->svg) {
        const char *const svg = mn_cli_text_at(t->v.result, "svg");
        mn_filew *f;
        MN_TRY(mn_file_begin(t->o->svg, &f));
        const int rc = mn_file_write(f, svg, strlen(svg));
        if (rc >= 0) return mn_file_commit(&f);
        mn_file_abort(&f);
        return rc;
    }
    if (t->o->json)
        MN_TRY(mn_cli_json(json_incref(t->v.result), &t->out));
    else
        MN_TRY(show(t));
    return t->out.len ? mn_cli_write(t->out.data, t->out.len) : 0;
}

/* ---- running it ----------------------------------------------------------------------------- */
typedef struct place {
    mn_mem *mem;
    mn_scope scope;
} place;

static int door(void *user, const char *call, char **answer) {
    const place *const p = user;
    return mn_task_do(p ? p->mem : NULL, p ? &p->scope : NULL, call, answer);
}

static int open_and_run(task *t) {
    const task_options *const o = t->o;
    place at = {.scope = {.user = mn_cli_user(o->user), .agent = o->agent, .run = o->run}};
    mn_region *region = NULL;
    if (!o->generate.region || strcmp(o->generate.region, "none") != 0)
        MN_TRY(mn_cli_region_or_none(&o->generate, &region));
    const mn_mem_options how = {.region = region, .model = "none", .durable = o->durable};
    int rc = mn_mem_open(o->store, &how, &at.mem);
    if (rc >= 0) rc = mn_cli_verbs_ask(&t->v, &at);
    if (rc >= 0) rc = finish(t);
    mn_mem_close(&at.mem);
    mn_region_close(&region);
    return rc;
}

static int run(const void *options, int n_words, const char *const *words) {
    task t = {.o = options,
              .v = {.command = "task", .door = door},
              /* `write` is a command of its own */ .out = {.what = "the result"}};
    if (!n_words)
        return MN_FAIL(MN_CLI_USAGE, "task needs a verb: new, step, update, done, fail, rollback, "
                                     "replace, say, prompt, show or list");
    int rc = mn_cli_verbs_find(&t.v, words[0]);
    if (rc >= 0) rc = mn_cli_verbs_words(&t.v, n_words - 1, words + 1);
    if (rc >= 0) rc = put_options(&t, words[0]);
    if (rc >= 0) rc = open_and_run(&t);
    mn_cli_verbs_free(&t.v);
    mn_buf_free(&t.out);
    return rc;
}

/* ---- the table ------------------------------------------------------------------------------ */
#define AT(field)                      offsetof(task_options, field)
#define TEXT(name, value, field, help) MN_CLI_WORD(name, value, AT(field), help)

static const mn_opt rows[] = {
    MN_CLI_SCOPE_ROWS(AT, "whose plans; default: the login name"),
    TEXT("on", "IDS", on, "step, update, replace: tasks that it builds on, as in 3,5"),
    TEXT("beside", "ID", beside, "step: a part of the same task that it goes parallel to"),
    TEXT("if-version", "N", version, "change it only if that is its version now"),
    TEXT("role", "NAME", role, "say: who said it; default: user"),
    TEXT("ops", "JSON", ops, "say: what it means (docs/TASKS.md); default: rules or -m find out"),
    {MN_CLI_COUNT(0, "budget", AT(budget), 1 << 20, "0",
                  "prompt, show, list: tokens it may have, about; 0: any number"),
     .no_env = 1},
    TEXT("svg", "FILE", svg, "show: as a picture"),
    {.kind = MN_OPT_FLAG,
     .name = "durable",
     .offset = AT(durable),
     .help = "end when it is on disk: it survives a power cut"},
    {.kind = MN_OPT_FLAG,
     .name = "json",
     .no_env = 1,
     .offset = AT(json),
     .help = "JSON instead of lines"},
    {.kind = MN_OPT_TEXT,
     .letter = 'm',
     .name = "model",
     .value = "MODEL",
     .no_env = 1,
     .offset = AT(generate.model),
     .help = "say: this model finds out what it means; default: rules do"},
    MN_CLI_REGION_ROW(AT(generate.region)),
    MN_CLI_COMMON,
    {0}};

const mn_cli_command mn_cli_command_task = {
    .name = "task",
    .run = run,
    .options = rows,
    .size = sizeof(task_options),
    .max_words = -1,
    .words = "new|step|update|done|fail|rollback|replace|say|prompt|show|list",
    .usage =
        "new SLOT [TEXT] | step PARENT SLOT [TEXT] | update ID TEXT | done ID [TEXT] | fail ID "
        "[TEXT] | rollback ID | replace ID SLOT [TEXT] | say TEXT | prompt ID | show [ID] | list",
    .summary = "what agents plan: trees of tasks that remember what they were",
    .about =
        "A plan is a tree of tasks, kept as records beside what `omnesia mem` keeps, for all "
        "processes of this user. `new` begins one, `step` adds a part of a task, which may build "
        "on "
        "others (--on). `prompt` prints all that matters for one task, and nothing else: the path "
        "down to it, what it builds on, and what was said about it.\n\n"
        "Nothing is removed: `rollback` takes back the last change of a task, and again the one "
        "before; `replace` puts another in its place. Whoever built on what changed is flagged.\n\n"
        "`say` takes what a user said, and does it to the plan: something new, a change, or a "
        "question, which changes nothing. Rules decide, or a model that is named with -m. "
        "docs/TASKS.md "
        "has all of it."};
