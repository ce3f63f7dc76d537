/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_tokenizer.c - any vocabulary, any image, any text: build, open, encode, decode.
 *
 *   'T' u32 n, n bytes of GGUF, text          build the image, encode the text, decode the ids
 *   'P' u32 n, n bytes of GGUF, edits         build, then write bytes (u32 place, u8 value) into
 *                                             the image, with the header's sum made right again, so
 *                                             that damage behind the sum is reached
 *   'I' bytes                                 an image as it stands, sum made right
 * Checked: ids inside the vocabulary, none special unless asked for, decoding always possible for
 * sound images. The corpus is written by make_corpus_tokenizer.py.
 */
#include "base/error.h"
#include "base/hash.h"
#include "model/tokenizer_image.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(const mn_tokenizer *t, const char *text, size_t n, unsigned flags, int sound) {
    mn_buf ids = {0}, back = {0};
    if (mn_tokenizer_encode(t, text, n, flags, &ids) == 0) {
        const int32_t *id = (const int32_t *)(const void *)ids.data;
        for (size_t i = 0; i < ids.len / 4 && sound; i++) {
            if (id[i] < 0 || id[i] >= mn_tokenizer_size(t)) abort();
            /* SentencePiece writes what it does not know as the unknown token, which is special. */
            if (!flags && mn_tokenizer_is_special(t, id[i]) && id[i] != t->h->unk) abort();
        }
        if (mn_tokenizer_decode(t, id, ids.len / 4, flags, &back) < 0 && sound) abort();
    }
    mn_buf_free(&ids);
    mn_buf_free(&back);
}

static void use(const void *image, size_t n, const char *text, size_t text_n, int sound) {
    mn_tokenizer *t;
    if (mn_tokenizer_open(image, n, &t) < 0) return;
    if (mn_tokenizer_verify(t) < 0 && sound) abort();
    encode(t, text, text_n, 0, sound);
    encode(t, text, text_n, MN_TOK_SPECIAL | MN_TOK_BEGIN, sound);
    char name[33] = {0};
    memcpy(name, text, text_n < 32 ? text_n : 32);
    const int32_t id = mn_tokenizer_special(t, name);
    if (id >= mn_tokenizer_size(t) && sound) abort();
    mn_tokenizer_is_end(t, id);
    mn_tokenizer_close(&t);
}

static void use_damaged(void *image, size_t n) {
    static const char text[] = "the cat's 12 hats\n\n<|im_end|><s> \xE4\xB8\xAD\xFF  x";
    if (n < sizeof(mn_token_header)) return;
    mn_token_header h;
    memcpy(&h, image, sizeof h);
    h.header_sum = mn_hash64(&h, offsetof(mn_token_header, header_sum));
    memcpy(image, &h, sizeof h);
    use(image, n, text, sizeof text, 0);
}

static void edit(mn_buf *image, const uint8_t *edits, size_t n) {
    for (; n >= 5 && image->len; edits += 5, n -= 5) {
        uint32_t place;
        memcpy(&place, edits, 4);
        image->data[place % image->len] = (char)edits[4];
    }
    use_damaged(image->data, image->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 5) return 0;
    if (data[0] == 'I') {
        void *image = malloc(size); /* aligned, and its own to patch */
        if (image) memcpy(image, data + 1, size - 1), use_damaged(image, size - 1);
        free(image);
        return 0;
    }
    uint32_t n;
    memcpy(&n, data + 1, 4);
    if (n > size - 5) return 0;
    const uint8_t *rest = data + 5 + n;
    const size_t rest_n = size - 5 - n;
    mn_gguf *g;
    mn_buf image = {0};
    if (mn_gguf_open_memory(data + 5, n, "fuzz", &g) < 0) return 0;
    if (mn_tokenizer_build(g, &image) == 0) {
        if (data[0] == 'P')
            edit(&image, rest, rest_n);
        else
            use(image.data, image.len, (const char *)rest, rest_n, 1);
    } else if (!*mn_error_detail()) {
        abort();
    }
    mn_buf_free(&image);
    mn_gguf_close(&g);
    return 0;
}
