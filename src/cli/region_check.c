/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/region_check.c - `omnesia region check`, `gc` and `destroy`.
 */
#include "cli/region.h"

#include "base/budget.h"
#include "cli/json.h"
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>

static int look(mn_region *r, int mend, mn_region_health *h) {
    mn_cli_bar bar = {.in_bytes = 1};
    const mn_progress progress = mn_cli_progress(&bar);
    const int rc = mn_region_check(r, mend, &progress, mn_cli_notice, &bar, h);
    mn_cli_progress_clear(&bar);
    return rc;
}

static int damaged(const mn_region_health *h) {
    return h->bad || h->orphans || h->beyond;
}

static int table(const mn_region_health *h, mn_buf *out) {
    char a[16], b[16];
    MN_TRY(mn_buf_printf(out, "extents    %d, %d being written, %d on disk alone", h->extents,
                         h->open, h->out));
    MN_TRY(mn_buf_printf(out, "%s\n", h->orphans ? "; some whose state cannot be" : ""));
    MN_TRY(mn_buf_printf(out, "owners     %d died and were not buried yet\n", h->dead));
    MN_TRY(mn_buf_printf(out, "memory     %s said to be held, %s are",
                         mn_budget_human(h->charged, a), mn_budget_human(h->held, b)));
    if (h->beyond)
        MN_TRY(mn_buf_printf(out, ", %s more than was said", mn_budget_human(h->beyond, a)));
    if (h->warm) MN_TRY(mn_buf_printf(out, ", %s for nobody", mn_budget_human(h->warm, a)));
    MN_TRY(mn_buf_printf(out, "\nindex      %d entries, %d of them stale\n", h->entries, h->stale));
    MN_TRY(mn_buf_printf(out, "files      %d with %s compared, %d damaged\n", h->files,
                         mn_budget_human(h->file_bytes, a), h->bad));
    if (h->strange)
        MN_TRY(mn_buf_printf(out, "strange    %llu files with %s that no extent has\n",
                             (unsigned long long)h->strange, mn_budget_human(h->strange_bytes, a)));
    if (h->expired)
        MN_TRY(mn_buf_printf(out, "expired    %d extents with %s, unused for %d days\n", h->expired,
                             mn_budget_human(h->expired_bytes, a), MN_DAYS));
    return mn_buf_puts(out, damaged(h) ? "verdict    damaged: `omnesia region gc` removes what is, "
                                         "and it is computed again when it is needed\n"
                                       : "verdict    all is well\n");
}

static int object(const mn_region_health *h, mn_buf *out) {
    json_t *o = json_pack(
        "{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I,"
        " s:b}",
        "extents", (int)h->extents, "open", (int)h->open, "out", (int)h->out, "dead", (int)h->dead,
        "orphans", (int)h->orphans, "entries", (int)h->entries, "stale", (int)h->stale, "files",
        (int)h->files, "bad", (int)h->bad, "expired", (int)h->expired, "strange",
        (json_int_t)h->strange, "file_bytes", (json_int_t)h->file_bytes, "strange_bytes",
        (json_int_t)h->strange_bytes, "expired_bytes", (json_int_t)h->expired_bytes, "charged",
        (json_int_t)h->charged, "held", (json_int_t)h->held, "beyond", (json_int_t)h->beyond,
        "warm", (json_int_t)h->warm, "damaged", damaged(h));
    return mn_cli_json(o, out);
}

MN_CLI_VERB(check) {
    mn_region_health h;
    (void)n, (void)words;
    MN_TRY(look(*region, 0, &h));
    MN_TRY(o->json ? object(&h, out) : table(&h, out));
    return damaged(&h);
}

MN_CLI_VERB(gc) {
    mn_region_health h;
    char human[16];
    (void)o, (void)n, (void)words;
    MN_TRY(look(*region, 1, &h));
    MN_TRY(mn_buf_printf(out, "%s went back", mn_budget_human(h.left, human)));
    if (h.dead) MN_TRY(mn_buf_printf(out, "; %d processes that died were buried", h.dead));
    if (h.warm) MN_TRY(mn_buf_puts(out, "; memory held for nobody"));
    if (h.expired) MN_TRY(mn_buf_printf(out, "; %d extents expired", h.expired));
    if (h.bad) MN_TRY(mn_buf_printf(out, "; %d damaged files", h.bad));
    if (h.orphans) MN_TRY(mn_buf_printf(out, "; %d extents of nobody", h.orphans));
    if (h.strange)
        MN_TRY(
            mn_buf_printf(out, "; %llu files that no extent has", (unsigned long long)h.strange));
    return mn_buf_puts(out, "\n");
}

MN_CLI_VERB(destroy) {
    mn_region_info i;
    mn_buf what = {0};
    char human[16];
    uint64_t bytes;
    (void)o, (void)n, (void)words;
    mn_region_describe(*region, &i);
    int rc = mn_buf_printf(&what, "%s%s%s", i.path, *i.disk ? " and its files in " : "", i.disk);
    if (rc >= 0) rc = mn_region_destroy(region, &bytes);
    if (rc >= 0)
        rc = mn_buf_printf(out, "%s are gone, with %s\n", what.data, mn_budget_human(bytes, human));
    mn_buf_free(&what);
    return rc;
}
