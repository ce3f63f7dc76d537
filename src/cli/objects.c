/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/objects.c - `omnesia put`, `get`, `del` and `ls`: values that all processes here share.
 *
 * `get` writes the bytes as they are; only a terminal gets a line end behind them.
 */
#include "cli/objects.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/file.h"
#include "base/utf8.h"
#include "cli/generate.h"
#include "cli/json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct object_options {
    mn_cli_common common;
    const char *region, *ttl, *version, *from;
    int32_t keep;
    int append, durable, json;
} object_options;

/* ---- what they share ---------------------------------------------------------------------- */
int mn_cli_region_open(const char *command, const char *path, mn_region **out) {
    const int given = path && *path;
    *out = NULL;
    if (given && strcmp(path, "none") == 0)
        return MN_FAIL(MN_CLI_USAGE, "%s --region none: it needs a region", command);
    MN_TRY(mn_region_open(given ? path : NULL, 0, 0, out));
    mn_cli_say_made(*out);
    return 0;
}

int mn_cli_duration(const char *option, const char *text, uint64_t *ms) {
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1e3}, {"", 1e3}, {"m", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}};
    char *end;
    const double n = strtod(text, &end);
    for (size_t i = 0; end != text && n >= 0 && i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].name) || n * units[i].ms > 1e14) continue;
        *ms = (uint64_t)(n * units[i].ms);
        return 0;
    }
    return MN_FAIL(MN_CLI_USAGE, "%s %s: it takes 500ms, 30s, 5m, 2h or 1d", option, text);
}

const char *mn_cli_span(uint64_t ms, char out[24]) {
    const double s = (double)ms / 1e3;
    if (s < 120)
        snprintf(out, 24, "%.1f s", s);
    else if (s < 7200)
        snprintf(out, 24, "%.0f min", s / 60);
    else if (s < 48 * 3600)
        snprintf(out, 24, "%.0f h", s / 3600);
    else
        snprintf(out, 24, "%.0f days", s / 86400);
    return out;
}

static int base64(const uint8_t *p, size_t n, mn_buf *out) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        const uint32_t three = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
                               (i + 2 < n ? p[i + 2] : 0);
        const char four[] = {digit[three >> 18], digit[three >> 12 & 63],
                             i + 1 < n ? digit[three >> 6 & 63] : '=',
                             i + 2 < n ? digit[three & 63] : '='};
        MN_TRY(mn_buf_append(out, four, 4));
    }
    return 0;
}

static json_t *value_of(const void *value, size_t n, const char **name) {
    mn_buf text = {0};
    *name = "value";
    if (mn_utf8_check("the value", value, n) >= 0) return json_stringn(value, n);
    *name = "value_base64";
    const int rc = base64(value, n, &text);
    json_t *const v = rc < 0 ? NULL : json_stringn(text.data, text.len);
    mn_buf_free(&text);
    return v;
}

int mn_cli_object_json(const char *what, const mn_object *o, const void *value, mn_buf *out) {
    const char *name = "value";
    json_t *const j = json_object();
    if (what) json_object_set_new(j, "change", json_string(what));
    json_object_set_new(j, "key", json_string(o->key));
    if (o->records < 0) json_object_set_new(j, "version", json_integer((json_int_t)o->version));
    if (o->records >= 0 && value)
        json_object_set_new(j, "number", json_integer((json_int_t)o->number));
    else if (o->records >= 0)
        json_object_set_new(j, "records", json_integer(o->records));
    if (value || !what) {
        json_object_set_new(j, "size", json_integer((json_int_t)o->size));
        json_object_set_new(j, "age_ms", json_integer((json_int_t)o->age_ms));
    }
    if (o->durable) json_object_set_new(j, "durable", json_true());
    if (o->ttl_ms) json_object_set_new(j, "ttl_ms", json_integer((json_int_t)o->ttl_ms));
    json_t *const v = value ? value_of(value, o->size, &name) : NULL;
    if (v) json_object_set_new(j, name, v);
    if (!value || v) return mn_cli_json(j, out);
    json_decref(j);
    return mn_cli_json(NULL, out);
}

static int asked(const object_options *o, mn_put_options *p) {
    *p = (mn_put_options){.keep = (uint64_t)o->keep, .durable = o->durable};
    if (o->ttl) MN_TRY(mn_cli_duration("--ttl", o->ttl, &p->ttl_ms));
    if (o->version) {
        char *end;
        p->check = 1;
        p->version = strtoull(o->version, &end, 10);
        if (*o->version < '0' || *o->version > '9' || *end)
            return MN_FAIL(MN_CLI_USAGE, "--if-version %s: it takes a version, or 0", o->version);
    }
    if (o->append && o->version)
        return MN_FAIL(MN_CLI_USAGE, "--append: records are new, --if-version says nothing");
    return o->keep && !o->append ? MN_FAIL(MN_CLI_USAGE, "--keep goes with --append") : 0;
}

/* ---- put ---------------------------------------------------------------------------------- */
static int put(const void *opaque, int n_words, const char *const *words) {
    const object_options *o = opaque;
    mn_put_options p;
    mn_region *r = NULL;
    mn_buf in = {.what = "the value"};
    MN_TRY(asked(o, &p));
    if (n_words < 2) return MN_FAIL(MN_CLI_USAGE, "put: give a key and a value (- reads it)");
    const int reads = strcmp(words[1], "-") == 0;
    int rc = reads ? mn_file_read("-", MN_VALUE_MAX + 1, &in) : mn_buf_puts(&in, words[1]);
    if (rc >= 0) rc = mn_cli_region_open("put", o->region, &r);
    if (rc >= 0 && o->append)
        rc = mn_log_append(r, words[0], in.data, in.len, &p, NULL);
    else if (rc >= 0)
        rc = mn_object_put(r, words[0], in.data, in.len, &p, NULL);
    mn_region_close(&r);
    mn_buf_free(&in);
    return rc;
}

/* ---- get ---------------------------------------------------------------------------------- */
static int show(const object_options *o, const mn_object *about, const char *value, mn_buf *out) {
    if (o->json) return mn_cli_object_json(NULL, about, value, out);
    MN_TRY(mn_buf_append(out, value, about->size));
    return o->from || isatty(STDOUT_FILENO) ? mn_buf_puts(out, "\n") : 0;
}

static int get_records(mn_region *r, const object_options *o, const char *key, char *value) {
    char *end;
    mn_object about;
    mn_buf out = {0};
    uint64_t at = strtoull(o->from, &end, 10);
    if (*o->from < '0' || *o->from > '9' || *end)
        return MN_FAIL(MN_CLI_USAGE, "--from %s: it takes the number of a record", o->from);
    int rc = 0;
    for (long n = 0;; n++) {
        rc = mn_log_read(r, key, at, value, MN_VALUE_MAX, &about);
        if (rc == MN_ENOENT && n)
            rc = 0; /* that was the last */
        else if (rc >= 0) {
            about.records = 1;
            at = about.number + 1;
            mn_buf_clear(&out);
            rc = show(o, &about, value, &out);
            if (rc >= 0) rc = mn_cli_write(out.data, out.len);
            if (rc >= 0) continue;
        }
        break;
    }
    mn_buf_free(&out);
    return rc;
}

static int get(const void *opaque, int n_words, const char *const *words) {
    const object_options *o = opaque;
    mn_region *r = NULL;
    mn_object about;
    mn_buf out = {0};
    if (!n_words) return MN_FAIL(MN_CLI_USAGE, "get: give a key");
    char *const value = mn_malloc(MN_VALUE_MAX);
    int rc = value ? mn_cli_region_open("get", o->region, &r)
                   : MN_FAIL(MN_ENOMEM, "no memory for a value");
    if (rc >= 0 && o->from) {
        rc = get_records(r, o, words[0], value);
    } else if (rc >= 0) {
        rc = mn_object_get(r, words[0], value, MN_VALUE_MAX, &about);
        if (rc >= 0) rc = show(o, &about, value, &out);
        if (rc >= 0 && out.len) rc = mn_cli_write(out.data, out.len);
    }
    mn_region_close(&r);
    mn_free(value);
    mn_buf_free(&out);
    return rc;
}

/* ---- del and ls --------------------------------------------------------------------------- */
static int del(const void *opaque, int n_words, const char *const *words) {
    const object_options *o = opaque;
    mn_put_options p;
    mn_region *r;
    if (!n_words) return MN_FAIL(MN_CLI_USAGE, "del: give a key");
    MN_TRY(asked(o, &p));
    MN_TRY(mn_cli_region_open("del", o->region, &r));
    const int rc = mn_object_del(r, words[0], &p);
    mn_region_close(&r);
    return rc;
}

typedef struct listing {
    const object_options *o;
    mn_buf out;
} listing;
static int list_one(void *user, const mn_object *x) {
    listing *const l = user;
    char size[16], age[24], ttl[24];
    if (l->o->json) return mn_cli_object_json(NULL, x, NULL, &l->out);
    if (x->records >= 0)
        MN_TRY(mn_buf_printf(&l->out, "%-32s  log of %lld, %s, the last %s ago", x->key,
                             (long long)x->records, mn_budget_human(x->size, size),
                             mn_cli_span(x->age_ms, age)));
    else
        MN_TRY(mn_buf_printf(&l->out, "%-32s  version %llu, %s, %s ago", x->key,
                             (unsigned long long)x->version, mn_budget_human(x->size, size),
                             mn_cli_span(x->age_ms, age)));
    if (x->durable) MN_TRY(mn_buf_puts(&l->out, ", durable"));
    if (x->ttl_ms) MN_TRY(mn_buf_printf(&l->out, ", %s to live", mn_cli_span(x->ttl_ms, ttl)));
    return mn_buf_puts(&l->out, "\n");
}

static int ls(const void *opaque, int n_words, const char *const *words) {
    mn_region *r;
    listing l = {.o = opaque};
    MN_TRY(mn_cli_region_open("ls", l.o->region, &r));
    int rc = mn_object_list(r, n_words ? words[0] : "", list_one, &l);
    if (rc >= 0 && l.out.len) rc = mn_cli_write(l.out.data, l.out.len);
    mn_region_close(&r);
    mn_buf_free(&l.out);
    return rc;
}

/* ---- the tables --------------------------------------------------------------------------- */
#define AT(field)                      offsetof(object_options, field)
#define TEXT(name, value, field, help) MN_CLI_WORD(name, value, AT(field), help)
static const char only_if[] = "only if that is its version now; 0: if absent";
#define IF_VERSION TEXT("if-version", "V", version, only_if)

static const mn_opt put_rows[] = {
    MN_CLI_REGION_ROW(AT(region)),
    IF_VERSION,
    TEXT("ttl", "TIME", ttl, "it goes after so long: 500ms, 30s, 5m, 2h, 1d"),
    {.kind = MN_OPT_FLAG,
     .name = "append",
     .no_env = 1,
     .offset = AT(append),
     .help = "one more record of the log KEY"},
    {.kind = MN_OPT_FLAG,
     .name = "durable",
     .no_env = 1,
     .offset = AT(durable),
     .help = "end when it is on disk: it survives a power cut"},
    {MN_CLI_COUNT(0, "keep", AT(keep), 1 << 30, "0", "of a log, only the newest N records; 0: all"),
     .no_env = 1},
    MN_CLI_COMMON,
    {0}};
static const mn_opt get_rows[] = {MN_CLI_REGION_ROW(AT(region)),
                                  TEXT("from", "N", from, "records of the log KEY, from this on"),
                                  MN_CLI_JSON_ROW(AT(json)),
                                  MN_CLI_COMMON,
                                  {0}};
static const mn_opt del_rows[] = {MN_CLI_REGION_ROW(AT(region)), IF_VERSION, MN_CLI_COMMON, {0}};
static const mn_opt ls_rows[] = {
    MN_CLI_REGION_ROW(AT(region)), MN_CLI_JSON_ROW(AT(json)), MN_CLI_COMMON, {0}};

const mn_cli_command mn_cli_command_put = {
    .name = "put",
    .run = put,
    .options = put_rows,
    .size = sizeof(object_options),
    .max_words = 2,
    .words = "KEY",
    .usage = "KEY VALUE|- [--durable] [--if-version V] [--ttl TIME] [--append]",
    .summary = "give a name a value that every process sees",
    .about =
        "Objects lie in the region, in memory. When `put` has ended with 0 the value is there, "
        "whole, whoever dies; it goes when the machine is switched off. With `--durable` it is on "
        "disk, too, before `put` ends, and stays so: later changes of it are on disk before "
        "they end. `-` reads the value from standard input. Keys are UTF-8, 1 to 255 bytes; `/` "
        "makes folders for `watch`. "
        "A value has 1048256 bytes at most. With `--if-version` two writers never undo each "
        "other: who was late fails, and is told both versions."};
const mn_cli_command mn_cli_command_get = {
    .name = "get",
    .run = get,
    .options = get_rows,
    .size = sizeof(object_options),
    .max_words = 1,
    .words = "KEY",
    .usage = "KEY [--from N] [--json]",
    .summary = "read a value, or a log",
    .about =
        "Writes the bytes as they were put. With `--from` it writes the records of the log KEY "
        "whose numbers are N or more, each with a line end. When there is none, exit status 1."};
const mn_cli_command mn_cli_command_del = {.name = "del",
                                           .run = del,
                                           .options = del_rows,
                                           .size = sizeof(object_options),
                                           .max_words = 1,
                                           .words = "KEY",
                                           .usage = "KEY [--if-version V]",
                                           .summary = "take a value, or a log, away",
                                           .about = NULL};
const mn_cli_command mn_cli_command_ls = {.name = "ls",
                                          .run = ls,
                                          .options = ls_rows,
                                          .size = sizeof(object_options),
                                          .max_words = 1,
                                          .words = "KEY",
                                          .usage = "[PREFIX] [--json]",
                                          .summary = "values and logs that are there",
                                          .about = NULL};
