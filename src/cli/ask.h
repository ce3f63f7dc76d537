/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/ask.h - a question that a model answers from records that a search found: of `mem ask`, and
 * of `bench longmemeval --answers`, which measures just that.
 */
#ifndef MN_CLI_ASK_H
#define MN_CLI_ASK_H
#include "base/buf.h"
#include "omnesia.h"

enum { MN_CLI_ASK_RECORDS = 10, MN_CLI_ASK_BUDGET = 1000 /* tokens of the records together */ };
extern const char mn_cli_ask_unknown[]; /* "I do not know." */

typedef struct mn_cli_ask {
    mn_model *model;      /* or NULL: */
    const char *endpoint; /* URL#MODEL */
    mn_request request;   /* of the model: how it answers; what it is asked is filled in here */
    int notes;            /* 1: notes first; what it writes is a JSON object */
    mn_buf ids;           /* of the records it is shown: "12,14"; filled by who searches */
    mn_buf answer;        /* what it wrote; cleared by who asks again */
    mn_buf grammar;       /* of what it writes */
    mn_stats stats;       /* of the model; of an endpoint all is 0 */
    int rc;
    int (*say)(void *user, const char *text, size_t n); /* as it is made; or NULL */
    void *user;
} mn_cli_ask;

/* One more record that it is shown. */
int mn_cli_ask_show(mn_cli_ask *a, int64_t id);
/* `recalled` of mn_mem_recall; NULL: nothing was found, and no model is asked. */
int mn_cli_ask_answer(mn_cli_ask *a, const char *question, const char *recalled);
void mn_cli_ask_free(mn_cli_ask *a);

#endif
