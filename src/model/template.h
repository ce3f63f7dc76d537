/* SPDX-License-Identifier: Apache-2.0
 *
 * model/template.h - chat templates: messages to prompt text.
 *
 * The model's own Jinja template is run by an interpreter of the subset in use, with limits on
 * steps, depth and output size; a built-in template stands in where a file has none. Output is a
 * list of pieces, each marked as template text (special tokens count) or user text (they never do),
 * so nothing a user writes can become a special token: look for special tokens only inside trusted
 * pieces, and encode what lies between two of them as one run.
 *
 * A role is trusted when it is one of the usual words ("user", "tool" ...), because templates make
 * special tokens from it ('<|' + role + '|>'). Templates that print bos_token add the begin token
 * themselves. A compiled template is read-only: any thread may render it.
 */
#ifndef MN_MODEL_TEMPLATE_H
#define MN_MODEL_TEMPLATE_H
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mn_template mn_template;

/* Compile. The source is copied. MN_EUNSUPPORTED names the construct and its line, MN_EINVAL the
 * mistake. */
int mn_template_compile(const char *source, size_t n, mn_template **out);
/* The built-in template of this name ("gemma", "chatml", "llama2", "phi3", ...); NULL: unknown. */
const char *mn_template_builtin(const char *name);
/* The name of the built-in template for a model whose file has none, by the special tokens it
 * knows (is_special(user, "<|im_start|>") is not 0) and by its GGUF architecture. NULL: none fits,
 * the model was not made for conversations. */
const char *mn_template_choose(const char *architecture,
                               int (*is_special)(void *user, const char *text), void *user);
/* Does it say anything of tools? Most templates of small models do not. */
int mn_template_has_tools(const mn_template *t);
void mn_template_free(mn_template **t);

typedef struct mn_message {
    const char *role;    /* "system", "user", "assistant" */
    const char *content; /* UTF-8, NUL-terminated */
} mn_message;

typedef struct mn_piece {
    size_t from, n; /* range in the text */
    int trusted;    /* 1: written by the template, special tokens count; 0: came from a message */
} mn_piece;

typedef struct mn_rendered {
    mn_buf text;
    mn_piece *piece; /* covers text without gaps */
    size_t n_pieces;
} mn_rendered;

typedef struct mn_template_args {
    const mn_message *message;
    size_t n_messages;
    int add_generation_prompt;
    const char *bos_token, *eos_token; /* text; NULL reads as "" */
    const char *tools_json;            /* JSON array or NULL */
} mn_template_args;

/* Zero-initialise `out`. MN_EINVAL carries what the template itself raised. */
int mn_template_render(const mn_template *t, const mn_template_args *args, mn_rendered *out);
/* The same with all names the template may read as one JSON object: "messages" (with tool calls and
 * whatever else), "tools", "add_generation_prompt", "bos_token" ... All its strings are user text
 * but usual roles, bos_token and eos_token. now: seconds since 1970 for strftime_now; 0: clock. */
int mn_template_render_json(const mn_template *t, const char *json, size_t n, int64_t now,
                            mn_rendered *out);
void mn_rendered_free(mn_rendered *r);

#endif
