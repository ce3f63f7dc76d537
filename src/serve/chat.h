/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/chat.h - /v1/chat/completions and /v1/completions, as OpenAI's clients expect them.
 */
#ifndef MN_SERVE_CHAT_H
#define MN_SERVE_CHAT_H
#include "serve/answer.h"

int mn_chat_work(mn_exchange *x);
int mn_text_work(mn_exchange *x);
void mn_asked_start(mn_exchange *x); /* after any of them */
/* The model a request means, into x->use. 1: it would have to wait; negative: the reply is noted.
 * */
int mn_chat_model(mn_exchange *x, int vectors);
/* Note a failure that names a field. */
int mn_reply_field(mn_exchange *x, int rc, const char *param);

/* An exchange between `work` and `start`: what work made for start. */
typedef struct mn_asked {
    mn_ask ask;
    const mn_teller *teller;
    const char *prefix;
    void *state; /* the teller's, of the size it asked for */
} mn_asked;
int mn_asked_new(mn_exchange *x, const mn_teller *teller, const char *prefix, size_t state,
                 mn_asked **out);

/* logprobs.c: told pieces as JSON, chat's form or that of completions; they are told then. */
json_t *mn_chat_logprobs(mn_choice *c);
json_t *mn_text_logprobs(mn_choice *c, size_t offset);
json_t *mn_usage_json(const mn_answers *a);

#endif
