/* SPDX-License-Identifier: Apache-2.0
 *
 * model/tokenizer.h - text to token ids and back, exactly as the model was trained.
 *
 * Two steps. `build` turns a GGUF's vocabulary into an *image*: one flat, position-independent,
 * checksummed run of bytes with every table (token bytes, hash of them, merge ranks, special
 * tokens, byte fallback) ready to use. `open` uses an image in place, so a packed model starts
 * without rebuilding anything and processes share one copy. An image is input like any other: its
 * header is checked at open, every index at its use, and `verify` checks the sum over all of it.
 * Read-only after open: any thread.
 *
 * User text never becomes a special token, whatever it says, unless MN_TOK_SPECIAL is given; only
 * tokens the vocabulary marks user-defined are taken from text as they stand. Known names of
 * pre-tokenizers: tokenizer_rows.h.
 */
#ifndef MN_MODEL_TOKENIZER_H
#define MN_MODEL_TOKENIZER_H
#include "base/buf.h"
#include "model/gguf.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mn_tokenizer mn_tokenizer;

/* Append the image of g's vocabulary to `image`, whose length must be a multiple of 8.
 * MN_EUNSUPPORTED names an unknown tokenizer model or pre-tokenizer and lists the known ones;
 * MN_ECORRUPT: tables that do not fit each other. On failure `image` is as it was. */
int mn_tokenizer_build(const mn_gguf *g, mn_buf *image);

/* Borrows `image` (aligned to 8 bytes) until close. Reads the header only: microseconds.
 * MN_ECORRUPT when that is damaged. */
int mn_tokenizer_open(const void *image, size_t n, mn_tokenizer **out);
/* Read the whole image and compare its sum: MN_ECORRUPT when damaged. */
int mn_tokenizer_verify(const mn_tokenizer *t);
void mn_tokenizer_close(mn_tokenizer **t);

enum {
    MN_TOK_SPECIAL = 1, /* special-token text ("<|im_start|>") becomes its id; default: plain */
    MN_TOK_BEGIN = 2,   /* encode: add the begin/end tokens the model asks for (add_bos / add_eos);
                           decode: ids are the beginning of a text, so the space that some
                           vocabularies put before it goes again */
};
/* Append the ids of text[0..n) (any bytes) to *ids, a buffer of int32_t. Invalid UTF-8 is encoded
 * byte by byte; a byte for which the vocabulary has neither a token nor an unknown token is left
 * out, as its own tokenizer does. On failure *ids is as it was. O(n log n). */
int mn_tokenizer_encode(const mn_tokenizer *t, const char *text, size_t n, unsigned flags,
                        mn_buf *ids);

/* A range of bytes of a text. */
typedef struct mn_tok_range {
    size_t from, n;
} mn_tok_range;
/* The same, but special-token text counts only where it lies inside one of the ascending ranges:
 * the text is tokenized as one, yet nothing outside them can become a special token. */
int mn_tokenizer_encode_trusted(const mn_tokenizer *t, const char *text, size_t n, unsigned flags,
                                const mn_tok_range *trusted, size_t n_trusted, mn_buf *ids);

/* Bytes of text[0..n) that encode leaves out. */
size_t mn_tokenizer_missing(const mn_tokenizer *t, const char *text, size_t n);

/* Append the bytes of the ids; special tokens only when MN_TOK_SPECIAL is given, else they are
 * skipped. MN_EINVAL for an id outside the vocabulary. What encode wrote comes back, MN_TOK_BEGIN
 * given; without it each id gives the same bytes wherever it stands, as streaming wants it. */
int mn_tokenizer_decode(const mn_tokenizer *t, const int32_t *ids, size_t n, unsigned flags,
                        mn_buf *text);

int32_t mn_tokenizer_size(const mn_tokenizer *t);  /* vocabulary entries */
int32_t mn_tokenizer_begin(const mn_tokenizer *t); /* BOS id, -1: none */
int32_t mn_tokenizer_end(const mn_tokenizer *t);   /* EOS id, -1: none */
/* Does generation stop at this id (EOS, EOT, EOM and what the vocabulary calls so)? */
int mn_tokenizer_is_end(const mn_tokenizer *t, int32_t id);
int mn_tokenizer_is_special(const mn_tokenizer *t, int32_t id);
/* The id whose text is exactly this special or user-defined token; -1: none. */
int32_t mn_tokenizer_special(const mn_tokenizer *t, const char *text);
/* The bytes one token stands for (special ones: their text), borrowed. {NULL,0} out of range. */
mn_str mn_tokenizer_text(const mn_tokenizer *t, int32_t id);

#endif
