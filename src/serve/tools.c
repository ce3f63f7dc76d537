/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/tools.c - a machine of five states over what is held back.
 *
 * START looks at the first character that is no blank; TEXT lets pass all but what may begin a tag;
 * TAG waits for the closing tag; VALUE follows brackets and quotes until the JSON is complete;
 * AFTER drops the blanks between calls, and starts anew. Each byte is looked at a bounded number of
 * times.
 */
#include "serve/tools.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

#include <string.h>

static const char tag_open[] = "<tool_call>", tag_close[] = "</tool_call>";
enum {
    OPEN = sizeof tag_open - 1,
    CLOSE = sizeof tag_close - 1,
    FENCE = 33 /* bytes of its line */
};

void mn_tools_free(mn_tools *t) {
    mn_buf_free(&t->held);
}

static void drop(mn_tools *t, size_t n) {
    memmove(t->held.data, t->held.data + n, t->held.len - n + 1);
    t->held.len -= n;
}

/* The first n held bytes are text. */
static int let_go(mn_tools *t, size_t n, const mn_tools_out *out) {
    if (!n) return 0;
    MN_TRY(out->text(out->user, t->held.data, n));
    drop(t, n);
    return 0;
}

static int is_offered(const mn_tools *t, const char *name) {
    size_t i;
    json_t *tool;
    json_array_foreach(t->functions, i, tool) {
        const char *one =
            json_string_value(json_object_get(json_object_get(tool, "function"), "name"));
        if (one && strcmp(one, name) == 0) return 1;
    }
    return 0;
}

/* Name and arguments of {"name", "arguments"} and its other forms; NULL: it is no call. */
static const char *call_of(const mn_tools *t, const json_t *v, json_t **arguments) {
    json_t *function = json_object_get(v, "function");
    const char *name = json_string_value(json_object_get(v, "name"));
    if (json_is_object(function)) {
        v = function;
        name = json_string_value(json_object_get(v, "name"));
    }
    *arguments = json_object_get(v, "arguments");
    if (!*arguments) *arguments = json_object_get(v, "parameters");
    if (!name || !is_offered(t, name)) return NULL;
    return !*arguments || json_is_object(*arguments) || json_is_string(*arguments) ? name : NULL;
}

static int emit(mn_tools *t, const char *name, const json_t *arguments, const mn_tools_out *out) {
    const char *text = json_string_value(arguments);
    char *made = text ? NULL : arguments ? mn_json_text(arguments, JSON_COMPACT) : mn_strdup("{}");
    if (!text && !made) return MN_FAIL(MN_ENOMEM, "no memory for a call");
    t->calls++;
    const int rc = out->call(out->user, name, text ? text : made);
    mn_free(made);
    return rc;
}

/* Is text[0..n) one call or a list of them? 1, and they are told; 0: it is something else. */
static int calls_of(mn_tools *t, const char *text, size_t n, const mn_tools_out *out) {
    json_t *v = json_loadb(text, n, JSON_DECODE_ANY, NULL), *arguments, *one;
    size_t i, good = 0;
    int rc = 0;
    if (json_is_object(v)) {
        json_t *list = json_array();
        json_array_append_new(list, v);
        v = list;
    }
    json_array_foreach(v, i, one) good += call_of(t, one, &arguments) != NULL;
    if (good && good == json_array_size(v)) json_array_foreach(v, i, one) {
            const char *name = call_of(t, one, &arguments);
            if (rc >= 0) rc = emit(t, name, arguments, out);
        }
    json_decref(v);
    return rc < 0 ? rc : good != 0 && i == good;
}

static size_t blanks(const mn_buf *b, size_t from) {
    while (from < b->len && strchr(" \t\r\n", b->data[from])) from++;
    return from;
}

/* Bytes at the end of the held text that may begin the tag. */
static size_t may_begin(const mn_buf *b) {
    for (size_t n = OPEN - 1 < b->len ? OPEN - 1 : b->len; n; n--)
        if (memcmp(b->data + b->len - n, tag_open, n) == 0) return n;
    return 0;
}

/* The steps: 1 to go on with what is held, 0 to wait for more. */

static int step_start(mn_tools *t) {
    const size_t at = blanks(&t->held, 0);
    size_t value = at;
    if (at == t->held.len) return 0;
    if (t->held.data[at] == '`') { /* "```json" and a line end, or no fence */
        const size_t have = t->held.len - at, n = have < 3 ? have : 3;
        const char *line = memchr(t->held.data + at, '\n', have < FENCE ? have : FENCE);
        if (memcmp(t->held.data + at, "```", n) != 0 || (!line && have >= FENCE))
            return t->state = MN_TOOLS_TEXT, 1;
        if (!line) return 0;
        value = blanks(&t->held, (size_t)(line - t->held.data));
        if (value == t->held.len) return 0;
        t->fence = 1;
    }
    const char c = t->held.data[value];
    t->state = c == '{' || c == '[' ? MN_TOOLS_VALUE : MN_TOOLS_TEXT;
    t->value = t->seen = value;
    t->depth = t->quote = 0;
    return 1;
}

static int step_text(mn_tools *t, const mn_tools_out *out) {
    char *tag = t->held.len ? memmem(t->held.data, t->held.len, tag_open, OPEN) : NULL;
    if (!tag) return let_go(t, t->held.len - may_begin(&t->held), out);
    MN_TRY(let_go(t, (size_t)(tag - t->held.data), out));
    t->state = MN_TOOLS_TAG;
    return 1;
}

/* held begins with the tag. */
static int step_tag(mn_tools *t, const mn_tools_out *out) {
    const char *close = memmem(t->held.data, t->held.len, tag_close, CLOSE);
    if (!close) return 0;
    const size_t n = (size_t)(close - t->held.data);
    const int found = calls_of(t, t->held.data + OPEN, n - OPEN, out);
    MN_TRY(found);
    t->state = found ? MN_TOOLS_AFTER : MN_TOOLS_TEXT;
    if (found)
        drop(t, n + CLOSE);
    else
        MN_TRY(let_go(t, n + CLOSE, out));
    return 1;
}

/* Could this JSON be a call? Its first key tells; -1: not known yet. */
static int looks_like_call(const mn_tools *t) {
    static const char *const keys[] = {"name", "arguments", "parameters", "type", "function", "id"};
    const mn_buf *b = &t->held;
    size_t at = t->value;
    if (b->data[at] == '[') at = blanks(b, at + 1);
    if (at == b->len) return -1;
    if (b->data[at] != '{') return 0;
    if ((at = blanks(b, at + 1)) == b->len) return -1;
    if (b->data[at++] != '"') return 0;
    const char *end = memchr(b->data + at, '"', b->len - at);
    const size_t n = (end ? (size_t)(end - b->data) : b->len) - at;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (n <= strlen(keys[i]) && memcmp(b->data + at, keys[i], n) == 0 &&
            (!end || n == strlen(keys[i])))
            return end ? 1 : -1;
    return 0;
}

/* The end of the JSON, one behind its last bracket; 0: it is not complete. */
static size_t value_end(mn_tools *t) {
    for (; t->seen < t->held.len; t->seen++) {
        const char c = t->held.data[t->seen];
        if (t->quote)
            t->quote = t->quote == 2 ? 1 : c == '\\' ? 2 : c != '"';
        else if (c == '"')
            t->quote = 1;
        else if (c == '{' || c == '[')
            t->depth++;
        else if ((c == '}' || c == ']') && --t->depth == 0)
            return ++t->seen;
    }
    return 0;
}

static int step_value(mn_tools *t, const mn_tools_out *out) {
    const int like = looks_like_call(t);
    const size_t end = like ? value_end(t) : 0;
    if (like && !end) return 0;
    const int found = end ? calls_of(t, t->held.data + t->value, end - t->value, out) : 0;
    MN_TRY(found);
    t->state = found ? MN_TOOLS_AFTER : MN_TOOLS_TEXT;
    if (found) drop(t, end);
    return 1;
}

/* Behind a call: blanks and the end of its fence are nobody's. */
static int step_after(mn_tools *t) {
    const size_t at = blanks(&t->held, 0), left = t->held.len - at, n = left < 3 ? left : 3;
    if (!left) return drop(t, at), 0;
    if (t->fence && memcmp(t->held.data + at, "```", n) == 0) {
        if (n < 3) return 0;
        drop(t, at + 3);
        t->fence = 0;
        return 1;
    }
    drop(t, at);
    t->state = MN_TOOLS_START; /* one more, in any form */
    return 1;
}

static int go_on(mn_tools *t, const mn_tools_out *out) {
    for (int more = 1; more > 0 && t->held.len;) {
        switch (t->state) {
        case MN_TOOLS_START: more = step_start(t); break;
        case MN_TOOLS_TEXT: more = step_text(t, out); break;
        case MN_TOOLS_TAG: more = step_tag(t, out); break;
        case MN_TOOLS_VALUE: more = step_value(t, out); break;
        case MN_TOOLS_AFTER: more = step_after(t); break;
        }
        MN_TRY(more);
    }
    return 0;
}

int mn_tools_take(mn_tools *t, const char *text, size_t n, const mn_tools_out *out) {
    if (!json_array_size(t->functions)) return n ? out->text(out->user, text, n) : 0;
    MN_TRY(mn_buf_append(&t->held, text, n));
    MN_TRY(go_on(t, out));
    if (t->held.len <= MN_TOOLS_HELD) return 0;
    t->state = MN_TOOLS_TEXT; /* nobody calls with so much */
    return let_go(t, t->held.len, out);
}

int mn_tools_end(mn_tools *t, const mn_tools_out *out) {
    if (!t->held.len) return 0;
    /* A model may end its answer in place of the closing tag. */
    if (t->state == MN_TOOLS_TAG) {
        const int found = calls_of(t, t->held.data + OPEN, t->held.len - OPEN, out);
        MN_TRY(found);
        if (found) return mn_buf_clear(&t->held), 0;
    }
    if (t->state == MN_TOOLS_AFTER) return mn_buf_clear(&t->held), 0;
    return let_go(t, t->held.len, out);
}
