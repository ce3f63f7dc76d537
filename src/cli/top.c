/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/top.c - `omnesia top`: a region, looked at once a second.
 *
 * On a terminal the picture is drawn in place (cli/screen.h); elsewhere, and with --json, it is
 * said once.
 */
#include "cli/top.h"

#include "base/alloc.h"
#include "cli/json.h"
#include "cli/objects.h"
#include "cli/screen.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct top_options {
    mn_cli_common common;
    const char *region;
    int json;
} top_options;

/* ---- looking ----------------------------------------------------------------------------- */
/* What was used later comes first; of what was used at once, what took longer. */
static int before(const mn_region_extent *a, const mn_region_extent *b) {
    return a->used != b->used ? a->used > b->used : a->cost_us > b->cost_us;
}

static int add_extent(void *user, const mn_region_extent *e) {
    mn_top *t = user;
    int i = t->extents;
    if (i == MN_TOP_EXTENTS && !before(e, t->extent + i - 1)) return 0;
    if (i == MN_TOP_EXTENTS) i--;
    for (; i > 0 && before(e, t->extent + i - 1); i--) t->extent[i] = t->extent[i - 1];
    t->extent[i] = *e;
    if (t->extents < MN_TOP_EXTENTS) t->extents++;
    return 0;
}

static int add_process(void *user, const mn_region_process *p) {
    mn_top *t = user;
    if (p->pid != getpid() && t->processes < MN_TOP_PROCESSES) t->process[t->processes++] = *p;
    return 0;
}

static int look(mn_region *r, mn_top *t) {
    *t = (mn_top){.at = (uint64_t)time(NULL)};
    mn_region_describe(r, &t->info);
    MN_TRY(mn_region_processes(r, add_process, t));
    return mn_region_extents(r, add_extent, t);
}

/* ---- JSON -------------------------------------------------------------------------------- */
static json_t *extents_of(const mn_top *t) {
    json_t *list = json_array();
    for (int i = 0; i < t->extents; i++) {
        const mn_region_extent *e = t->extent + i;
        json_array_append_new(
            list, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:b, s:b}", "used",
                            (json_int_t)e->used, "born", (json_int_t)e->born, "from",
                            (json_int_t)e->start, "tokens", (json_int_t)e->rows, "memory",
                            (json_int_t)e->memory, "disk", (json_int_t)e->disk, "cost_us",
                            (json_int_t)e->cost_us, "writer", (json_int_t)e->writer, "users",
                            (int)e->readers, "growing", e->open, "pinned", e->kept));
    }
    return list;
}

static json_t *processes_of(const mn_top *t) {
    json_t *list = json_array();
    for (int i = 0; i < t->processes; i++) {
        const mn_region_process *p = t->process + i;
        json_array_append_new(list, json_pack("{s:I, s:I, s:i, s:i}", "pid", (json_int_t)p->pid,
                                              "born", (json_int_t)p->born, "writes", (int)p->writes,
                                              "uses", (int)p->pins));
    }
    return list;
}

static int object(const mn_top *t, mn_buf *out) {
    const mn_region_info *i = &t->info;
    json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:I, s:I, s:I, "
                          "s:I, s:I, s:I, s:i, s:o, s:o}",
                          "path", i->path, "folder", i->disk, "memory", (json_int_t)i->charged,
                          "memory_limit", (json_int_t)i->limit, "warm", (json_int_t)i->warm, "disk",
                          (json_int_t)i->stored, "disk_limit", (json_int_t)i->disk_limit, "tokens",
                          (json_int_t)i->rows, "extents", (int)i->extents, "growing", (int)i->open,
                          "on_disk_alone", (int)i->out, "asked", (json_int_t)i->asked, "found",
                          (json_int_t)i->found, "evicted", (json_int_t)i->evicted, "moved",
                          (json_int_t)i->moved, "damaged", (json_int_t)i->damaged, "watched",
                          (json_int_t)i->watched, "with_vectors", (int)i->derived, "processes",
                          processes_of(t), "list", extents_of(t));
    return mn_cli_json(o, out);
}

/* ---- the terminal ------------------------------------------------------------------------ */
static int show(const mn_top *t, int colour) {
    mn_buf text = {0};
    int columns, rows;
    mn_screen_size(&columns, &rows);
    int rc = mn_top_draw(t, columns, rows, colour, 1, &text);
    if (rc >= 0) rc = mn_screen_show(text.data);
    mn_buf_free(&text);
    return rc;
}

/* A second, or less: 1 when a key, or a signal, says that it is over. */
static int wait_for_key(void) {
    const int key = mn_screen_key(1000);
    return key == 'q' || key == 'Q';
}

static int live(mn_region *r, mn_top *t) {
    const int colour = mn_screen_colour();
    int rc = mn_screen_take();
    do {
        if (rc >= 0) rc = look(r, t);
        if (rc >= 0) rc = show(t, colour);
    } while (rc >= 0 && !wait_for_key());
    mn_screen_give_back();
    return rc;
}

static int once(mn_region *r, mn_top *t, int json) {
    mn_buf out = {0};
    int rc = look(r, t);
    if (rc >= 0) rc = json ? object(t, &out) : mn_top_draw(t, 100, 1000, 0, 0, &out);
    if (rc >= 0 && !json) rc = mn_buf_puts(&out, "\n");
    if (rc >= 0) rc = mn_cli_write(out.data, out.len);
    mn_buf_free(&out);
    return rc;
}

static int run(const void *opaque, int n_words, const char *const *words) {
    const top_options *o = opaque;
    (void)n_words, (void)words;
    mn_region *r = NULL;
    mn_top *t = mn_calloc(1, sizeof *t);
    if (!t) return MN_FAIL(MN_ENOMEM, "no memory for a picture");
    int rc = mn_cli_region_open("top", o->region, &r);
    const int terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    if (rc >= 0) rc = terminal && !o->json ? live(r, t) : once(r, t, o->json);
    mn_region_close(&r);
    mn_free(t);
    return rc;
}

#define AT(field) offsetof(top_options, field)
static const mn_opt rows[] = {MN_CLI_REGION_ROW(AT(region)),
                              {.kind = MN_OPT_FLAG,
                               .name = "json",
                               .no_env = 1,
                               .offset = AT(json),
                               .help = "one JSON object, once"},
                              MN_CLI_COMMON,
                              {0}};

const mn_cli_command mn_cli_command_top = {
    .name = "top",
    .run = run,
    .options = rows,
    .size = sizeof(top_options),
    .usage = "[--json]",
    .summary = "what the region holds, and who uses it, live",
    .about =
        "Redrawn once a second until q is pressed: bytes in memory and on disk, how many of "
        "the tokens that were asked for were found, what had to go; processes that use the "
        "region; and what it holds, what was used last first: from which position on, how many "
        "tokens, where (* is pinned), how many use it, and the time it saves whoever needs it. "
        "Not on a terminal it is said once."};
