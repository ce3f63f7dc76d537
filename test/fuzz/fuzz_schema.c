/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_schema.c - any bytes as a JSON schema, and an answer at random (grammar_walk.h),
 * which must be JSON when it is complete.
 */
#include "grammar_walk.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mn_buf text = {0};
    if (size && *data == '{' && walk_grammar(data, size, &text)) {
        json_t *v = json_loadb(text.data ? text.data : "", text.len, JSON_DECODE_ANY, NULL);
        if (!v) abort();
        json_decref(v);
    }
    mn_buf_free(&text);
    return 0;
}
