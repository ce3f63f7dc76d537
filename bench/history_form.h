/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/history_form.h - the forms of bench/history_read.c, each a function of one item: 1 when it
 * is a history, 0 when it is none (which was told), negative when something failed.
 */
#ifndef MN_BENCH_HISTORY_FORM_H
#define MN_BENCH_HISTORY_FORM_H
#include "bench/history.h"

#include <jansson.h>
#include <stdarg.h>

int mn_locomo_item(const json_t *item, mn_reader *r, mn_history *h);
int mn_longmemeval_item(const json_t *item, mn_reader *r, mn_history *h);

/* One more item is wrong, and this is why. */
void mn_reader_wrong(mn_reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* NULL: there is none, or it is no text. */
const char *mn_text_of(const json_t *o, const char *key);
/* Of "answer", which may be a number. */
int mn_answer_of(mn_history *h, const json_t *o, const char **out);

#endif
