/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/fleet_help.c - `omnesia fleet VERB --help`: what the library says of the verb, and those rows
 * of the options whose help begins with its name: "join, sim: how likely ..".
 */
#include "cli/fleet.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 80 };

/* The two that are made of others. */
static const struct {
    const char *name, *title, *about, *usage;
} made[] = {
    {"demo", "Show a fleet",
     "A kitchen, a brain and three unlike robots, each a process of its own, and a task (default: "
     "put the apple and the cup on the table): what is seen is what would be seen of a fleet of "
     "your own. On a terminal it is a picture (with --dashboard it stays until q is pressed), "
     "elsewhere lines. It takes a fleet in which no robot "
     "is at work, and empties it first.",
     " [TASK]"},
    {"watch", "Watch a fleet",
     "Map, robots, plan and what happened, five times a second, until q is pressed; s stops all "
     "robots, r lets them go on. On the map a name is a piece of furniture, :2 how many things it "
     "has, (1) a robot, a cross what is closed. Where there is no terminal, one picture is "
     "written; with --json what happens from then on, a line of JSON each, until Ctrl-C.",
     ""}};

/* Does the help begin with a list of verbs? Behind it, and whether `verb` is one; else the help. */
static const char *behind_verbs(const char *help, const char *verb, int *is) {
    const char *p = help;
    *is = 0;
    for (;;) {
        const size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz2");
        if (!n || (p[n] != ':' && p[n] != ',') || p[n + 1] != ' ') break;
        *is |= n == strlen(verb) && strncmp(p, verb, n) == 0;
        if (p[n] == ':') return p + n + 2;
        p += n + 2;
    }
    *is = 1;
    return help;
}

static int put_options(const mn_opt *rows, const char *verb, mn_buf *out) {
    mn_opt mine[ROWS] = {{0}};
    int n = 0;
    for (const mn_opt *row = rows; (row->name || row->kind) && n < ROWS - 1; row++) {
        int is = 1;
        mine[n] = *row;
        if (row->help) mine[n].help = behind_verbs(row->help, verb, &is);
        n += is;
    }
    MN_TRY(mn_buf_puts(out, "\noptions:\n"));
    return mn_opt_print(mine, mn_cli_columns(), out);
}

static int put_head(const char *verb, const char *title, const char *about, mn_buf *usage,
                    mn_buf *out) {
    MN_TRY(mn_buf_printf(out, "omnesia fleet %s - %s\n\nusage: omnesia fleet %s%s [OPTIONS]\n\n",
                         verb, title, verb, usage->data ? usage->data : ""));
    /* What is only for models ends it. */
    const char *const data = strstr(about, " What is read is data");
    mn_buf text = {0};
    int rc = mn_buf_append(&text, about, data ? (size_t)(data - about) : strlen(about));
    if (rc >= 0) rc = mn_cli_wrap(text.data, mn_cli_columns(), 0, out);
    if (rc >= 0) rc = mn_buf_puts(out, "\n");
    mn_buf_free(&text);
    return rc;
}

static int required(const json_t *verb, const char *name) {
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(json_object_get(verb, "takes"), "required"), i, one) {
        if (strcmp(json_string_value(one), name) == 0) return 1;
    }
    return 0;
}

/* " THING [TO]" */
static int put_words(const json_t *verb, mn_buf *out) {
    const char *names = mn_cli_text_at(verb, "words");
    while (names && *names) {
        char name[32];
        const size_t n = strcspn(names, " ");
        snprintf(name, sizeof name, "%.*s", (int)n - (*names == '*'), names + (*names == '*'));
        const int must = required(verb, name);
        for (char *c = name; *c; c++)
            if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
        MN_TRY(mn_buf_printf(out, must ? " %s" : " [%s]", name));
        names += n + (names[n] == ' ');
    }
    return 0;
}

int mn_cli_fleet_help(const mn_opt *rows, const char *verb, mn_buf *out) {
    mn_cli_fleet f = {.v = {.command = "fleet", .local = 1, .door = mn_cli_fleet_door}};
    mn_buf usage = {0};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        if (strcmp(made[i].name, verb) != 0) continue;
        int rc = mn_buf_puts(&usage, made[i].usage);
        if (rc >= 0) rc = put_head(verb, made[i].title, made[i].about, &usage, out);
        mn_buf_free(&usage);
        return rc < 0 ? rc : put_options(rows, verb, out);
    }
    int rc = mn_cli_verbs_find(&f.v, verb);
    if (rc >= 0) rc = put_words(f.v.verb, &usage);
    if (rc >= 0)
        rc = put_head(verb, mn_cli_text_at(f.v.verb, "title"), mn_cli_text_at(f.v.verb, "about"),
                      &usage, out);
    if (rc >= 0) rc = put_options(rows, verb, out);
    mn_buf_free(&usage);
    mn_cli_verbs_free(&f.v);
    return rc;
}
