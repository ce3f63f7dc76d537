/* SPDX-License-Identifier: Apache-2.0
 *
 * model/tokenizer_rows.h - the registry of pre-tokenizers: how text is cut before merging.
 *
 * One row per way of cutting. A row is a list of stages; each stage is a regular expression that
 * is applied to every piece the stage before left, and isolates its matches (what lies between two
 * matches is a piece too). `pattern` is that expression as published with the models, in PCRE2
 * syntax (UTF, UCP): it is the specification. `match` is the same by hand: compiling the patterns
 * would cost more than a short prompt takes. The conformance test runs both over the same text.
 *
 * A new one: a row (or an alias, when pattern and flags are those of a row), its matchers if no
 * other row has them, its published patterns in make_tokenizer_golden.py (which makes a vocabulary
 * and golden ids), a line in test_tokenizer.c.
 */
#ifndef MN_MODEL_TOKENIZER_ROWS_H
#define MN_MODEL_TOKENIZER_ROWS_H
#include <stddef.h>
#include <stdint.h>

enum { MN_TOKENIZER_STAGES = 7, MN_TOKENIZER_ALIASES = 12 };

/* The match that begins exactly at p[pos], pos < n: its bytes; if there is none, minus the bytes
 * to pass over (at least 1 character) before the next place where one may begin. Never 0. */
typedef int64_t mn_tokenizer_match(const uint8_t *p, size_t n, size_t pos);

typedef enum mn_tokenizer_kind {
    MN_TOKENIZER_BYTES = 1, /* byte-level BPE: symbols are bytes, merges have ranks */
    MN_TOKENIZER_CHARS = 2, /* BPE over characters, spaces kept, bytes where no character fits */
    MN_TOKENIZER_SPM = 3,   /* SentencePiece BPE: as CHARS, any two tokens that make a token merge,
                               highest score first */
    MN_TOKENIZER_WORDS = 4, /* WordPiece: the longest token that fits, from left to right */
} mn_tokenizer_kind;

typedef struct mn_tokenizer_row {
    const char *name;  /* of tokenizer.ggml.pre; of the model when `any_pre` */
    const char *model; /* tokenizer.ggml.model */
    mn_tokenizer_kind kind;
    uint8_t any_pre;       /* the model has no choice of pre-tokenizers */
    uint8_t whole_words;   /* a piece that is a token is that token, whatever the merges say */
    uint8_t begin, end;    /* add_bos_token, add_eos_token when the file is silent */
    uint8_t always_begin;  /* ... and also when it says no */
    uint8_t space_prefix;  /* add_space_prefix when the file is silent */
    int32_t bos, eos, unk; /* ids when the file is silent; -1: none */
    const char *alias[MN_TOKENIZER_ALIASES];
    const char *pattern[MN_TOKENIZER_STAGES];
    mn_tokenizer_match *match[MN_TOKENIZER_STAGES];
} mn_tokenizer_row;

extern const mn_tokenizer_row mn_tokenizer_rows[];
extern const size_t mn_tokenizer_rows_n;

/* The row for a file's model and pre-tokenizer names; MN_EUNSUPPORTED lists what is known. */
int mn_tokenizer_row_find(const char *model, size_t model_n, const char *pre, size_t pre_n,
                          const mn_tokenizer_row **out);
/* The row of that name; NULL when there is none. */
const mn_tokenizer_row *mn_tokenizer_row_named(const char *name);

/* Hand every piece of p[0..n) to `take`, in order; stops at its first failure. */
typedef int mn_tokenizer_take(void *ctx, const uint8_t *p, size_t n);
int mn_tokenizer_row_split(const mn_tokenizer_row *row, const uint8_t *p, size_t n,
                           mn_tokenizer_take *take, void *ctx);

/* The matchers (tokenizer_match.c), one per distinct pattern. */
mn_tokenizer_match mn_tokenizer_match_gpt2, mn_tokenizer_match_llama3, mn_tokenizer_match_qwen2,
    mn_tokenizer_match_digit, mn_tokenizer_match_digits, mn_tokenizer_match_line_end,
    mn_tokenizer_match_lines, mn_tokenizer_match_letters, mn_tokenizer_match_puncts,
    mn_tokenizer_match_ds_letters, mn_tokenizer_match_ds_puncts, mn_tokenizer_match_ds_ideographs,
    mn_tokenizer_match_trailing;

#endif
