/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/region_forget.c - `omnesia region forget`, `pin` and `unpin`: what goes, and what stays.
 *
 * A file is looked for by the tokens that `omnesia run -f` makes of it. What stands around it there
 * is no part of it: the text is tokenized within it, and what both ends have in common with the
 * same thing without a text is left out.
 */
#include "cli/region.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/ends.h"
#include "cli/progress.h"
#include "cli/since.h"

#include <string.h>
#include <time.h>

/* All tokens of a text; freed with mn_free. */
static int tokens_of(const mn_vocab *v, const mn_buf *text, int32_t **out) {
    const int n = mn_vocab_encode(v, text->data, text->len, 0, NULL, 0);
    MN_TRY(n);
    *out = mn_malloc(((size_t)n + 1) * sizeof **out);
    if (!*out) return MN_FAIL(MN_ENOMEM, "no memory for %d tokens", n);
    return mn_vocab_encode(v, text->data, text->len, 0, *out, (size_t)n);
}

/* The document, and what is around it. */
static int both_of(const char *file, mn_buf *full, mn_buf *hollow) {
    const char *item[] = {file};
    const mn_opt_list one = {item, 1};
    MN_TRY(mn_cli_documents(&one, full));
    return mn_cli_document(file, "", 0, hollow);
}

static int forget_file(mn_region *r, const mn_vocab *v, const char *file, mn_forgotten *out) {
    mn_buf full = {.what = file}, hollow = {0};
    int32_t *ids = NULL, *around = NULL;
    int n = 0, k = 0, from = 0, end = 0;
    int rc = both_of(file, &full, &hollow);
    if (rc >= 0) rc = n = tokens_of(v, &full, &ids);
    if (rc >= 0) rc = k = tokens_of(v, &hollow, &around);
    if (rc >= 0) mn_same_ends(ids, n, around, k, &from, &end);
    if (rc >= 0 && n - from - end < 1)
        rc = MN_FAIL(MN_EINVAL, "%s has no tokens of its own, by which it could be found", file);
    if (rc >= 0) rc = mn_region_forget_tokens(r, ids + from, n - from - end, out);
    mn_free(ids);
    mn_free(around);
    mn_buf_free(&full);
    mn_buf_free(&hollow);
    return rc;
}

static void add(mn_forgotten *sum, const mn_forgotten *f) {
    sum->bytes += f->bytes;
    sum->rows += f->rows;
    sum->extents += f->extents;
    sum->stayed += f->stayed;
    sum->stayed_rows += f->stayed_rows;
    if (f->by) sum->by = f->by;
}

static int forget_files(mn_region *r, const mn_cli_region_options *o, mn_forgotten *sum) {
    mn_cli_bar bar = {.in_bytes = 1};
    mn_model_options how = {
        .progress = mn_cli_progress(&bar), .notice = mn_cli_notice, .notice_user = &bar};
    mn_vocab *v;
    mn_forgotten f;
    int rc = mn_vocab_open(o->generate.model, &how, &v);
    mn_cli_progress_clear(&bar);
    for (int i = 0; rc >= 0 && i < o->generate.files.n; i++) {
        rc = forget_file(r, v, o->generate.files.item[i], &f);
        if (rc >= 0) add(sum, &f);
    }
    mn_vocab_close(&v);
    return rc;
}

MN_CLI_VERB(forget) {
    mn_forgotten sum = {0}, f;
    char human[16];
    uint64_t since = 0;
    (void)n, (void)words;
    const int files = o->generate.files.n;
    if (!files && !o->since && !o->all)
        return MN_FAIL(MN_CLI_USAGE, "region forget: say what: -f FILE, --since TIME, or --all");
    if (o->since && mn_cli_since(o->since, (uint64_t)time(NULL), &since) < 0) return MN_CLI_USAGE;
    if (files) MN_TRY(forget_files(*region, o, &sum));
    if (o->since || o->all) {
        MN_TRY(mn_region_forget(*region, o->all ? 0 : since, &f));
        add(&sum, &f);
    }
    MN_TRY(mn_buf_printf(out, "%d extents with %llu tokens are forgotten, %s went back\n",
                         sum.extents, (unsigned long long)sum.rows,
                         mn_budget_human(sum.bytes, human)));
    if (!sum.stayed) return 0;
    MN_TRY(mn_buf_printf(out, "%d with %llu tokens stay: %s%lld uses them\n", sum.stayed,
                         (unsigned long long)sum.stayed_rows, "process ", (long long)sum.by));
    return 1;
}

/* ---- pin, unpin --------------------------------------------------------------------------- */
static int keep(mn_region *region, const mn_cli_region_options *o, int n, const char *const *words,
                int on, mn_buf *out) {
    mn_buf prompt = {.what = "the prompt"};
    mn_model *model = NULL;
    mn_request r = mn_cli_request(&o->generate);
    int32_t tokens = 0, all = 0;
    if (!n && !o->generate.files.n)
        return MN_FAIL(MN_CLI_USAGE, "region %s: give a prompt, or -f FILE", on ? "pin" : "unpin");
    int rc = mn_cli_prompt(&o->generate.files, n, words, &prompt);
    if (rc >= 0) rc = mn_cli_model_of(&o->generate, region, &model);
    r.prompt = prompt.data;
    r.raw = o->raw;
    if (rc >= 0) rc = mn_region_pin(model, &r, on, &tokens, &all);
    if (rc >= 0)
        rc = mn_buf_printf(out, "%d of %d tokens %s\n", tokens, all,
                           on ? "are kept from now on" : "may leave again");
    if (rc >= 0 && !tokens)
        rc = MN_FAIL(MN_ENOENT, "nothing of this prompt is cached: run it once, then pin it");
    mn_model_close(&model);
    mn_buf_free(&prompt);
    return rc < 0 ? rc : 0;
}

MN_CLI_VERB(pin) {
    return keep(*region, o, n, words, 1, out);
}
MN_CLI_VERB(unpin) {
    return keep(*region, o, n, words, 0, out);
}
