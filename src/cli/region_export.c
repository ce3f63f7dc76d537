/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/region_export.c - `omnesia region export` and `import`: what is cached, as a file.
 */
#include "cli/region.h"

#include "base/budget.h"
#include "cli/progress.h"

static int say_left(const mn_carried *c, const char *why, mn_buf *out) {
    if (c->left) MN_TRY(mn_buf_printf(out, "; %d left out (%s)", c->left, why));
    return mn_buf_puts(out, "\n");
}

/* What is cached of a prompt, or everything. */
static int export(mn_region *region, const mn_cli_region_options *o, int n,
                  const char *const *words, const char *path, mn_carried *c) {
    mn_buf prompt = {.what = "the prompt"};
    mn_model *model = NULL;
    mn_request r = mn_cli_request(&o->generate);
    int rc = 0;
    if (n || o->generate.files.n) {
        rc = mn_cli_prompt(&o->generate.files, n, words, &prompt);
        if (rc >= 0) rc = mn_cli_model_of(&o->generate, region, &model);
    }
    mn_cli_bar bar = {.in_bytes = 1};
    const mn_progress progress = mn_cli_progress(&bar);
    r.prompt = prompt.data;
    r.raw = o->raw;
    if (rc >= 0) rc = mn_region_export(region, model, &r, path, &progress, c);
    mn_cli_progress_clear(&bar);
    mn_model_close(&model);
    mn_buf_free(&prompt);
    return rc;
}

MN_CLI_VERB(export) {
    mn_carried c;
    char human[16];
    MN_TRY(export(*region, o, n - 1, words + 1, words[0], &c));
    MN_TRY(mn_buf_printf(out, "%d extents with %llu tokens are in %s, %s", c.extents,
                         (unsigned long long)c.rows, words[0], mn_budget_human(c.bytes, human)));
    return say_left(&c, "still growing, shorter than 64 tokens, or behind such", out);
}

MN_CLI_VERB(import) {
    mn_carried c;
    char human[16];
    mn_cli_bar bar = {.in_bytes = 1};
    const mn_progress progress = mn_cli_progress(&bar);
    (void)o, (void)n;
    const int rc = mn_region_import(*region, words[0], &progress, &c);
    mn_cli_progress_clear(&bar);
    MN_TRY(rc);
    MN_TRY(mn_buf_printf(out, "%d extents with %llu tokens came in, %s", c.extents,
                         (unsigned long long)c.rows, mn_budget_human(c.bytes, human)));
    if (c.there) MN_TRY(mn_buf_printf(out, "; %d were there already", c.there));
    return say_left(&c, "there is no room", out);
}
