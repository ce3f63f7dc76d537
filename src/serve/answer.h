/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/answer.h - the answers of one request: a job of the loop each, and how they are told.
 *
 * The loop's callbacks leave text and tokens in a choice and post its letter; the HTTP thread takes
 * what is there, finds calls of functions in it, and hands it to the teller: the part that knows
 * what one kind of client expects. When the client leaves, all jobs are cancelled.
 */
#ifndef MN_SERVE_ANSWER_H
#define MN_SERVE_ANSWER_H
#include "serve/ask.h"
#include "serve/exchange.h"
#include "serve/tools.h"

typedef struct mn_choice mn_choice;
typedef struct mn_answers mn_answers;

/* All on the HTTP thread. x->fields.stream says whether to write events or wait for `end`. */
typedef struct mn_teller {
    void (*begin)(mn_answers *a); /* before the first event of a stream; NULL: nothing */
    void (*text)(mn_choice *c, const char *text, size_t n);
    void (*call)(mn_choice *c, const char *id, const char *name, const char *arguments);
    void (*ended)(mn_choice *c); /* this one is complete: c->finish */
    void (*end)(mn_answers *a);  /* all are: note the reply, or write the last events */
    /* An error after the stream has begun. */
    void (*failed)(mn_answers *a, int status, const char *code, const char *detail);
    void (*free)(mn_answers *a); /* what a->state holds; NULL: nothing */
} mn_teller;

typedef struct mn_piece { /* a token, for logprobs */
    int32_t id, n_top;
    float logprob;
    mn_alternative top[20];
} mn_piece;

struct mn_choice {
    mn_letter letter;
    mn_answers *all;
    mn_job *job;
    int index, prompt; /* of which prompt */

    /* Filled by the loop, under the lock of the mail. */
    mn_buf text, pieces;
    int done, rc, lost; /* lost: there was no memory for its text */
    double first;
    mn_stats stats;
    char detail[512];

    /* The HTTP thread's. */
    mn_tools tools;
    mn_buf content;     /* all of its text, when not streaming */
    json_t *calls;      /* OpenAI's tool_calls; NULL: none */
    mn_buf told;        /* pieces that were not told yet, or all */
    size_t offset;      /* bytes of text told */
    const char *finish; /* "stop", "length", "tool_calls"; NULL: it goes on */
    int spoke;          /* an event was written */
};

struct mn_answers {
    mn_exchange *x;
    const mn_teller *teller;
    mn_ask ask;
    mn_choice *choice;
    int n, left; /* jobs that have not ended */
    int begun, failed;
    char id[48]; /* "chatcmpl-..." */
    int64_t created;
    void *state; /* the teller's, freed with mn_free */
};

/* Ask for the answers: x->fields.n for each prompt of `ask`, which is consumed, as is `state`. Any
 * failure is noted as the reply and sent. `prefix` of the id: "chatcmpl-". */
void mn_answers_start(mn_exchange *x, mn_ask *ask, const mn_teller *teller, const char *prefix,
                      void *state);
/* {"prompt_tokens", ..}; prompts count once, however many answers they have. */
typedef struct mn_usage {
    int prompt, cached, written;
} mn_usage;
mn_usage mn_answers_usage(const mn_answers *a);
/* A random name: prefix and 24 hexadecimal digits. */
void mn_answers_name(const char *prefix, char out[48]);

#endif
