/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/commit.c - `omnesia commit`: several values change at once, or none.
 *
 *   {"put": KEY, "value": V, "if_version": N}     V: a text, or JSON, which is put as it is written
 *   {"del": KEY, "if_version": N}                 without "if_version": whatever is there
 *   {"check": KEY, "if_version": N}               it stays; 0: it is not there
 */
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/objects.h"

#include <string.h>

enum { MOST = 16, LONGEST = 32 << 20 };

typedef struct commit_options {
    mn_cli_common common;
    const char *region;
} commit_options;

typedef struct edits {
    mn_object_edit edit[MOST];
    json_t *line[MOST]; /* which the edits borrow from */
    mn_buf text[MOST];
    size_t n;
} edits;

static const struct {
    const char *word;
    int kind;
} verbs[] = {{"put", MN_COMMIT_PUT}, {"del", MN_COMMIT_DEL}, {"check", MN_COMMIT_CHECK}};

static int wrong(long line, const char *what) {
    return MN_FAIL(MN_EINVAL, "line %ld: %s", line, what);
}

/* The condition, if there is one, and nothing that has no meaning. */
static int read_rest(mn_object_edit *e, const json_t *j, long line) {
    const json_t *const version = json_object_get(j, "if_version");
    const int value = json_object_get(j, "value") != NULL;
    if (version && (!json_is_integer(version) || json_integer_value(version) < 0))
        return wrong(line, "a version is a number, from 0 on");
    if (!version && e->kind == MN_COMMIT_CHECK) return wrong(line, "a check has an \"if_version\"");
    if (!value && e->kind == MN_COMMIT_PUT) return wrong(line, "a put has a \"value\"");
    if (value && e->kind != MN_COMMIT_PUT) return wrong(line, "\"value\" goes with \"put\" alone");
    if (json_object_size(j) != 1 + (size_t)value + (version != NULL))
        return wrong(line, "one of \"put\", \"del\" and \"check\", \"value\", \"if_version\", and "
                           "nothing else");
    e->check = version != NULL;
    e->version = (uint64_t)json_integer_value(version);
    return 0;
}

static int read_edit(edits *k, json_t *j, long line) {
    mn_object_edit *const e = k->edit + k->n;
    mn_buf *const text = k->text + k->n;
    if (!json_is_object(j)) return wrong(line, "it takes an object, such as {\"del\": \"key\"}");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        const char *const key = json_string_value(json_object_get(j, verbs[i].word));
        if (!key) continue;
        e->key = key;
        e->kind = (unsigned)verbs[i].kind;
    }
    if (!e->key) return wrong(line, "say \"put\", \"del\" or \"check\" with a key");
    MN_TRY(read_rest(e, j, line));
    const json_t *const value = json_object_get(j, "value");
    if (json_is_string(value))
        MN_TRY(mn_buf_append(text, json_string_value(value), json_string_length(value)));
    else if (value)
        MN_TRY(mn_json_write(value, JSON_COMPACT | JSON_ENCODE_ANY, text));
    e->value = text->data ? text->data : "";
    e->n = text->len;
    k->n++;
    return 0;
}

static int read_lines(edits *k, char *p) {
    for (long line = 1; p; line++) {
        char *const end = strchr(p, '\n');
        if (end) *end = 0;
        if (p[strspn(p, " \t\r")]) {
            if (k->n == MOST)
                return MN_FAIL(MN_EINVAL, "line %ld: one edit too many: it takes 1 to %d", line,
                               MOST);
            json_t *const j = json_loads(p, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
            if (!j) return wrong(line, "no JSON");
            k->line[k->n] = j;
            MN_TRY(read_edit(k, j, line));
        }
        p = end ? end + 1 : NULL;
    }
    return 0;
}

static int print(const edits *k) {
    mn_buf out = {0};
    int rc = 0;
    for (size_t i = 0; i < k->n && rc >= 0; i++) {
        const mn_object_edit *const e = k->edit + i;
        if (e->kind == MN_COMMIT_PUT)
            rc = mn_buf_printf(&out, "put %s %llu\n", e->key, (unsigned long long)e->version);
        else if (e->kind == MN_COMMIT_DEL)
            rc = mn_buf_printf(&out, "del %s\n", e->key);
    }
    if (rc >= 0 && out.len) rc = mn_cli_write(out.data, out.len);
    mn_buf_free(&out);
    return rc;
}

static int commit(const void *opaque, int n_words, const char *const *words) {
    const commit_options *const o = opaque;
    mn_buf in = {.what = "the edits"};
    mn_region *r = NULL;
    edits *const k = mn_calloc(1, sizeof *k);
    int rc = k ? mn_file_read(n_words ? words[0] : "-", LONGEST, &in)
               : MN_FAIL(MN_ENOMEM, "no memory for a commit");
    if (rc >= 0) rc = mn_buf_append(&in, "", 1);
    if (rc >= 0) rc = read_lines(k, in.data);
    if (rc >= 0) rc = mn_cli_region_open("commit", o->region, &r);
    if (rc >= 0) rc = mn_object_commit(r, k->edit, k->n);
    if (rc >= 0) rc = print(k);
    mn_region_close(&r);
    for (size_t i = 0; k && i < MOST; i++) {
        json_decref(k->line[i]);
        mn_buf_free(k->text + i);
    }
    mn_free(k);
    mn_buf_free(&in);
    return rc;
}

static const mn_opt rows[] = {
    MN_CLI_REGION_ROW(offsetof(commit_options, region)), MN_CLI_COMMON, {0}};

const mn_cli_command mn_cli_command_commit = {
    .name = "commit",
    .run = commit,
    .options = rows,
    .size = sizeof(commit_options),
    .max_words = 1,
    .words = "FILE",
    .usage = "[FILE|-]",
    .summary = "change several values at once, or none",
    .about =
        "Reads a JSON object a line, at most 16 of different keys: {\"put\": KEY, \"value\": V}, "
        "{\"del\": KEY}, {\"check\": KEY}, each with \"if_version\": N if it is to happen only "
        "while that is the version (0: absent); a check always has one. V is a text, or any JSON. "
        "All of it happens in one moment, or nothing: then the exit status is 1, and the sentence "
        "names the key. Writes `put KEY VERSION` and `del KEY`."};
