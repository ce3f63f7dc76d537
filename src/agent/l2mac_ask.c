/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/l2mac_ask.c - what the model is asked, and the only answers it can give: steps are a list,
 * an action is one of three, and the files that can be read are an enum of those there are.
 */
#include "agent/l2mac.h"

#include "base/alloc.h"
#include "base/json.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- the list of steps ---------------------------------------------------------------------- */
const char mn_l2mac_list_schema[] =
    "{\"type\":\"object\",\"properties\":{\"steps\":{\"type\":\"array\",\"minItems\":1,"
    "\"maxItems\":40,\"items\":{\"type\":\"object\",\"properties\":{\"file\":{\"type\":"
    "\"string\",\"minLength\":1,\"maxLength\":48},\"text\":{\"type\":\"string\",\"minLength\":1,"
    "\"maxLength\":160}},\"required\":[\"file\",\"text\"],\"additionalProperties\":false}}},"
    "\"required\":[\"steps\"],\"additionalProperties\":false}";
static_assert(MN_L2MAC_STEPS == 40, "the number in the schema");

const char mn_l2mac_summary_schema[] =
    "{\"type\":\"object\",\"properties\":{\"summary\":{\"type\":\"string\",\"minLength\":1,"
    "\"maxLength\":300}},\"required\":[\"summary\"],\"additionalProperties\":false}";
static_assert(MN_L2MAC_SUMMARY == 300, "the number in the schema");

/* Words of a file that fit into an answer, beside all that is said before it. */
static int words_of(const mn_l2mac *w) {
    return (int)(w->c->args.context / 4);
}

#define EXAMPLE                                                                                 \
    "{\"steps\":[{\"file\":\"one.md\",\"text\":\"all of items 1 to 10\"},{\"file\":\"two.md\"," \
    "\"text\":\"all of items 11 to 20\"}]}"
int mn_l2mac_list_question(const mn_l2mac *w, mn_buf *out) {
    return mn_buf_printf(
        out,
        "Task: %s\n\nDo not do the task yet. List the steps: one for each file of the task, from "
        "the "
        "first to the last, in the order in which they are to be written. For each step give the "
        "name of the file, and in a few words which part of the task it is: who does the step "
        "knows "
        "the task. A file has at most %d words. Answer with JSON on one line, like " EXAMPLE,
        w->c->args.text, words_of(w));
}

int mn_l2mac_expand_question(const mn_l2mac *w, const char *steps, mn_buf *out) {
    return mn_buf_printf(
        out,
        "Task: %s\n\nThis is a list of steps:\n%s\nSome files of the task may be missing, or "
        "wrongly "
        "described. Write the list again, from the first file of the task to the very last. Answer "
        "with JSON on one line, like " EXAMPLE,
        w->c->args.text, steps);
}

/* ---- a step --------------------------------------------------------------------------------- */
int mn_l2mac_rules(const mn_l2mac *w, mn_buf *out) {
    return mn_buf_printf(
        out,
        "You write files, one step at a time. Each answer is one JSON object on one line:\n"
        "{\"tool\":\"write_file\",\"path\":\"a.txt\",\"text\":\"first line\\nsecond line\\n\"} "
        "writes "
        "a whole file, in the place of what was there.\n"
        "{\"tool\":\"read_file\",\"path\":\"a.txt\"} shows a file.\n"
        "{\"tool\":\"step_complete\",\"summary\":\"what is in the file\"} ends the step.\n"
        "Do the current step only. A file has at most %d words. When a check fails, write the "
        "whole "
        "file again without that mistake.",
        words_of(w));
}

typedef struct listing {
    mn_buf *out;
    const char *mark; /* before each */
    int n, quoted;
} listing;

static int list_one(void *user, const char *path, uint64_t bytes) {
    listing *const l = user;
    if (!l->quoted)
        return l->n++ < 40 ? mn_buf_printf(l->out, "%s%s, %llu bytes\n", l->mark, path,
                                           (unsigned long long)bytes)
                           : 0;
    json_t *const name = json_string(path);
    char *const text = mn_json_text(name, JSON_ENCODE_ANY);
    const int rc = text ? mn_buf_printf(l->out, "%s%s", l->n++ ? "," : "", text)
                        : MN_FAIL(MN_ENOMEM, "no memory for a list of files");
    json_decref(name);
    mn_free(text);
    return rc;
}

static int list_files(const mn_l2mac *w, mn_buf *out) {
    listing l = {.out = out, .mark = "- "};
    MN_TRY(mn_buf_puts(out, "Files there are:\n"));
    MN_TRY(mn_jail_list(w->jail, list_one, &l));
    if (l.n > 40) MN_TRY(mn_buf_printf(out, "- and %d more\n", l.n - 40));
    return l.n ? 0 : mn_buf_puts(out, "- none yet\n");
}

/* The name of the root is for people, and for who goes on: the model has no use for it. */
static void drop_name(const char *slot, mn_buf *out) {
    const size_t begins = strlen("Task: "), n = strlen(slot) + 2;
    memmove(out->data + begins, out->data + begins + n, out->len - begins - n + 1);
    out->len -= n;
}

int mn_l2mac_question(mn_l2mac *w, int64_t id, const char *summary, const char *check,
                      const char *nudge, mn_buf *out) {
    MN_TRY(mn_l2mac_look(w));
    const int at = mn_task_find(&w->c->t, id);
    if (at < 0) return MN_FAIL(MN_ENOENT, "task #%lld is gone", (long long)id);
    MN_TRY(mn_task_prompt(&w->c->t, at, NULL, 0, w->c->args.context * 3 / 8, out));
    drop_name(w->c->t.node[w->c->t.node[at].root].slot, out);
    MN_TRY(list_files(w, out));
    if (check && *check) MN_TRY(mn_buf_printf(out, "The check fails now:\n%s\n", check));
    if (summary) MN_TRY(mn_buf_printf(out, "What was done in this step so far: %s\n", summary));
    if (nudge) MN_TRY(mn_buf_printf(out, "%s\n", nudge));
    const mn_task *const one = w->c->t.node + at;
    return mn_buf_printf(out, "Do this step now, exactly as the task describes it: %s: %s",
                         one->slot, one->text);
}

#define TOOL(name)   "{\"type\":\"object\",\"properties\":{\"tool\":{\"const\":\"" name "\"},"
#define SHUT(needed) "},\"required\":[\"tool\"," needed "],\"additionalProperties\":false}"
static const char write_file[] =
    TOOL("write_file") "\"path\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":100},"
                       "\"text\":{\"type\":\"string\"}" SHUT("\"path\",\"text\"");
static const char step_complete[] =
    "," TOOL("step_complete") "\"summary\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":"
                              "300}" SHUT("\"summary\"");
int mn_l2mac_schema(const mn_l2mac *w, int may_end, mn_buf *out) {
    listing l = {.out = out, .quoted = 1};
    MN_TRY(mn_buf_printf(out, "{\"anyOf\":[%s%s", write_file, may_end ? step_complete : ""));
    const size_t without = out->len;
    MN_TRY(mn_buf_puts(out, "," TOOL("read_file") "\"path\":{\"enum\":["));
    MN_TRY(mn_jail_list(w->jail, list_one, &l));
    if (l.n)
        MN_TRY(mn_buf_puts(out, "]}" SHUT("\"path\"")));
    else
        out->len = without;
    return mn_buf_puts(out, "]}");
}

/* ---- asking, and telling -------------------------------------------------------------------- */
int mn_l2mac_ask(mn_l2mac *w, const char *schema, const mn_task_said *said, int n, int32_t room,
                 char **answer) {
    mn_buf rules = {0};
    const mn_task_args *const a = &w->c->args;
    MN_TRY(mn_l2mac_rules(w, &rules));
    mn_talk talk = {.model = a->model,
                    .schema = schema,
                    .system = schema == mn_l2mac_list_schema ? NULL : rules.data,
                    .said = said,
                    .n = n,
                    .context = (int32_t)a->context,
                    .room = room};
    const int rc = w->c->by->talk(w->c->by->user, &talk, answer);
    mn_buf_free(&rules);
    w->read += talk.read;
    w->written += talk.written;
    return rc;
}

int mn_l2mac_tell(mn_l2mac *w, const char *format, ...) {
    char line[512];
    const mn_extractor *const by = w->c->by;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = ' ';
    if (!by->tell || !by->tell(by->user, *line ? line : NULL)) return 0;
    return MN_FAIL(MN_ECANCELLED, "stopped on request");
}
