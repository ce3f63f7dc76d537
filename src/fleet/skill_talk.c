/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/skill_talk.c - requests as they are written, answers as they are taken apart.
 *
 * Ids are numbers from 1. A call's progress token is its id. A result is, in this order:
 * structuredContent {"ok", "code", "text", "seen"}; the same as JSON in the text, from servers that
 * are too old for structures; isError and text.
 */
#include "fleet/skill_talk.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

#define META "io.modelcontextprotocol/"
static const char now_version[] = "2026-07-28";
static const char *const shaken[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", NULL};
enum { NO_METHOD = -32601, BAD_PARAMS = -32602, BAD_VERSION = -32022, TOGETHER = 64 };

static int is_shaken(const char *version) {
    for (int i = 0; version && shaken[i]; i++)
        if (!strcmp(version, shaken[i])) return 1;
    return 0;
}

/* ---- out ----------------------------------------------------------------------------------- */
/* Consumes the message. */
static int put(mn_talk *t, int64_t id, const char *method, const char *name, json_t *message) {
    mn_buf text = {.limit = MN_TALK_LINE};
    int rc = message ? mn_json_write(message, JSON_COMPACT, &text)
                     : MN_FAIL(MN_ENOMEM, "no memory to ask a server of skills");
    if (rc >= 0) rc = t->way.send(t->way.user, id, method, name, &text);
    mn_buf_free(&text);
    json_decref(message);
    return rc;
}

/* What each request of the newer era says of us. */
static json_t *envelope(void) {
    return json_pack("{s:s, s:{}, s:{s:s, s:s}}", META "protocolVersion", now_version,
                     META "clientCapabilities", META "clientInfo", "name", "omnesia", "version",
                     "1");
}

/* Consumes params (NULL: none are needed); *id is remembered as asked. */
static int ask(mn_talk *t, int now, const char *method, const char *name, json_t *params,
               int64_t *id) {
    json_t *const all = params ? params : json_object();
    if (now) {
        json_t *const meta = envelope(), *const has = json_object_get(all, "_meta");
        if (has) json_object_update(meta, has);
        if (json_object_set_new(all, "_meta", meta) < 0) {
            json_decref(all);
            return MN_FAIL(MN_ENOMEM, "no memory to ask a server of skills");
        }
    }
    *id = ++t->last;
    return put(t, *id, method, name,
               json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", (json_int_t)*id, "method",
                         method, "params", all));
}

/* Consumes params. */
static int notify(mn_talk *t, const char *method, json_t *params) {
    if (t->now && params) json_object_set_new(params, "_meta", envelope());
    return put(t, 0, method, NULL,
               json_pack("{s:s, s:s, s:o*}", "jsonrpc", "2.0", "method", method, "params", params));
}

static int list_tools(mn_talk *t, const char *cursor) {
    if (!cursor) {
        t->pages = t->stale = 0;
        mn_skills_free(&t->fresh);
        mn_buf_clear(&t->left_out);
    }
    return ask(t, t->now, "tools/list", NULL,
               cursor ? json_pack("{s:s}", "cursor", cursor) : json_object(), &t->list);
}

int mn_talk_shake(mn_talk *t) {
    if (t->initialize || t->state != MN_TALK_OPENING) return 0;
    return ask(t, 0, "initialize", NULL,
               json_pack("{s:s, s:{}, s:{s:s, s:s}}", "protocolVersion", shaken[0], "capabilities",
                         "clientInfo", "name", "omnesia", "version", "1"),
               &t->initialize);
}

int mn_talk_open(mn_talk *t, const mn_talk_way *way, int shake) {
    mn_talk_close(t);
    t->way = *way;
    t->state = MN_TALK_OPENING;
    return shake ? mn_talk_shake(t)
                 : ask(t, 1, "server/discover", NULL, json_object(), &t->discover);
}

int mn_talk_call(mn_talk *t, const char *skill, const json_t *args) {
    mn_skill_end_free(&t->end);
    t->ended = 0;
    t->progress = -1;
    json_t *const its = args ? json_deep_copy(args) : json_object();
    json_t *const params = json_pack("{s:s, s:o, s:{s:I}}", "name", skill, "arguments", its,
                                     "_meta", "progressToken", (json_int_t)(t->last + 1));
    if (!params) return MN_FAIL(MN_ENOMEM, "no memory to call %s", skill);
    return ask(t, t->now, "tools/call", skill, params, &t->call);
}

int mn_talk_cancel(mn_talk *t) {
    if (!t->call) return 0;
    return notify(t, "notifications/cancelled",
                  json_pack("{s:I, s:s}", "requestId", (json_int_t)t->call, "reason", "stop"));
}

void mn_talk_forget(mn_talk *t) {
    t->call = 0;
    t->ended = 0;
    mn_skill_end_free(&t->end);
}

void mn_talk_close(mn_talk *t) {
    mn_talk_forget(t);
    mn_skills_free(&t->fresh);
    t->state = MN_TALK_CLOSED;
    t->now = t->pages = t->stale = t->tells = 0;
    t->version[0] = t->code[0] = t->why[0] = 0;
    t->last = t->discover = t->initialize = t->list = t->listen = 0;
    t->progress = -1;
}

void mn_talk_free(mn_talk *t) {
    mn_talk_close(t);
    mn_skills_free(&t->skills);
    mn_buf_free(&t->left_out);
}

json_t *mn_talk_manifests(const mn_talk *t) {
    json_t *const all = json_array();
    for (int i = 0; all && i < t->skills.n; i++)
        if (json_array_append(all, t->skills.skill[i].json) < 0) {
            json_decref(all);
            return NULL;
        }
    return all;
}

/* ---- opening ------------------------------------------------------------------------------- */
static int refuse(mn_talk *t, const char *code, const char *format, const char *what) {
    t->state = MN_TALK_REFUSED;
    snprintf(t->code, sizeof t->code, "%s", code);
    snprintf(t->why, sizeof t->why, format, what);
    return 0;
}

/* What is said of versions: is one of ours among them? 0: none; 1: older; 2: the newer. */
static int versions(const json_t *list, char names[128]) {
    int best = 0;
    names[0] = 0;
    for (size_t i = 0, n = 0; i < json_array_size(list) && i < 32; i++) {
        const char *const one = json_string_value(json_array_get(list, i));
        if (!one) continue;
        if (n < 100) n += (size_t)snprintf(names + n, 128 - n, "%s%.24s", n ? ", " : "", one);
        if (!strcmp(one, now_version)) best = 2;
        if (is_shaken(one) && !best) best = 1;
    }
    return best;
}

static int foreign(mn_talk *t, const char *names) {
    return refuse(t, "version",
                  "it speaks MCP %s; here are 2026-07-28 and 2024-11-05 to 2025-11-25", names);
}

static int opened(mn_talk *t, int now, const char *version, const json_t *capabilities) {
    const json_t *const tools = json_object_get(capabilities, "tools");
    t->now = now;
    snprintf(t->version, sizeof t->version, "%s", version);
    t->tells = json_is_true(json_object_get(tools, "listChanged"));
    t->state = MN_TALK_LISTING;
    t->discover = t->initialize = 0;
    if (!now) MN_TRY(notify(t, "notifications/initialized", NULL));
    return list_tools(t, NULL);
}

static int discovered(mn_talk *t, const json_t *result, const json_t *error) {
    const json_t *const data = json_object_get(error, "data");
    const json_t *list =
        result ? json_object_get(result, "supportedVersions") : json_object_get(data, "supported");
    const json_int_t code = json_integer_value(json_object_get(error, "code"));
    char names[128];
    t->discover = 0;
    if (t->state != MN_TALK_OPENING) return 0;
    if (error && code != BAD_VERSION) return mn_talk_shake(t);
    const int best = versions(list, names);
    if (best == 2 && result)
        return opened(t, 1, now_version, json_object_get(result, "capabilities"));
    if (!best && json_array_size(list)) return foreign(t, names);
    return mn_talk_shake(t);
}

static int initialized(mn_talk *t, const json_t *result, const json_t *error) {
    const char *const version = json_string_value(json_object_get(result, "protocolVersion"));
    const char *const said = json_string_value(json_object_get(error, "message"));
    t->initialize = 0;
    if (t->state != MN_TALK_OPENING) return 0;
    if (error && t->discover) return 0; /* the other question is still open */
    if (error) {
        char names[128];
        const json_t *const list = json_object_get(json_object_get(error, "data"), "supported");
        if (!versions(list, names) && json_array_size(list)) return foreign(t, names);
        return refuse(t, "failed", "it refuses to begin: %.400s", said ? said : "no reason given");
    }
    if (!is_shaken(version)) return foreign(t, version ? version : "of no version");
    return opened(t, 0, version, json_object_get(result, "capabilities"));
}

/* ---- the list ------------------------------------------------------------------------------ */
/* All pages are there. */
static int listed(mn_talk *t) {
    int same = t->state == MN_TALK_READY && t->fresh.n == t->skills.n;
    for (int i = 0; same && i < t->fresh.n; i++)
        same = json_equal(t->fresh.skill[i].json, t->skills.skill[i].json);
    const int first = t->state == MN_TALK_LISTING;
    mn_skills_free(&t->skills);
    t->skills = t->fresh;
    t->fresh = (mn_skills){.n = 0};
    t->state = MN_TALK_READY;
    t->changed += !same;
    if (first && t->now && t->tells)
        MN_TRY(ask(t, 1, "subscriptions/listen", NULL,
                   json_pack("{s:{s:b}}", "notifications", "toolsListChanged", 1), &t->listen));
    return t->stale ? list_tools(t, NULL) : 0;
}

static int tools_came(mn_talk *t, const json_t *result, const json_t *error) {
    const json_t *const tools = json_object_get(result, "tools");
    const char *const said = json_string_value(json_object_get(error, "message"));
    const char *const cursor = json_string_value(json_object_get(result, "nextCursor"));
    t->list = 0;
    if (error && t->state == MN_TALK_LISTING)
        return refuse(t, "failed", "it lists no tools: %.400s", said ? said : "no reason given");
    if (error) return 0; /* the old list stays */
    if (!json_is_array(tools)) return MN_FAIL(MN_ECORRUPT, "its tools/list has no list of tools");
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const int rc = mn_skills_add(&t->fresh, json_array_get(tools, i));
        if (rc == MN_ENOMEM) return rc;
        if (rc < 0 && t->left_out.len < MN_TALK_TEXT)
            MN_TRY(mn_buf_printf(&t->left_out, "%s%s", t->left_out.len ? "; " : "",
                                 mn_error_detail()));
    }
    if (cursor && ++t->pages < MN_TALK_PAGES) return list_tools(t, cursor);
    return listed(t);
}

/* ---- results ------------------------------------------------------------------------------- */
/* Texts of the content, in their order. */
static int content_text(const json_t *content, mn_buf *out) {
    for (size_t i = 0; i < json_array_size(content) && out->len < MN_TALK_TEXT; i++) {
        const char *const text =
            json_string_value(json_object_get(json_array_get(content, i), "text"));
        if (text) MN_TRY(mn_buf_printf(out, "%s%s", out->len ? "\n" : "", text));
    }
    return 0;
}

/* At most TEXT bytes, whole characters. */
static void cut(mn_buf *text) {
    if (text->len <= MN_TALK_TEXT) return;
    size_t n = MN_TALK_TEXT;
    while (n && ((unsigned char)text->data[n] & 0xc0) == 0x80) n--;
    text->data[n] = 0;
    text->len = n;
}

static int is_code(const char *text) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    const size_t n = text ? strlen(text) : 0;
    return n && n < sizeof((mn_skill_end *)0)->code && !text[strspn(text, plain)];
}

/* What a structure says of the end: MN_ECORRUPT when it contradicts its own shape. */
static int structure_check(const json_t *all) {
    const json_t *const ok = json_object_get(all, "ok"), *const seen = json_object_get(all, "seen");
    if (ok && !json_is_boolean(ok))
        return MN_FAIL(MN_ECORRUPT, "its result has an \"ok\" that is neither true nor false");
    if (seen && !json_is_null(seen) && !json_is_array(seen))
        return MN_FAIL(MN_ECORRUPT, "its result has a \"seen\" that is no list");
    return 0;
}

/* The structure of a result, a new reference; NULL: it has none. */
static json_t *structure_of(const json_t *result, const mn_buf *text) {
    json_t *const given = json_object_get(result, "structuredContent");
    if (json_is_object(given)) return json_incref(given);
    if (!text->len || *text->data != '{') return NULL;
    json_t *const told = json_loadb(text->data, text->len, 0, NULL);
    if (json_is_object(told) && json_object_get(told, "ok")) return told;
    json_decref(told);
    return NULL;
}

static int result_came(mn_talk *t, const json_t *result) {
    const char *const kind = json_string_value(json_object_get(result, "resultType"));
    const json_t *const content = json_object_get(result, "content");
    mn_skill_end *const e = &t->end;
    if (kind && strcmp(kind, "complete"))
        return mn_skill_end_set(e, "failed", "it wants more from a person (%.40s), whom it has not",
                                kind);
    if (content && !json_is_array(content))
        return MN_FAIL(MN_ECORRUPT, "its result has a content that is no list");
    MN_TRY(content_text(content, &e->text));
    json_t *const all = e->result = structure_of(result, &e->text);
    MN_TRY(structure_check(all));
    const json_t *const ok = json_object_get(all, "ok");
    const char *const code = json_string_value(json_object_get(all, "code"));
    const char *const text = json_string_value(json_object_get(all, "text"));
    e->ok = !json_is_true(json_object_get(result, "isError")) && (!ok || json_is_true(ok));
    if (!e->ok) snprintf(e->code, sizeof e->code, "%s", is_code(code) ? code : "failed");
    if (all) mn_buf_clear(&e->text);
    if (text) MN_TRY(mn_buf_puts(&e->text, text));
    if (!text && !all) return cut(&e->text), 0;
    if (!text) MN_TRY(content_text(content, &e->text));
    cut(&e->text);
    return 0;
}

static int call_came(mn_talk *t, const json_t *result, const json_t *error) {
    t->call = 0;
    mn_skill_end_free(&t->end);
    if (error) {
        const char *const said = json_string_value(json_object_get(error, "message"));
        const json_int_t code = json_integer_value(json_object_get(error, "code"));
        MN_TRY(mn_skill_end_set(&t->end, code == BAD_PARAMS ? "arguments" : "failed", "%.900s",
                                said ? said : "it gives no reason"));
    } else {
        MN_TRY(result_came(t, result));
    }
    t->ended = 1;
    return 0;
}

/* ---- in ------------------------------------------------------------------------------------ */
static int answer_came(mn_talk *t, const json_t *id, const json_t *message) {
    const json_t *const result = json_object_get(message, "result");
    const json_t *const error = json_object_get(message, "error");
    if (!json_is_object(error) && (error || !json_is_object(result)))
        return MN_FAIL(MN_ECORRUPT, "it answers with neither a result nor an error");
    const char *const said = json_string_value(json_object_get(error, "message"));
    if (json_is_null(id))
        return MN_FAIL(MN_ECORRUPT, "it could not read what it was asked: %.200s",
                       said ? said : "no reason given");
    const json_int_t n = json_integer_value(id);
    if (!json_is_integer(id) || n < 1 || n > t->last)
        return MN_FAIL(MN_ECORRUPT, "it answers question %lld, which nobody asked", (long long)n);
    if (n == t->discover) return discovered(t, error ? NULL : result, error);
    if (n == t->initialize) return initialized(t, error ? NULL : result, error);
    if (n == t->list) return tools_came(t, error ? NULL : result, error);
    if (n == t->call) return call_came(t, error ? NULL : result, error);
    if (n == t->listen) t->listen = 0;
    return 0; /* given up meanwhile */
}

static void progressed(mn_talk *t, const json_t *params) {
    const json_t *const token = json_object_get(params, "progressToken");
    const json_t *const at = json_object_get(params, "progress");
    const double whole = json_number_value(json_object_get(params, "total"));
    if (!t->call || !json_is_integer(token) || json_integer_value(token) != t->call) return;
    const double p = json_number_value(at) / (whole > 0 ? whole : 1);
    t->progress = p >= 0 && p <= 1 ? p : -1;
}

static int told(mn_talk *t, const char *method, const json_t *params) {
    if (!strcmp(method, "notifications/progress")) progressed(t, params);
    if (strcmp(method, "notifications/tools/list_changed")) return 0;
    if (t->list) t->stale = 1;
    return t->state == MN_TALK_READY && !t->list ? list_tools(t, NULL) : 0;
}

/* It asks us something: there is `ping` alone. */
static int asked(mn_talk *t, const char *method, json_t *id) {
    json_t *const answer =
        strcmp(method, "ping")
            ? json_pack("{s:s, s:O, s:{s:i, s:s}}", "jsonrpc", "2.0", "id", id, "error", "code",
                        NO_METHOD, "message", "this client answers ping alone")
            : json_pack("{s:s, s:O, s:{}}", "jsonrpc", "2.0", "id", id, "result");
    return put(t, 0, NULL, NULL, answer);
}

static int take_one(mn_talk *t, const json_t *message) {
    const char *const version = json_string_value(json_object_get(message, "jsonrpc"));
    json_t *const id = json_object_get(message, "id");
    const json_t *const method = json_object_get(message, "method");
    if (!version || strcmp(version, "2.0"))
        return MN_FAIL(MN_ECORRUPT, "it says what is no message of MCP");
    if (method && !json_is_string(method))
        return MN_FAIL(MN_ECORRUPT, "it sends a message whose method is no text");
    if (method && id) return asked(t, json_string_value(method), id);
    if (method) return told(t, json_string_value(method), json_object_get(message, "params"));
    if (!id) return MN_FAIL(MN_ECORRUPT, "it answers nothing that was asked");
    return answer_came(t, id, message);
}

int mn_talk_take(mn_talk *t, const char *bytes, size_t n) {
    json_error_t where;
    json_t *const all = json_loadb(bytes, n, 0, &where);
    if (!all) {
        const int k = n < 60 ? (int)n : 60;
        return MN_FAIL(MN_ECORRUPT, "it says what is no JSON: \"%.*s\"%s", k, bytes,
                       n > 60 ? ".." : "");
    }
    int rc = 0;
    if (json_is_array(all) && json_array_size(all) <= TOGETHER)
        for (size_t i = 0; rc >= 0 && i < json_array_size(all); i++)
            rc = take_one(t, json_array_get(all, i));
    else
        rc = take_one(t, all);
    json_decref(all);
    return rc;
}
