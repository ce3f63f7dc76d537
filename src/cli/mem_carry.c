/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/mem_carry.c - `omnesia mem import`, `export`, `reembed`, `organise` and `migrate`: long work,
 * with a bar.
 */
#include "cli/mem.h"
#include "cli/progress.h"

#include <jansson.h>
#include <signal.h>
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
    const int rc =
        mn_mem_import(m->mem, &m->scope, m->words[0], m->o->format, &p, complain, &c, &carry);
    mn_cli_progress_clear(&bar);
    MN_TRY(rc);
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
        return MN_FAIL(MN_CLI_USAGE,
                       "organise by whom? --organise mem0 (facts), amem (notes) or zep (a graph)");
    MN_TRY(embed(m, 1, &bar, &seen));
    return mn_buf_printf(&m->out, m->o->json ? "{\"organised\":%lld}\n" : "%lld organised\n",
                         (long long)seen);
}

/* ---- to another store --------------------------------------------------------------------- */
static volatile sig_atomic_t interrupted;

static void interrupt(int number) {
    interrupted = number;
    signal(number, SIG_DFL); /* a second one ends the program */
}

static int report(void *user, const char *what, uint64_t done, uint64_t total) {
    const mn_progress *const bar = user;
    if (bar->report) bar->report(bar->user, what, done, total);
    return interrupted != 0;
}

static int say_moved(mn_cli_mem *m, const char *result) {
    if (m->o->json) return mn_buf_printf(&m->out, "%s\n", result);
    json_t *const said = json_loads(result, 0, NULL);
    if (!said) return MN_FAIL(MN_ENOMEM, "no memory to say what was moved: it is all there");
    const char *const name[] = {"users", "rows", "vectors", "links"};
    long long n[4];
    for (int i = 0; i < 4; i++) n[i] = json_integer_value(json_object_get(said, name[i]));
    const int rc = mn_buf_printf(
        &m->out,
        "moved: %lld users, %lld records and former versions, %lld vectors, %lld links\n"
        "both stores have the digest %s\n",
        n[0], n[1], n[2], n[3], json_string_value(json_object_get(said, "digest")));
    json_decref(said);
    return rc;
}

int mn_cli_mem_migrate(mn_cli_mem *m) {
    mn_cli_bar bar = {0};
    const mn_progress drawn = mn_cli_progress(&bar);
    const mn_progress p = {report, (void *)(uintptr_t)&drawn};
    char *result = NULL;
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    int rc = mn_mem_migrate(m->o->store, m->words[0], &p, &result);
    mn_cli_progress_clear(&bar);
    if (rc >= 0) rc = say_moved(m, result);
    mn_free_text(result);
    return rc;
}
