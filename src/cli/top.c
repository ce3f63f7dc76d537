/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/top.c - `omnesia top`: a region, looked at once a second.
 *
 * On a terminal the picture is drawn in place on the alternate screen, in one write, each line
 * cleared behind its end, so that nothing flickers. The terminal is given back by whatever end:
 * signals only set a flag or wake the wait, and SIGKILL alone leaves it as it is. Elsewhere, and
 * with --json, it is said once.
 */
#include "cli/top.h"

#include "base/alloc.h"
#include "cli/json.h"
#include "cli/objects.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

typedef struct top_options {
    mn_cli_common common;
    const char *region;
    int json;
} top_options;

/* ---- looking ------------------------------------------------------------------------------ */
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

/* ---- JSON --------------------------------------------------------------------------------- */
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

/* ---- the terminal ------------------------------------------------------------------------- */
static volatile sig_atomic_t ended;
static struct termios was; /* how we found it */
static int ours;           /* it is to be given back */

static void give_back(void) {
    static const char normal[] = "\033[?25h\033[?1049l";
    if (!ours) return;
    ours = 0;
    if (write(STDOUT_FILENO, normal, sizeof normal - 1) < 0) errno = 0; /* nobody is there */
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
}

static void on_end(int number) {
    (void)number;
    ended = 1;
}
static void on_resize(int number) {
    (void)number; /* the wait ends, and that is all */
}

static int take(void) {
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction how = {.sa_handler = on_end};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) sigaction(ends[i], &how, NULL);
    how.sa_handler = on_resize;
    sigaction(SIGWINCH, &how, NULL);
    if (tcgetattr(STDIN_FILENO, &was) < 0) return MN_FAIL(MN_EIO, "the terminal cannot be set up");
    struct termios raw = was;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* a stopped program would keep the terminal */
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) < 0)
        return MN_FAIL(MN_EIO, "the terminal cannot be set up");
    ours = 1;
    atexit(give_back);
    return mn_cli_write("\033[?1049h\033[?25l", 14);
}

static void size_of(int *columns, int *rows) {
    struct winsize w;
    const int known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col && w.ws_row;
    *columns = known ? w.ws_col : 80;
    *rows = known ? w.ws_row : 24;
}

/* Each line, and what is behind the last one, is cleared to its end. */
static int show(const mn_top *t, int colour) {
    mn_buf text = {0}, out = {0};
    int columns, rows;
    size_of(&columns, &rows);
    int rc = mn_top_draw(t, columns, rows, colour, 1, &text);
    if (rc >= 0) rc = mn_buf_puts(&out, "\033[H");
    for (const char *p = text.data, *end; rc >= 0 && p; p = *end ? end + 1 : NULL) {
        end = p + strcspn(p, "\n");
        rc = mn_buf_append(&out, p, (size_t)(end - p));
        if (rc >= 0) rc = mn_buf_puts(&out, *end ? "\033[K\r\n" : "\033[K\033[J");
    }
    if (rc >= 0) rc = mn_cli_write(out.data, out.len);
    mn_buf_free(&text);
    mn_buf_free(&out);
    return rc;
}

/* A second, or less: 1 when a key, or a signal, says that it is over. */
static int wait_for_key(void) {
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char key = 0;
    if (poll(&in, 1, 1000) > 0 && read(STDIN_FILENO, &key, 1) <= 0) return 1;
    return ended || key == 'q' || key == 'Q' || key == 3;
}

static int live(mn_region *r, mn_top *t) {
    const char *none = getenv("NO_COLOR");
    const int colour = !(none && *none);
    int rc = take();
    do {
        if (rc >= 0) rc = look(r, t);
        if (rc >= 0) rc = show(t, colour);
    } while (rc >= 0 && !wait_for_key());
    give_back();
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
