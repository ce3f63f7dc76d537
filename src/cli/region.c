/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/region.c - `omnesia region`: what processes share here, how to keep it, and how to be rid of
 * it. This file has the table of verbs, and the first of them.
 */
#include "cli/region.h"

#include "base/budget.h"

#include <stdio.h>
#include <string.h>

static int add_kept(void *user, const mn_region_extent *e) {
    uint64_t *kept = user;
    kept[0] += e->kept != 0;
    kept[1] += e->kept ? e->rows : 0;
    return 0;
}

static int say_disk(const mn_region_info *i, mn_buf *out) {
    char a[16], b[16];
    if (!*i->disk) return mn_buf_puts(out, "on disk    nothing: it was made with --disk none\n");
    return mn_buf_printf(out, "on disk    %s of at most %s, in %s\n", mn_budget_human(i->stored, a),
                         mn_budget_human(i->disk_limit, b), i->disk);
}

/* What came from other machines, and went there, by all processes of this one. */
static int say_others(const mn_region_info *i, mn_buf *out) {
    enum { EACH = 64 }; /* tokens of a value */
    if (!i->taken && !i->given && !i->refused && !i->unlinked) return 0;
    MN_TRY(mn_buf_printf(out, "machines   others gave %llu tokens, and got %llu",
                         (unsigned long long)i->taken * EACH, (unsigned long long)i->given * EACH));
    if (i->refused)
        MN_TRY(mn_buf_printf(out, "; %llu values were damaged", (unsigned long long)i->refused));
    if (i->unlinked)
        MN_TRY(mn_buf_printf(out, "; links lost: %llu", (unsigned long long)i->unlinked));
    return mn_buf_puts(out, "\n");
}

static int stat(mn_region **region, const mn_cli_region_options *o, int n, const char *const *words,
                mn_buf *out) {
    mn_region_info i;
    char a[16], b[16];
    uint64_t kept[2] = {0};
    (void)o, (void)n, (void)words;
    mn_region_describe(*region, &i);
    MN_TRY(mn_region_extents(*region, add_kept, kept));
    MN_TRY(mn_buf_printf(out, "%s\n", i.path));
    MN_TRY(mn_buf_printf(out, "in memory  %s of at most %s", mn_budget_human(i.charged, a),
                         mn_budget_human(i.limit, b)));
    if (i.warm) MN_TRY(mn_buf_printf(out, ", %s of it for nobody", mn_budget_human(i.warm, a)));
    MN_TRY(mn_buf_puts(out, "\n"));
    MN_TRY(say_disk(&i, out));
    MN_TRY(
        mn_buf_printf(out, "unused     leaves after %d days\nextents    %d", MN_DAYS, i.extents));
    if (i.open) MN_TRY(mn_buf_printf(out, ", %d of them still growing", i.open));
    if (i.out) MN_TRY(mn_buf_printf(out, ", %d on disk alone", i.out));
    if (i.derived) MN_TRY(mn_buf_printf(out, ", %d with vectors of records", i.derived));
    if (kept[0])
        MN_TRY(mn_buf_printf(out, ", %llu pinned (%llu tokens)", (unsigned long long)kept[0],
                             (unsigned long long)kept[1]));
    MN_TRY(mn_buf_printf(out, "\ntokens     %llu, which took %.1f s to compute\n",
                         (unsigned long long)i.rows, (double)i.cost_us * 1e-6));
    if (i.asked)
        MN_TRY(mn_buf_printf(out, "found      %llu of %llu tokens that were asked for\n",
                             (unsigned long long)i.found, (unsigned long long)i.asked));
    MN_TRY(say_others(&i, out));
    return mn_buf_printf(out, "processes  %d use it now\n", i.processes);
}

const mn_cli_verb mn_cli_region_verbs[] = {{"stat", 0, 0, stat},
                                           {"forget", 0, 0, mn_cli_region_forget},
                                           {"pin", 0, -1, mn_cli_region_pin},
                                           {"unpin", 0, -1, mn_cli_region_unpin},
                                           {"check", 0, 0, mn_cli_region_check},
                                           {"gc", 0, 0, mn_cli_region_gc},
                                           {"export", 1, -1, mn_cli_region_export},
                                           {"import", 1, 1, mn_cli_region_import},
                                           {"destroy", 0, 0, mn_cli_region_destroy},
                                           {0}};

static int unknown(const char *word) {
    const char *names[16];
    mn_buf list = {0};
    size_t n = 0;
    int rc = 0;
    for (const mn_cli_verb *v = mn_cli_region_verbs; v->name && n < 16; v++) {
        if (rc >= 0) rc = mn_buf_printf(&list, "%s%s", n ? ", " : "", v->name);
        names[n++] = v->name;
    }
    const char *near = mn_opt_nearest(word, names, n);
    if (rc >= 0)
        rc = near ? MN_FAIL(MN_CLI_USAGE, "region %s: did you mean '%s'?", word, near)
                  : MN_FAIL(MN_CLI_USAGE, "region %s: there are %s", word, list.data);
    mn_buf_free(&list);
    return rc;
}

static int run(const void *opaque, int n_words, const char *const *words) {
    const mn_cli_region_options *o = opaque;
    const char *word = n_words ? words[0] : "stat";
    const mn_cli_verb *v = mn_cli_region_verbs;
    const int more = n_words ? n_words - 1 : 0;
    while (v->name && strcmp(v->name, word) != 0) v++;
    if (!v->name) return unknown(word);
    if (more < v->least) return MN_FAIL(MN_CLI_USAGE, "region %s: name the file", word);
    if (v->most >= 0 && more > v->most)
        return MN_FAIL(MN_CLI_USAGE, "region %s: what is '%s' for?", word, words[1 + v->most]);
    if (o->generate.region && strcmp(o->generate.region, "none") == 0)
        return MN_FAIL(MN_CLI_USAGE, "--region none: there is nothing to look at");
    mn_region *r;
    mn_buf out = {0};
    MN_TRY(mn_cli_generate_region(&o->generate, &r));
    int rc = v->run(&r, o, more, words + 1, &out);
    if (rc >= 0 && out.len) {
        const int wrote = mn_cli_write(out.data, out.len);
        if (wrote < 0) rc = wrote;
    }
    mn_buf_free(&out);
    mn_region_close(&r);
    return rc;
}

#define AT(field) offsetof(mn_cli_region_options, field)
#define FLAG(name_, field, help_) \
    { .kind = MN_OPT_FLAG, .name = name_, .no_env = 1, .offset = AT(field), .help = help_ }
static const mn_opt rows[] = {
    {.kind = MN_OPT_ROWS, .offset = AT(generate), .rows = mn_cli_generate_rows},
    FLAG("raw", raw, "pin, export: the prompt is the text to continue: no chat template"),
    FLAG("all", all, "forget: everything that nobody is using"),
    {.kind = MN_OPT_TEXT,
     .name = "since",
     .value = "TIME",
     .no_env = 1,
     .offset = AT(since),
     .help = "forget: what was computed since then: 2h, 3d, today, 2026-07-31T18:00:00Z"},
    FLAG("json", json, "check: one JSON object instead of the table"),
    MN_CLI_COMMON,
    {0}};

const mn_cli_command mn_cli_command_region = {
    .name = "region",
    .run = run,
    .options = rows,
    .size = sizeof(mn_cli_region_options),
    .max_words = -1,
    .words = "stat|forget|pin|unpin|check|gc|export|import|destroy",
    .usage = "[stat | forget [-f FILE].. [--since TIME] [--all] | pin | unpin | check | gc | "
             "export FILE | import FILE | destroy]",
    .summary = "what processes share here, how to keep it, and how to be rid of it",
    .about =
        "Keys and values of prompts and answers, with their tokens, lie in one file in memory that "
        "all processes of a user share, and in files on disk, in which they outlive the machine: "
        "`omnesia run` and `omnesia chat` look there before they compute, and leave there what "
        "they "
        "computed. `--region none` shares nothing, `--private` leaves nothing.\n\n"
        "`stat` says where it is, what it holds and what it may hold.\n\n"
        "`forget -f FILE` removes what was computed from a text: all that holds 16 of its tokens "
        "in "
        "a row (tokens of the model of -m), and what builds upon that, from memory and disk at "
        "once, overwritten; pinned or not. `forget --since 2h` removes what was computed since "
        "then, `forget --all` everything. What a living process is using stays, and is said; the "
        "exit status is 1 then.\n\n"
        "`pin [-m MODEL] [-f FILE].. [PROMPT]` keeps what is cached of a prompt, the one `omnesia "
        "run` would make of these words and options: it neither makes room for others nor expires. "
        "`unpin` takes that back.\n\n"
        "`check` looks through all of it, and compares every file with its sums; exit status 1 "
        "when "
        "something is damaged. `gc` removes what is damaged, expired or nobody's.\n\n"
        "`export FILE [-m MODEL] [-f FILE].. [PROMPT]` writes all that is cached into a file, or "
        "what "
        "is cached of one prompt, the one `omnesia run` would make of these words and options; it "
        "can be read by you alone. `import FILE` adds what such a file holds, on this machine or "
        "another one: all of it is checked first, and what is there already is not doubled. Who "
        "made the file is believed, so import only what you or somebody you trust exported.\n\n"
        "`destroy` removes the region, its files and its durable objects, when no process uses "
        "it."};
