/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/ask.h - a question that a model answers from records that a search found: of `mem ask`, and
 * of `bench longmemeval --answers`, which measures just that.
 */
#ifndef MN_CLI_ASK_H
#define MN_CLI_ASK_H
#include "base/buf.h"
#include "omnesia.h"

enum {
    MN_CLI_ASK_RECORDS = 10,
    MN_CLI_ASK_BUDGET = 1000, /* tokens of the records together */
    MN_CLI_ASK_MOST = 256,    /* records that an answer may be from */
};
extern const char mn_cli_ask_unknown[]; /* "I do not know." */

typedef struct mn_cli_ask_shown {
    int64_t id;
    size_t at; /* its text, in `texts` */
} mn_cli_ask_shown;

typedef struct mn_cli_ask {
    mn_model *model;      /* or NULL: */
    const char *endpoint; /* URL#MODEL */
    mn_request request;   /* of the model: how it answers; what it is asked is filled in here */
    int notes;            /* 1: notes first; what it writes is a JSON object */
    int n;                /* records it is shown, by mn_cli_ask_show */
    mn_cli_ask_shown shown[MN_CLI_ASK_MOST];
    mn_buf texts;
    mn_buf answer;  /* what it wrote, and the number of a record behind it */
    mn_buf grammar; /* of notes and answer; empty: none */
    mn_stats stats; /* of the model; of an endpoint all is 0 */
    int rc;
    int (*say)(void *user, const char *text, size_t n); /* as it is made; or NULL */
    void *user;
} mn_cli_ask;

/* One more record that it is shown. */
int mn_cli_ask_show(mn_cli_ask *a, const mn_record *r);
/* Neither records nor an answer: before the next question. */
void mn_cli_ask_clear(mn_cli_ask *a);
/* `recalled` of mn_mem_recall; NULL: nothing was found, and no model is asked. */
int mn_cli_ask_answer(mn_cli_ask *a, const char *question, const char *recalled);
void mn_cli_ask_free(mn_cli_ask *a);

#endif
