/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/region.c - `omnesia region`: what processes share here, and how to be rid of it.
 */
#include "cli/cli.h"
#include "omnesia.h"

#include "base/budget.h"

#include <stdio.h>
#include <string.h>

typedef struct region_options {
    mn_cli_common common;
    const char *region;
    int all;
} region_options;

static int stat(mn_region *r, mn_buf *out) {
    mn_region_info i;
    char a[16], b[16];
    mn_region_describe(r, &i);
    MN_TRY(mn_buf_printf(out, "%s\n", i.path));
    MN_TRY(mn_buf_printf(out, "holds      %s of at most %s", mn_budget_human(i.charged, a),
                         mn_budget_human(i.limit, b)));
    if (i.warm) MN_TRY(mn_buf_printf(out, ", %s of it for nobody", mn_budget_human(i.warm, a)));
    MN_TRY(mn_buf_printf(out, "\nextents    %d", i.extents));
    if (i.open) MN_TRY(mn_buf_printf(out, ", %d of them still growing", i.open));
    MN_TRY(mn_buf_printf(out, "\ntokens     %llu, which took %.1f s to compute\n",
                         (unsigned long long)i.rows, (double)i.cost_us * 1e-6));
    return mn_buf_printf(out, "processes  %d use it now\n", i.processes);
}

static int forget(mn_region *r, const region_options *o, mn_buf *out) {
    mn_region_info i;
    char a[16], b[16];
    if (!o->all) return MN_FAIL(MN_CLI_USAGE, "region forget: say --all");
    const uint64_t bytes = mn_region_clear(r);
    mn_region_describe(r, &i);
    MN_TRY(mn_buf_printf(out, "%s went back", mn_budget_human(bytes, a)));
    if (i.charged)
        MN_TRY(mn_buf_printf(out, "; %s are in use by %d processes and stay",
                             mn_budget_human(i.charged, b), i.processes));
    return mn_buf_puts(out, "\n");
}

static int run(const void *opaque, int n_words, const char *const *words) {
    const region_options *o = opaque;
    const char *verb = n_words ? words[0] : "stat";
    const int forgets = strcmp(verb, "forget") == 0;
    if (!forgets && strcmp(verb, "stat") != 0)
        return MN_FAIL(MN_CLI_USAGE, "region %s: there are stat and forget", verb);
    const int given = o->region && *o->region;
    if (given && strcmp(o->region, "none") == 0)
        return MN_FAIL(MN_CLI_USAGE, "--region none: there is nothing to look at");
    mn_region *r;
    mn_buf out = {0};
    MN_TRY(mn_region_open(given ? o->region : NULL, 0, 0, &r));
    int rc = forgets ? forget(r, o, &out) : stat(r, &out);
    if (rc >= 0) rc = mn_cli_write(out.data, out.len);
    mn_buf_free(&out);
    mn_region_close(&r);
    return rc;
}

#define AT(field) offsetof(region_options, field)
static const mn_opt rows[] = {{.kind = MN_OPT_TEXT,
                               .name = "region",
                               .value = "PATH",
                               .offset = AT(region),
                               .help = "another region than your own"},
                              {.kind = MN_OPT_FLAG,
                               .name = "all",
                               .no_env = 1,
                               .offset = AT(all),
                               .help = "forget: everything that nobody is reading"},
                              MN_CLI_COMMON,
                              {0}};

const mn_cli_command mn_cli_command_region = {
    .name = "region",
    .run = run,
    .options = rows,
    .size = sizeof(region_options),
    .max_words = 1,
    .usage = "[stat | forget --all]",
    .summary = "what processes share here",
    .about = "Keys and values of prompts lie in one file, in memory, that all processes of a user "
             "share: `omnesia run` and `omnesia chat` look there before they compute, and leave "
             "there what they computed. `stat` says where it is and what it holds, `forget --all` "
             "empties it. `--region none` shares nothing, `--private` leaves nothing."};
