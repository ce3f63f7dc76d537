/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/port_chatgpt.c - conversations.json of ChatGPT's data export: a list of
 *
 *   {"title":"..","conversation_id":"..","current_node":"c","mapping":{"c":{"parent":"b",
 *    "message":{"author":{"role":"user"},"create_time":1.5e9,"content":{"parts":["Hi"]}}},..}}
 *
 * A conversation is a tree, for who asks again makes a branch; what counts is the one that leads to
 * current_node. A record is what user or assistant said to each other: texts of parts, a blank line
 * between; the session is the conversation's id, its title is in meta. What tools and systems say,
 * what assistants say to tools or themselves, and hidden messages are skipped.
 */
#include "agent/port.h"
#include "base/alloc.h"
#include "base/when.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int claims(const mn_port_look *look) {
    const char *const at = look->head + strspn(look->head, "\xef\xbb\xbf \t\r\n");
    if (look->folder || (*at != '[' && *at != '{')) return MN_PORT_NO;
    if (strstr(at, "\"mapping\"") && strstr(at, "\"title\"")) return MN_PORT_CONTENT;
    return strcmp(look->name, "conversations.json") == 0 ? MN_PORT_NAME : MN_PORT_NO;
}

static const char *text_in(const json_t *object, const char *key) {
    const char *const text = mn_port_string(json_object_get(object, key));
    return text ? text : "";
}

/* Is it something that user or assistant said to the other? */
static int is_said(const json_t *message) {
    const char *const role = text_in(json_object_get(message, "author"), "role");
    const char *const kind = text_in(json_object_get(message, "content"), "content_type");
    const char *const to = text_in(message, "recipient");
    const json_t *const about = json_object_get(message, "metadata");
    if (strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0) return 0;
    if (json_is_true(json_object_get(about, "is_visually_hidden_from_conversation"))) return 0;
    if (*kind && strcmp(kind, "text") != 0 && strcmp(kind, "multimodal_text") != 0) return 0;
    return !*to || strcmp(to, "all") == 0;
}

/* The texts of a message, and of what was spoken; pictures have none. */
static int put_text(const json_t *message, mn_buf *out) {
    const json_t *const parts = json_object_get(json_object_get(message, "content"), "parts");
    MN_TRY(mn_buf_puts(out, ""));
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i);
        if (json_is_object(part)) part = json_object_get(part, "text");
        if (!json_is_string(part) || !json_string_length(part)) continue;
        if (out->len) MN_TRY(mn_buf_puts(out, "\n\n"));
        MN_TRY(mn_buf_append(out, json_string_value(part), json_string_length(part)));
    }
    return 0;
}

/* Seconds since 1970 as RFC 3339; "": unknown. */
static const char *time_of(const json_t *message, char text[MN_WHEN_TEXT], int64_t *at) {
    const double t = json_number_value(json_object_get(message, "create_time"));
    *at = MN_NEVER;
    if (!(t > 0 && t < 253402300799.0)) return "";
    *at = llround(t * 1e6);
    return mn_when_text(*at, text);
}

typedef struct talk {
    mn_port_in *in;
    const char *where, *id;
    json_t *meta;
    mn_buf text, about, place;
} talk;

static int read_message(talk *t, const json_t *message, const char *id, size_t number) {
    mn_row row = mn_port_blank();
    char when[MN_WHEN_TEXT];
    if (!message || json_is_null(message)) return 0;
    mn_buf_clear(&t->text);
    mn_buf_clear(&t->place);
    if (is_said(message)) MN_TRY(put_text(message, &t->text));
    if (!t->text.len) {
        mn_port_skip(t->in, 1);
        return 0;
    }
    MN_TRY(mn_buf_printf(&t->place, "%s, message %zu", t->where, number));
    row.text = t->text.data;
    row.n = t->text.len;
    row.time = time_of(message, when, &row.from);
    row.session = t->id;
    row.speaker = text_in(json_object_get(message, "author"), "role");
    row.ref = *text_in(message, "id") ? text_in(message, "id") : id;
    row.source = "chatgpt";
    row.meta = t->about.data;
    return mn_port_row(t->in, t->place.data, &row);
}

/* Ids from the current node up to the root, into id[0..n): how many; -1: it is a ring. */
static int64_t branch(const json_t *mapping, const char *node, const char **id, size_t n) {
    size_t count = 0;
    for (const json_t *at; *node && (at = json_object_get(mapping, node)); count++) {
        if (count == n) return -1;
        id[count] = node;
        node = text_in(at, "parent");
    }
    return (int64_t)count;
}

static int read_branch(talk *t, const json_t *mapping, const char *node) {
    const size_t n = json_object_size(mapping);
    const char **const id = mn_calloc(n + 1, sizeof *id);
    int rc = 0;
    if (!id) return MN_FAIL(MN_ENOMEM, "no memory for %zu messages", n);
    const int64_t count = branch(mapping, node, id, n);
    if (count <= 0)
        rc = mn_port_wrong(t->in, t->where, "%s",
                           count ? "its messages follow each other in a ring"
                                 : "\"current_node\" is none of its messages");
    for (int64_t i = count; rc >= 0 && i-- > 0;) {
        const json_t *const at = json_object_get(mapping, id[i]);
        rc = read_message(t, json_object_get(at, "message"), id[i], (size_t)(count - i));
    }
    mn_free(id);
    return rc;
}

static int read_conversation(mn_port_in *in, const char *where, json_t *item) {
    const json_t *const mapping = json_object_get(item, "mapping");
    const char *const id = text_in(item, "conversation_id"), *const title = text_in(item, "title");
    talk t = {.in = in, .where = where, .id = *id ? id : text_in(item, "id")};
    int rc = 0;
    if (!json_is_object(mapping)) return mn_port_wrong(in, where, "it has no \"mapping\"");
    if (*title) t.meta = json_pack("{s:s}", "title", title);
    rc = *title ? mn_port_dump(t.meta, &t.about) : mn_buf_puts(&t.about, "");
    if (rc >= 0) rc = read_branch(&t, mapping, text_in(item, "current_node"));
    mn_buf_free(&t.text);
    mn_buf_free(&t.about);
    mn_buf_free(&t.place);
    json_decref(t.meta);
    return rc;
}

static int import(mn_port_in *in) {
    return mn_port_items(in, "conversation", NULL, read_conversation);
}

const mn_port mn_port_chatgpt = {.name = "chatgpt", .claims = claims, .import = import};
