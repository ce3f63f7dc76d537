/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/mem_carry.c - `omnesia mem import`, `export` and `reembed`: long work, with a bar.
 */
#include "cli/mem.h"
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>

enum { WRONG_SHOWN = 20 };

typedef struct complaints {
    mn_cli_bar *bar;
    int n;
} complaints;

static void complain(void *user, const char *line) {
    complaints *const c = user;
    mn_cli_progress_clear(c->bar);
    if (++c->n <= WRONG_SHOWN) fprintf(stderr, "%s\n", line);
    if (c->n == WRONG_SHOWN) fprintf(stderr, "(further ones are counted)\n");
}

static int embed(mn_cli_mem *m, int again, mn_cli_bar *bar, int64_t *made) {
    const mn_progress p = mn_cli_progress(bar);
    *made = mn_mem_embed(m->mem, again, &p);
    mn_cli_progress_clear(bar);
    return *made < 0 ? (int)*made : 0;
}

int mn_cli_mem_import(mn_cli_mem *m) {
    mn_cli_bar bar = {0};
    complaints c = {&bar, 0};
    mn_carry carry = {0};
    int64_t made = 0;
    const mn_progress p = mn_cli_progress(&bar);
    MN_TRY(mn_mem_import(m->mem, &m->scope, m->words[0], m->o->format, &p, complain, &c, &carry));
    mn_cli_progress_clear(&bar);
    /* What came in is there, found by its words, whatever becomes of the vectors. */
    if (carry.added && !m->o->no_embed && embed(m, 0, &bar, &made) < 0)
        fprintf(stderr, "vectors are left for later: %s\n", mn_error_detail());
    MN_TRY(mn_buf_printf(&m->out,
                         m->o->json ? "{\"added\":%lld,\"there\":%lld,\"wrong\":%lld}\n"
                                    : "%lld added, %lld there already, %lld could not be read\n",
                         (long long)carry.added, (long long)carry.there, (long long)carry.wrong));
    return carry.wrong > 0;
}

int mn_cli_mem_export(mn_cli_mem *m) {
    mn_cli_bar bar = {0};
    const mn_progress p = mn_cli_progress(&bar);
    const int64_t n = mn_mem_export(m->mem, &m->scope, m->words[0], m->o->format, &p);
    mn_cli_progress_clear(&bar);
    if (n < 0) return (int)n;
    return mn_buf_printf(&m->out, m->o->json ? "{\"exported\":%lld}\n" : "%lld records\n",
                         (long long)n);
}

int mn_cli_mem_reembed(mn_cli_mem *m) {
    mn_cli_bar bar = {0};
    int64_t made;
    MN_TRY(embed(m, 1, &bar, &made));
    return mn_buf_printf(&m->out, m->o->json ? "{\"vectors\":%lld}\n" : "%lld vectors\n",
                         (long long)made);
}

int mn_cli_mem_organise(mn_cli_mem *m) {
    mn_cli_bar bar = {0};
    int64_t seen;
    if (!m->o->organise || !*m->o->organise || strcmp(m->o->organise, "none") == 0)
        return MN_FAIL(MN_CLI_USAGE, "organise by whom? --organise mem0 (facts) or zep (a graph)");
    MN_TRY(embed(m, 1, &bar, &seen));
    return mn_buf_printf(&m->out, m->o->json ? "{\"organised\":%lld}\n" : "%lld organised\n",
                         (long long)seen);
}
