/* SPDX-License-Identifier: Apache-2.0
 *
 * model/tokenizer.h - text to token ids and back, exactly as the model was trained.
 *
 * Two steps. `build` turns a GGUF's vocabulary into an *image*: one flat, position-independent,
 * checksummed run of bytes with every table (token strings, hash of strings, merge ranks, special
 * tokens, byte fallback) ready to use. `open` checks an image and uses it in place, so a packed
 * model starts without rebuilding anything and processes share one copy. An image is input like
 * any other: every offset is checked at open. Read-only after open: any thread.
 */
#ifndef MN_MODEL_TOKENIZER_H
#define MN_MODEL_TOKENIZER_H
#include "base/buf.h"
#include "model/gguf.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mn_tokenizer mn_tokenizer;

/* Append the image of g's vocabulary to `image`. MN_EUNSUPPORTED names an unknown tokenizer model
 * or pre-tokenizer and lists the known ones; MN_ECORRUPT: tables that do not fit each other. */
int mn_tokenizer_build(const mn_gguf *g, mn_buf *image);

/* Borrows `image` until close. MN_ECORRUPT when damaged. */
int mn_tokenizer_open(const void *image, size_t n, mn_tokenizer **out);
void mn_tokenizer_close(mn_tokenizer **t);

enum {
    MN_TOK_SPECIAL =
        1,            /* special-token text ("<|im_start|>") becomes its id; default: plain text */
    MN_TOK_BEGIN = 2, /* add the begin/end tokens the model asks for (add_bos / add_eos) */
};
/* Append the ids of text[0..n) (any bytes; invalid UTF-8 is encoded byte by byte where the
 * vocabulary can) to *ids, a buffer of int32_t. Returns 0 or an error. O(n log n). */
int mn_tokenizer_encode(const mn_tokenizer *t, const char *text, size_t n, unsigned flags,
                        mn_buf *ids);

/* Append the bytes of the ids; special tokens only when MN_TOK_SPECIAL is given, else they are
 * skipped. MN_EINVAL for an id outside the vocabulary. */
int mn_tokenizer_decode(const mn_tokenizer *t, const int32_t *ids, size_t n, unsigned flags,
                        mn_buf *text);

int32_t mn_tokenizer_size(const mn_tokenizer *t);  /* vocabulary entries */
int32_t mn_tokenizer_begin(const mn_tokenizer *t); /* BOS id, -1: none */
/* Does generation stop at this id (EOS, EOT, EOM and what the vocabulary calls so)? */
int mn_tokenizer_is_end(const mn_tokenizer *t, int32_t id);
int mn_tokenizer_is_special(const mn_tokenizer *t, int32_t id);
/* The id whose text is exactly this special token; -1: none. */
int32_t mn_tokenizer_special(const mn_tokenizer *t, const char *text);
/* Stored text of one token (special ones too), borrowed. {NULL,0} out of range. */
mn_str mn_tokenizer_text(const mn_tokenizer *t, int32_t id);

#endif
