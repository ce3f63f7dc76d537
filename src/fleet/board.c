/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/board.c - names and JSON on a board of any kind, and edits in the making.
 *
 * A value that is read is an object, of format 1 or of none: who meets another format says so, with
 * the key, and takes nothing of it. What is put is written compactly, in the order of its fields.
 */
#include "fleet/board.h"

#include "base/alloc.h"
#include "base/json.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

enum { FORMAT = 1 };

void mn_board_close(mn_board **b) {
    if (*b) (*b)->ops->close(b);
}

void mn_board_life(mn_board *b, char word[MN_LIFE]) {
    *word = 0;
    if (b->ops->life) b->ops->life(b, word);
}

mn_life mn_board_lives(mn_board *b, const char *word, int *fd) {
    if (fd) *fd = -1;
    return b->ops->lives ? b->ops->lives(b, word, fd) : MN_LIFE_UNKNOWN;
}

int mn_board_name_check(const char *what, const char *name) {
    const size_t n = strlen(name);
    const unsigned char *const p = (const unsigned char *)name;
    if (!n || n > MN_NAME)
        return MN_FAIL(MN_EINVAL, "%s has a name of %zu bytes: it takes 1 to %d", what, n, MN_NAME);
    size_t i = 0, step;
    while (i < n && p[i] > 32 && p[i] < 127 && p[i] != '/') i++; /* most names are plain */
    if (i == n) return 0;
    MN_TRY(mn_utf8_check(what, name, n));
    for (i = 0; i < n; i += step)
        if (!mn_utf8_shows(p + i, n - i, &step) || p[i] < 32 || p[i] == '/')
            return MN_FAIL(MN_EINVAL, "%s has a name with a %s at byte %zu", what,
                           p[i] == '/' ? "'/'" : "character that cannot be shown", i + 1);
    return 0;
}

int mn_board_key(const mn_board *b, const char *kind, const char *name, char key[MN_FLEET_KEY]) {
    if (*name) MN_TRY(mn_board_name_check(kind, name));
    const char *const part[] = {"fleet/", b->fleet, "/", kind, name};
    size_t n = 0;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        const size_t more = strlen(part[i]);
        if (more >= MN_FLEET_KEY - n)
            return MN_FAIL(MN_EINVAL, "the key of '%s%s' has more than %d bytes", kind, name,
                           MN_FLEET_KEY - 1);
        memcpy(key + n, part[i], more + 1);
        n += more;
    }
    return 0;
}

/* ---- JSON ---------------------------------------------------------------------------------- */
static int read_json(const char *key, const mn_buf *text, json_t **out) {
    json_error_t e;
    json_t *json = NULL;
    /* Jansson calls a string wrong that it had no memory for: what is wrong twice is wrong */
    for (int i = 0; !json && i < 2; i++)
        json = json_loadb(text->data ? text->data : "", text->len, 0, &e);
    if (!json && (json_error_code(&e) == json_error_out_of_memory || !*e.text))
        return MN_FAIL(MN_ENOMEM, "no memory for the %zu bytes of %s", text->len, key);
    if (!json)
        return MN_FAIL(MN_ECORRUPT, "%s is no JSON, at byte %d: %s; delete it or put it anew", key,
                       e.position, e.text);
    const json_t *const format = json_object_get(json, "format");
    int rc = 0;
    if (!json_is_object(json))
        rc = MN_FAIL(MN_ECORRUPT, "%s is no JSON object; delete it or put it anew", key);
    else if (format && !json_is_integer(format))
        rc = MN_FAIL(MN_ECORRUPT, "%s has a format that is no number; put it anew", key);
    else if (format && json_integer_value(format) != FORMAT)
        rc = MN_FAIL(MN_EUNSUPPORTED, "%s is of format %lld, and this Omnesia knows %d: update it",
                     key, (long long)json_integer_value(format), FORMAT);
    if (rc < 0) json_decref(json);
    if (!rc) *out = json;
    return rc;
}

int mn_board_version(mn_board *b, const char *kind, const char *name, uint64_t *version) {
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    MN_TRY(mn_board_key(b, kind, name, key));
    const int rc = b->ops->get(b, key, &value, version);
    mn_buf_free(&value);
    return rc;
}

int mn_board_get(mn_board *b, const char *kind, const char *name, json_t **out, uint64_t *version) {
    char key[MN_FLEET_KEY];
    mn_buf text = {0};
    uint64_t v;
    *out = NULL;
    MN_TRY(mn_board_key(b, kind, name, key));
    int rc = b->ops->get(b, key, &text, &v);
    if (rc >= 0 && version) *version = rc ? v : 0;
    if (rc > 0) {
        const int bad = read_json(key, &text, out);
        if (bad < 0) rc = bad;
    }
    mn_buf_free(&text);
    return rc;
}

static int write_json(const char *key, const json_t *value, mn_buf *out) {
    if (value && !json_is_object(value)) return MN_FAIL(MN_EINVAL, "%s takes a JSON object", key);
    MN_TRY(mn_json_write(value, JSON_COMPACT, out));
    if (out->len > MN_OBJECT_VALUE)
        return MN_FAIL(MN_ETOOLONG, "%s would have %zu bytes: it takes %d", key, out->len,
                       MN_OBJECT_VALUE);
    return 0;
}

int mn_board_put(mn_board *b, const char *kind, const char *name, const json_t *value, int check,
                 uint64_t *version) {
    char key[MN_FLEET_KEY];
    mn_buf text = {0};
    MN_TRY(mn_board_key(b, kind, name, key));
    int rc = write_json(key, value, &text);
    if (rc >= 0) {
        mn_edit e = {key, MN_EDIT_PUT, check, check ? *version : 0, text.data, text.len};
        rc = b->ops->commit(b, &e, 1);
        if (rc >= 0 && version) *version = e.version;
    }
    mn_buf_free(&text);
    return rc;
}

int mn_board_del(mn_board *b, const char *kind, const char *name, int check, uint64_t version) {
    char key[MN_FLEET_KEY];
    MN_TRY(mn_board_key(b, kind, name, key));
    mn_edit e = {.key = key, .kind = MN_EDIT_DEL, .check = check, .version = version};
    return b->ops->commit(b, &e, 1);
}

void mn_board_tell(mn_board *b, const char *kind, const char *format, ...) {
    char key[MN_FLEET_KEY];
    mn_buf text = {0};
    json_t *event = json_pack("{s:I, s:s}", "t", (json_int_t)b->ops->time(b), "kind", kind);
    if (format) {
        va_list args;
        va_start(args, format);
        json_t *const fields = json_vpack_ex(NULL, 0, format, args);
        va_end(args);
        if (!fields || json_object_update(event, fields) < 0) json_decref(event), event = NULL;
        json_decref(fields);
    }
    if (event && mn_board_key(b, "events", "", key) >= 0 && write_json(key, event, &text) >= 0)
        b->ops->append(b, key, text.data, text.len);
    mn_buf_free(&text);
    json_decref(event);
}

/* ---- edits --------------------------------------------------------------------------------- */
/* The place of one more edit; what was only checked so far may be changed, too. */
static int place(mn_edits *e, const mn_board *b, const char *kind, const char *name,
                 uint64_t version, int *at) {
    char key[MN_FLEET_KEY];
    MN_TRY(mn_board_key(b, kind, name, key));
    for (*at = 0; *at < e->n && strcmp(e->key[*at], key);) ++*at;
    if (*at == MN_EDITS)
        return MN_FAIL(MN_EINVAL, "one commit takes %d edits: %s would be one more", MN_EDITS, key);
    if (*at < e->n && e->edit[*at].version != version)
        return MN_FAIL(MN_ECONFLICT, "%s has changed since it was read", key);
    if (*at < e->n && e->edit[*at].kind != MN_EDIT_CHECK)
        return MN_FAIL(MN_EINVAL, "%s would be changed twice in one commit", key);
    if (*at < e->n) return 0;
    strcpy(e->key[*at], key);
    e->edit[e->n++] = (mn_edit){.kind = MN_EDIT_CHECK, .check = 1, .version = version};
    return 0;
}

int mn_edits_check(mn_edits *e, const mn_board *b, const char *kind, const char *name,
                   uint64_t version) {
    int at;
    return place(e, b, kind, name, version, &at);
}

int mn_edits_put(mn_edits *e, const mn_board *b, const char *kind, const char *name,
                 const json_t *value, uint64_t version) {
    int at;
    MN_TRY(place(e, b, kind, name, version, &at));
    mn_buf_clear(e->value + at);
    MN_TRY(write_json(e->key[at], value, e->value + at));
    e->edit[at].kind = MN_EDIT_PUT;
    return 0;
}

int mn_edits_del(mn_edits *e, const mn_board *b, const char *kind, const char *name,
                 uint64_t version) {
    int at;
    MN_TRY(place(e, b, kind, name, version, &at));
    e->edit[at].kind = MN_EDIT_DEL;
    return 0;
}

int mn_edits_commit(mn_edits *e, mn_board *b) {
    for (int i = 0; i < e->n; i++) {
        e->edit[i].key = e->key[i];
        if (e->edit[i].kind != MN_EDIT_PUT) continue;
        e->edit[i].value = e->value[i].data;
        e->edit[i].n = e->value[i].len;
    }
    return b->ops->commit(b, e->edit, e->n);
}

void mn_edits_free(mn_edits *e) {
    for (int i = 0; i < MN_EDITS; i++) mn_buf_free(e->value + i);
    e->n = 0;
}
