/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/org/ask.h - putting texts of others before a model, as data.
 */
#ifndef MN_AGENT_ORG_ASK_H
#define MN_AGENT_ORG_ASK_H
#include "agent/org.h"

#include <jansson.h>

/* One JSON line {"speaker", "text"} behind what is there, cut to `most` bytes of text. */
int mn_ask_line(mn_buf *out, const char *speaker, const char *text, size_t n, size_t most);
/* The answer of the model: 1, *out is an object (json_decref); 0: what came back is none. */
int mn_ask(mn_org *c, const char *schema, const mn_buf *prompt, json_t **out);

#endif
