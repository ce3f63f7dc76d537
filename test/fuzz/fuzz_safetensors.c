/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_safetensors.c - any bytes as a safetensors file: open, then read all it promises.
 *
 * Every tensor is found by its name, has the bytes of its shape, and its first and last byte are
 * read. The corpus is written by make_corpus_safetensors.py.
 */
#include "model/safetensors.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink; /* keeps the reads */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mn_safetensors *s;
    if (mn_safetensors_open_memory(data, size, "fuzz", &s) < 0) return 0;
    const mn_safetensor *t;
    const size_t n = mn_safetensors_tensors(s, &t);
    uint64_t all = 0;
    for (size_t i = 0; i < n; i++) {
        if (mn_safetensors_find(s, t[i].name) != &t[i]) abort();
        const uint8_t *p = t[i].data;
        if (t[i].bytes) sink += p[0] + (uint64_t)p[t[i].bytes - 1];
        for (uint32_t d = 0; d < t[i].dims; d++)
            if (t[i].bytes && (!t[i].shape[d] || t[i].bytes % t[i].shape[d])) abort();
        all += t[i].bytes;
    }
    const void *header;
    size_t bytes;
    mn_safetensors_header(s, &header, &bytes);
    if (all + bytes != mn_safetensors_size(s) || bytes > size) abort();
    const char *format = mn_safetensors_metadata(s, "format");
    sink += format ? strlen(format) : 0;
    mn_safetensors_close(&s);
    return 0;
}
