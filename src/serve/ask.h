/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/ask.h - from the fields of a request to what mn_loop_ask takes.
 *
 * Every kind of client's conversation becomes OpenAI's messages (text content, arguments of tool
 * calls as objects, as templates want them), every way to name functions OpenAI's tools; so there
 * is one way to the model. Any thread may do it.
 */
#ifndef MN_SERVE_ASK_H
#define MN_SERVE_ASK_H
#include "serve/exchange.h"

enum { MN_ASK_PROMPTS = 256, MN_ASK_ANSWERS = 256 };

typedef struct mn_ask {
    mn_request request; /* borrows all below, but for the tenant when there is a salt */
    char *messages, *tools, *grammar;
    char **prompt; /* texts to go on from, of /v1/completions */
    size_t n_prompts;
    const char **stop;
    mn_bias *bias;
    uint8_t tenant[32]; /* of a salt: an ask may be moved, so nobody points here */
    int salted;
    json_t *functions;            /* OpenAI's tools that may be called; NULL: none */
    int forced;                   /* the answer is a call */
    struct mn_remember *remember; /* of a conversation with a memory; NULL */
} mn_ask;

/* Of x->fields, with messages and tools in OpenAI's form (chat, responses, messages) or prompts.
 * 0, or MN_E* with a sentence and *param the field. Free it also on failure. */
int mn_ask_chat(mn_exchange *x, json_t *messages, json_t *tools, mn_ask *out, const char **param);
int mn_ask_text(mn_exchange *x, mn_ask *out, const char **param);
void mn_ask_free(mn_ask *ask);

/* Messages as templates want them: a new array. *param is kept in x. */
int mn_ask_messages(json_t *messages, json_t **out, char param[64]);
/* Texts of a content: text, or a list of parts of type "text" (or one of `type`). */
int mn_ask_content(const json_t *content, char param[64], mn_buf *out);
/* Ids as text: MN_EINVAL when they are none, or would be read as others. */
int mn_ask_ids(mn_exchange *x, const json_t *ids, char **out);
int mn_ask_ids_text(mn_exchange *x, const json_t *ids, char **out); /* the text alone */

/* choice.c: which grammar the answer follows; NULL: none. Reads tool_choice, response_format,
 * grammar and parallel_tool_calls. */
int mn_ask_grammar(const mn_fields *fields, mn_ask *ask, const char **param);

#endif
