/* SPDX-License-Identifier: Apache-2.0
 *
 * test/engine/tiny_vocab.h - a small vocabulary by hand, for grammars.
 *
 * It has every byte, some pieces that cross the borders of JSON (`":`, `{"`, ` true`), a special
 * token, two end tokens, an empty one and one twice.
 */
#ifndef MN_TEST_TINY_VOCAB_H
#define MN_TEST_TINY_VOCAB_H
#include "model/tokenizer_image.h"

enum { TINY_SPECIAL = 256, TINY_END, TINY_END_2, TINY_EMPTY, TINY_FIRST };

typedef struct tiny {
    mn_token_header h;
    mn_tokenizer t;
    uint32_t at[512];
    uint8_t attr[512], blob[4096];
} tiny;

static inline void tiny_add(tiny *v, const char *text, size_t n, uint8_t attr) {
    memcpy(v->blob + v->at[v->h.n], text, n);
    v->attr[v->h.n] = attr;
    v->at[v->h.n + 1] = v->at[v->h.n] + (uint32_t)n;
    v->h.n++;
    v->h.blob = v->at[v->h.n];
}

static inline mn_tokenizer *tiny_open(tiny *v) {
    static const char *const piece[] = {"{\"",
                                        "\":",
                                        "\": ",
                                        "\", \"",
                                        "\"}",
                                        "[[",
                                        "]]",
                                        "]}",
                                        "{}",
                                        "[]",
                                        ", ",
                                        ",\n",
                                        "\n  ",
                                        " true",
                                        "true",
                                        "null",
                                        "false",
                                        "12",
                                        "123",
                                        "0.5",
                                        "-1",
                                        "abc",
                                        "hello",
                                        " word",
                                        "\\u",
                                        "\\\"",
                                        "\\\\",
                                        "\xc3\xa9",
                                        "\xe2\x82",
                                        "\xac",
                                        "\xf0\x9f\x98\x80",
                                        "2024-",
                                        "ab",
                                        "ab",
                                        "    "};
    memset(v, 0, sizeof *v);
    for (int i = 0; i < 256; i++) tiny_add(v, (const char[]){(char)i}, 1, 0);
    tiny_add(v, "<|special|>", 11, MN_TOKEN_SPECIAL);
    tiny_add(v, "<|end|>", 7, MN_TOKEN_SPECIAL | MN_TOKEN_END);
    tiny_add(v, "<|also|>", 8, MN_TOKEN_SPECIAL | MN_TOKEN_END);
    tiny_add(v, "", 0, 0);
    for (size_t i = 0; i < sizeof piece / sizeof *piece; i++)
        tiny_add(v, piece[i], strlen(piece[i]), 0);
    v->t = (mn_tokenizer){.h = &v->h, .text = v->at, .attr = v->attr, .blob = v->blob};
    return &v->t;
}

#endif
