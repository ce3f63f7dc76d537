/* SPDX-License-Identifier: Apache-2.0
 *
 * api/vocab.h - encode and decode as omnesia.h shapes them, over any tokenizer.
 */
#ifndef MN_API_VOCAB_H
#define MN_API_VOCAB_H
#include "model/tokenizer.h"

/* The number of ids (bytes), also when it exceeds cap; flags are omnesia.h's. */
int mn_vocab_ids(const mn_tokenizer *t, const char *text, size_t n, unsigned flags, int32_t *ids,
                 size_t cap);
int mn_vocab_text(const mn_tokenizer *t, const int32_t *ids, size_t n, unsigned flags, char *text,
                  size_t cap);

#endif
