/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/tools.h - calls of functions, found in the text a model writes, while it writes it.
 *
 * Two forms: Qwen's (and Hermes') <tool_call>{"name": .., "arguments": {..}}</tool_call>, anywhere
 * and several times; and, where the text begins with it or goes on with it behind a call, a JSON
 * object or list of {"name", "arguments" or "parameters"} or {"type": "function", "function":
 * {..}}, bare or in a ``` fence. Only names that were offered make a call; all else is text and
 * stays as it was written. What may be the beginning of a call is held back, at most MN_TOOLS_HELD
 * bytes, and only until it cannot be one any more; of a JSON answer that is no call, that is its
 * first key.
 */
#ifndef MN_SERVE_TOOLS_H
#define MN_SERVE_TOOLS_H
#include "base/buf.h"

#include <jansson.h>

enum { MN_TOOLS_HELD = 1 << 20 };

typedef struct mn_tools_out {
    /* Negative stops, and is returned. */
    int (*text)(void *user, const char *text, size_t n);
    int (*call)(void *user, const char *name, const char *arguments); /* JSON */
    void *user;
} mn_tools_out;

typedef struct mn_tools {
    const json_t *functions; /* OpenAI's tools; borrowed */
    enum { MN_TOOLS_START, MN_TOOLS_TEXT, MN_TOOLS_TAG, MN_TOOLS_VALUE, MN_TOOLS_AFTER } state;
    mn_buf held;
    size_t seen;      /* of held: looked through, in MN_TOOLS_VALUE */
    size_t value;     /* where the JSON begins */
    int depth, quote; /* of brackets; inside of a text: 1, behind a backslash: 2 */
    int fence, calls;
} mn_tools;

/* Zero-initialise, with functions. */
int mn_tools_take(mn_tools *t, const char *text, size_t n, const mn_tools_out *out);
int mn_tools_end(mn_tools *t, const mn_tools_out *out); /* the answer is complete */
void mn_tools_free(mn_tools *t);

#endif
