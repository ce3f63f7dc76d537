/* SPDX-License-Identifier: Apache-2.0
 *
 * model/tokenizer_rules.c - which tokens end generation and which are not text.
 *
 * Files are often silent or wrong about this, so it goes by metadata and by the tokens' texts, as
 * llama.cpp (src/llama-vocab.cpp, load) does, in its order:
 *   roles     end of turn, end of message, fill-in-the-middle parts: by metadata, else by text; a
 *             token found by text is special whatever its type says
 *   ends      what certain texts, the roles and eos_token_id say
 *   repairs   exceptions for families whose texts mean something else
 * Cost: one look-up per text listed here.
 */
#include "model/tokenizer_image.h"

#include <ctype.h>
#include <strings.h>

typedef struct role {
    const char *key, *old_key; /* metadata; NULL: none */
    uint8_t end;               /* generation stops at it */
    const char *text[12];
} role;

static const role roles[] = {
    {"tokenizer.ggml.eot_token_id",
     NULL,
     1,
     {"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>",
      "<EOT>", "_<EOT>", "[EOT]", "<\uFF5Cend\u2581of\u2581sentence\uFF5C>", "<end_of_utterance>"}},
    {"tokenizer.ggml.eom_token_id", NULL, 1, {"<|eom_id|>"}},
    {"tokenizer.ggml.fim_pre_token_id",
     "tokenizer.ggml.prefix_token_id",
     0,
     {"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<\uFF5Cfim\u2581begin\uFF5C>", "<PRE>",
      "\u2581<PRE>", "<|code_prefix|>", "<|prefix|>"}},
    {"tokenizer.ggml.fim_suf_token_id",
     "tokenizer.ggml.suffix_token_id",
     0,
     {"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<\uFF5Cfim\u2581hole\uFF5C>", "<SUF>",
      "\u2581<SUF>", "<|code_suffix|>", "<|suffix|>"}},
    {"tokenizer.ggml.fim_mid_token_id",
     "tokenizer.ggml.middle_token_id",
     0,
     {"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<\uFF5Cfim\u2581end\uFF5C>", "<MID>",
      "\u2581<MID>", "<|code_middle|>", "<|middle|>"}},
    {"tokenizer.ggml.fim_pad_token_id",
     NULL,
     1,
     {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}},
    {"tokenizer.ggml.fim_rep_token_id",
     NULL,
     1,
     {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"}},
    {"tokenizer.ggml.fim_sep_token_id", NULL, 1, {"<|file_sep|>"}},
};

static const char *const ends[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<\uFF5Cend\u2581of\u2581sentence\uFF5C>",
    "[e~[",
};

/* Always shown: the channel marks of the Harmony format. */
static const char *const shown[] = {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};

static int32_t named(const mn_token_rules *r, const char *text) {
    return r->id_of(r->ctx, text, strlen(text));
}

static int32_t keyed(const mn_token_rules *r, const char *key, int32_t fallback) {
    const uint64_t id = key ? mn_gguf_u64(r->g, key, UINT64_MAX) : UINT64_MAX;
    return id < (uint64_t)r->n ? (int32_t)id : fallback;
}

static void find_role(mn_token_rules *r, const role *x) {
    int32_t id = keyed(r, x->old_key, keyed(r, x->key, -1));
    for (size_t i = 0; id < 0 && i < sizeof x->text / sizeof *x->text && x->text[i]; i++) {
        id = named(r, x->text[i]);
        if (id >= 0) r->attr[id] |= MN_TOKEN_SPECIAL;
    }
    if (id >= 0 && x->end) r->attr[id] |= MN_TOKEN_END;
}

static int ending(const mn_token_rules *r, const char *text) {
    const int32_t id = named(r, text);
    return id >= 0 && (r->attr[id] & MN_TOKEN_END);
}

/* Not an end after all: shown as user-defined or as plain text. */
static void release(mn_token_rules *r, const char *text, uint8_t attr) {
    const int32_t id = named(r, text);
    r->attr[id] =
        (uint8_t)((r->attr[id] & ~(MN_TOKEN_END | MN_TOKEN_SPECIAL | MN_TOKEN_USER)) | attr);
}

static void repair(mn_token_rules *r) {
    const int call = ending(r, "<|call|>") || ending(r, "<|calls|>");
    if (call && ending(r, "<|end|>") && (ending(r, "<|return|>") || ending(r, "<|flush|>")))
        release(r, "<|end|>", MN_TOKEN_USER);
    if ((ending(r, "<|tool_response>") || ending(r, "<|plamo:eos|>")) && ending(r, "</s>"))
        release(r, "</s>", 0);
}

/* Phi-3: white space after a listed token belongs to it, but for three of them. */
static void strip(mn_token_rules *r) {
    const mn_str name = mn_gguf_str(r->g, "general.name");
    int phi = 0;
    for (size_t i = 0; i + 4 <= name.n && !phi; i++)
        phi = !strncasecmp(name.p + i, "phi3", 4) ||
              (i + 5 <= name.n && !strncasecmp(name.p + i, "phi-3", 5));
    if (!phi) return;
    for (int32_t id = 0; id < r->n; id++)
        if (r->attr[id] & (MN_TOKEN_SPECIAL | MN_TOKEN_USER)) r->attr[id] |= MN_TOKEN_STRIP;
    static const char *const keep[] = {"<unk>", "<s>", "<|endoftext|>"};
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++) {
        const int32_t id = named(r, keep[i]);
        if (id >= 0) r->attr[id] &= (uint8_t)~MN_TOKEN_STRIP;
    }
}

void mn_tokenizer_rules(mn_token_rules *r) {
    r->bos = keyed(r, "tokenizer.ggml.bos_token_id", r->bos < r->n ? r->bos : -1);
    r->eos = keyed(r, "tokenizer.ggml.eos_token_id", r->eos < r->n ? r->eos : -1);
    r->unk = keyed(r, "tokenizer.ggml.unknown_token_id", r->unk < r->n ? r->unk : -1);
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) find_role(r, &roles[i]);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const int32_t id = named(r, ends[i]);
        if (id >= 0) r->attr[id] |= MN_TOKEN_END | MN_TOKEN_SPECIAL;
    }
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        const int32_t id = named(r, shown[i]);
        if (id >= 0) r->attr[id] = (uint8_t)((r->attr[id] & MN_TOKEN_END) | MN_TOKEN_USER);
    }
    if (r->eos >= 0) r->attr[r->eos] |= MN_TOKEN_END;
    repair(r);
    strip(r);
}
