/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_gbnf.c - any bytes as a grammar in GBNF, and an answer at random (grammar_walk.h).
 */
#include "grammar_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mn_buf text = {0};
    const size_t blank = size && memchr(" \t\r\n{", *data, 5) ? 1 : 0; /* not a schema */
    walk_grammar(data + blank, size - blank, &text);
    mn_buf_free(&text);
    return 0;
}
