/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/config.c - read a config file and pick what it says of one command.
 *
 * The file is read twice at most by a program: by main.c for the command that runs, and by
 * `omnesia doctor`. Entries of the command's own section drop those of [*] with the same key, so a
 * repeatable option is not added to what all commands have.
 */
#include "cli/config.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/ini.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 1 << 20, ENTRIES = 4096, NAMES = 64 };

typedef struct reading {
    const char *path;
    mn_ini_entry *entry; /* all of the file */
    int n;
} reading;

static int for_all(const char *section) {
    return strcmp(section, "*") == 0;
}

/* An option of any command, best of one that takes it from a file: `*` may name it. */
static const mn_opt *anywhere(const char *key) {
    const mn_opt *found = NULL;
    for (const mn_cli_command *const *c = mn_cli_commands; *c; c++) {
        const mn_opt *row = mn_opt_find((*c)->options, key);
        if (row && !row->no_env) return row;
        if (row) found = row;
    }
    return found;
}

static int no_command(const char *path, const mn_ini_entry *e) {
    const char *names[NAMES];
    size_t n = 0;
    for (const mn_cli_command *const *c = mn_cli_commands; *c && n < NAMES; c++)
        names[n++] = (*c)->name;
    const char *near = mn_opt_nearest(e->section, names, n);
    if (near)
        return MN_FAIL(MN_EINVAL, "%s:%d: %s: there is no command '%s'; did you mean [%s]?", path,
                       e->line, e->key, e->section, near);
    return MN_FAIL(MN_EINVAL,
                   "%s:%d: %s: there is no command '%s'; a section is a command, or * for all",
                   path, e->line, e->key, e->section);
}

/* The entry has a name that means something, and may stand in a file. */
static int check(const char *path, const mn_ini_entry *e) {
    const mn_cli_command *c = mn_cli_find(e->section);
    if (!c && !for_all(e->section)) return no_command(path, e);
    const mn_opt *row = c ? mn_opt_find(c->options, e->key) : anywhere(e->key);
    if (!row)
        return MN_FAIL(
            MN_EINVAL, "%s:%d: %s: %s%s has no such option; `omnesia help %s` lists them", path,
            e->line, e->key, c ? "omnesia " : "omnesia", c ? c->name : "", c ? c->name : "COMMAND");
    if (strcmp(e->key, "config") == 0)
        return MN_FAIL(MN_EINVAL, "%s:%d: config: a config file names no other one", path, e->line);
    if (row->no_env)
        return MN_FAIL(MN_EINVAL, "%s:%d: %s: this is given on the command line only", path,
                       e->line, e->key);
    return 0;
}

static int collect(void *user, const mn_ini_entry *e) {
    reading *r = user;
    MN_TRY(check(r->path, e));
    if (r->n == ENTRIES)
        return MN_FAIL(MN_EINVAL, "%s:%d: %s: a config file has %d entries at most", r->path,
                       e->line, e->key, ENTRIES);
    mn_ini_entry *more = mn_realloc(r->entry, ((size_t)r->n + 1) * sizeof *more);
    if (!more) return MN_FAIL(MN_ENOMEM, "no memory for %d entries of %s", r->n + 1, r->path);
    r->entry = more;
    more[r->n++] = *e;
    return 0;
}

/* Does this entry count for the command, where `own` of its sections has been looked for? */
static int counts(const reading *r, int i, const mn_cli_command *c, int own) {
    const mn_ini_entry *e = &r->entry[i];
    if (own) return strcmp(e->section, c->name) == 0;
    const mn_opt *row = mn_opt_find(c->options, e->key);
    if (!for_all(e->section) || !row || row->no_env) return 0;
    for (int k = 0; k < r->n; k++)
        if (strcmp(r->entry[k].section, c->name) == 0 && strcmp(r->entry[k].key, e->key) == 0)
            return 0;
    return 1;
}

static int pick(const reading *r, const mn_cli_command *c, mn_cli_config *out) {
    out->entries = r->n;
    out->given = mn_calloc((size_t)r->n + 1, sizeof *out->given);
    if (!out->given) return MN_FAIL(MN_ENOMEM, "no memory for %d entries of %s", r->n, r->path);
    for (int own = 0; own <= 1; own++)
        for (int i = 0; i < r->n; i++) {
            const mn_ini_entry *e = &r->entry[i];
            if (!counts(r, i, c, own)) continue;
            mn_buf from = {0};
            const int rc = mn_buf_printf(&from, "%s:%d: %s", r->path, e->line, e->key);
            if (rc < 0) return mn_buf_free(&from), rc;
            out->given[out->n++] = (mn_opt_given){e->key, e->value, from.data};
        }
    return 0;
}

/* The file's path, or NULL in *path when there is none to be read. */
static int place(const char *said, char **path) {
    *path = NULL;
    if (said && strcmp(said, "none") == 0) return 0;
    if (said && *said) {
        *path = mn_strdup(said);
        return *path ? 0 : MN_FAIL(MN_ENOMEM, "no memory for the name of the config file");
    }
    if (mn_file_config_path("omnesia.ini", path) < 0 || mn_file_stat(*path, NULL, NULL) < 0) {
        mn_free(*path); /* no home, no file: nothing is wished */
        *path = NULL;
    }
    return 0;
}

int mn_cli_config_read(const char *path, const mn_cli_command *command, mn_cli_config *out) {
    MN_TRY(place(path, &out->path));
    if (!out->path) return 0;
    reading r = {.path = out->path};
    int rc = mn_file_read(out->path, MOST, &out->text);
    if (rc >= 0 && out->text.len)
        rc = mn_ini_parse(out->path, out->text.data, out->text.len, collect, &r);
    if (rc >= 0) rc = pick(&r, command, out);
    mn_free(r.entry);
    return rc;
}

void mn_cli_config_free(mn_cli_config *config) {
    for (int i = 0; i < config->n; i++) mn_free((char *)(uintptr_t)config->given[i].from);
    mn_free(config->given);
    mn_free(config->path);
    mn_buf_free(&config->text);
    *config = (mn_cli_config){0};
}
