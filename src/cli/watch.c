/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/watch.c - `omnesia watch`: a line for each change, as it happens; it sleeps in between.
 */
#include "cli/objects.h"

#include <string.h>

typedef struct watch_options {
    mn_cli_common common;
    const char *region, *timeout;
    int once, key, all, json;
} watch_options;

static const char *const names[] = {
    [MN_PUT] = "put", [MN_DELETED] = "del", [MN_EXPIRED] = "expired", [MN_APPENDED] = "append"};

static int say(const watch_options *o, const mn_change *c, mn_buf *out) {
    mn_buf_clear(out);
    if (o->json)
        MN_TRY(mn_cli_object_json(names[c->kind], &c->object, c->value, out));
    else {
        MN_TRY(mn_buf_printf(out, "%s %s", names[c->kind], c->object.key));
        if (c->kind == MN_APPENDED)
            MN_TRY(mn_buf_printf(out, " %llu ", (unsigned long long)c->object.number));
        else if (c->kind == MN_PUT)
            MN_TRY(mn_buf_printf(out, " %llu ", (unsigned long long)c->object.version));
        if (c->value) MN_TRY(mn_buf_append(out, c->value, c->object.size));
        MN_TRY(mn_buf_puts(out, "\n"));
    }
    return mn_cli_write(out->data, out->len);
}

static int run(const void *opaque, int n_words, const char *const *words) {
    const watch_options *o = opaque;
    const unsigned flags = (o->key ? MN_WATCH_KEY : 0u) | (o->all ? MN_WATCH_ALL : 0u);
    mn_region *r;
    mn_watch *w = NULL;
    mn_change c;
    mn_buf out = {0};
    uint64_t timeout = 0;
    if (o->timeout) MN_TRY(mn_cli_duration("--timeout", o->timeout, &timeout));
    MN_TRY(mn_cli_region_open("watch", o->region, &r));
    int rc = mn_watch_open(r, n_words ? words[0] : "", flags, &w);
    int told = 0;
    while (rc >= 0) {
        rc = mn_watch_next(w, o->timeout ? (int64_t)timeout : -1, &c);
        if (rc == 0) break;
        if (rc > 0) rc = say(o, &c, &out);
        told += rc >= 0;
        if (o->once && told) break;
    }
    if (rc >= 0 && o->once && !told)
        rc = MN_FAIL(MN_ENOENT, "nothing under '%s' changed in %s", n_words ? words[0] : "",
                     o->timeout);
    mn_watch_close(&w);
    mn_region_close(&r);
    mn_buf_free(&out);
    return rc;
}

#define AT(field) offsetof(watch_options, field)
#define FLAG(name_, field, help_) \
    { .kind = MN_OPT_FLAG, .name = name_, .no_env = 1, .offset = AT(field), .help = help_ }
static const mn_opt rows[] = {
    MN_CLI_REGION_ROW(AT(region)),
    FLAG("once", once, "end after the first change"),
    {.kind = MN_OPT_TEXT,
     .name = "timeout",
     .value = "TIME",
     .no_env = 1,
     .offset = AT(timeout),
     .help = "end when nothing has changed for so long: 500ms, 30s, 5m"},
    FLAG("key", key, "PREFIX is a whole key: nothing else that begins so"),
    FLAG("all", all, "what is there already comes first"),
    MN_CLI_JSON_ROW(AT(json)),
    MN_CLI_COMMON,
    {0}};

const mn_cli_command mn_cli_command_watch = {
    .name = "watch",
    .run = run,
    .options = rows,
    .size = sizeof(watch_options),
    .max_words = 1,
    .words = "KEY",
    .usage = "[PREFIX] [--once] [--timeout TIME] [--json]",
    .summary = "wait for values to change",
    .about =
        "A line for each change of a key that begins with PREFIX: `put KEY VERSION VALUE`, "
        "`append KEY NUMBER VALUE`, `del KEY`, `expired KEY`. While nothing changes it sleeps. "
        "Who reads more slowly than others write is told the last value of each key; records "
        "of a log are told one by one. `--once` with `--timeout` ends with status 1 when "
        "nothing changed."};
