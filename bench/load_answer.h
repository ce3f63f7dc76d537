/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/load_answer.h - what an answer in OpenAI's form says: text, when it came, and usage.
 */
#ifndef MN_BENCH_LOAD_ANSWER_H
#define MN_BENCH_LOAD_ANSWER_H
#include "bench/load.h"

/* The data of one event of a stream: an object of /v1/chat/completions or /v1/completions, or
 * "[DONE]". MN_ECORRUPT: neither. */
int mn_answer_event(mn_asked *asked, const char *data, size_t n, double now);
/* A whole answer; what is no JSON is left alone. */
int mn_answer_whole(mn_asked *asked, const char *body, double now);

#endif
