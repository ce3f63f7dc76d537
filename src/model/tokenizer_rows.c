/* SPDX-License-Identifier: Apache-2.0
 *
 * model/tokenizer_rows.c - the registry, its look-up, and the driver that applies a row's stages.
 *
 * Names and aliases are those that GGUF files carry in tokenizer.ggml.pre; aliases share pattern
 * and flags exactly. Cost of a split: O(n) per stage; nothing is copied.
 */
#include "model/tokenizer_rows.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define WORDS(digits)                                                    \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define IDEOGRAPHS "[\\x{800}-\\x{9FA5}\\x{AC00}-\\x{D7FF}]+"
/* Letters with case, as the model's authors wrote them out. */
#define DS_LETTERS                                                                         \
    "A-Za-z\\x{B5}\\x{C0}-\\x{D6}\\x{D8}-\\x{F6}\\x{F8}-\\x{1BA}\\x{1BC}-\\x{1BF}"         \
    "\\x{1C4}-\\x{293}\\x{295}-\\x{2AF}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37B}-\\x{37D}" \
    "\\x{37F}\\x{386}\\x{388}-\\x{38A}\\x{38C}\\x{38E}-\\x{3A1}\\x{3A3}-\\x{3F5}"          \
    "\\x{3F7}-\\x{481}\\x{48A}-\\x{52F}\\x{531}-\\x{556}\\x{10A0}-\\x{10C5}"               \
    "\\x{13A0}-\\x{13F5}\\x{13F8}-\\x{13FD}\\x{1C90}-\\x{1CBA}\\x{1CBD}-\\x{1CBF}"         \
    "\\x{1D00}-\\x{1D2B}\\x{1D6B}-\\x{1D77}\\x{1D79}-\\x{1D9A}\\x{1E00}-\\x{1F15}"         \
    "\\x{1F18}-\\x{1F1D}\\x{1F20}-\\x{1F45}\\x{1F48}-\\x{1F4D}\\x{1F50}-\\x{1F57}"         \
    "\\x{1F59}\\x{1F5B}\\x{1F5D}\\x{1F5F}-\\x{1F7D}\\x{1F80}-\\x{1FB4}\\x{1FB6}-\\x{1FBC}" \
    "\\x{1FBE}\\x{1FC2}-\\x{1FC4}\\x{1FC6}-\\x{1FCC}\\x{1FD0}-\\x{1FD3}"                   \
    "\\x{1FD6}-\\x{1FDB}\\x{1FE0}-\\x{1FEC}\\x{1FF2}-\\x{1FF4}\\x{1FF6}-\\x{1FFC}"         \
    "\\x{2102}\\x{2107}\\x{210A}-\\x{2113}\\x{2115}\\x{2119}-\\x{211D}\\x{2124}\\x{2126}"  \
    "\\x{2128}\\x{212A}-\\x{212D}\\x{212F}-\\x{2134}\\x{2139}\\x{213C}-\\x{213F}"          \
    "\\x{2145}-\\x{2149}\\x{214E}\\x{2183}\\x{2184}\\x{2C00}-\\x{2C7B}\\x{2C7E}-\\x{2CE4}" \
    "\\x{2CEB}-\\x{2CEE}\\x{2CF2}\\x{2CF3}\\x{A640}-\\x{A66D}\\x{A680}-\\x{A69B}"          \
    "\\x{A722}-\\x{A76F}\\x{A771}-\\x{A787}\\x{A78B}-\\x{A78E}\\x{AB70}-\\x{ABBF}"         \
    "\\x{FB00}-\\x{FB06}\\x{FB13}-\\x{FB17}\\x{FF21}-\\x{FF3A}\\x{FF41}-\\x{FF5A}"         \
    "\\x{10400}-\\x{1044F}\\x{104B0}-\\x{104D3}\\x{104D8}-\\x{104FB}\\x{10C80}-\\x{10CB2}" \
    "\\x{10CC0}-\\x{10CF2}\\x{118A0}-\\x{118DF}\\x{1E900}-\\x{1E943}"

const mn_tokenizer_row mn_tokenizer_rows[] = {
    {.name = "gpt-2",
     .model = "gpt2",
     .kind = MN_TOKENIZER_BYTES,
     .bos = -1,
     .eos = -1,
     .unk = -1,
     .alias = {"phi-2", "gigachat", "a.x-4.0", "mellum", "mpt", "olmo", "jais", "trillion",
               "granite-docling", "exaone4"},
     .pattern = {GPT2},
     .match = {mn_tokenizer_match_gpt2}},
    {.name = "smollm",
     .model = "gpt2",
     .kind = MN_TOKENIZER_BYTES,
     .bos = -1,
     .eos = -1,
     .unk = -1,
     .alias = {"exaone", "minerva-7b", "mellum2"},
     .pattern = {"\\p{N}", GPT2},
     .match = {mn_tokenizer_match_digit, mn_tokenizer_match_gpt2}},
    {.name = "starcoder",
     .model = "gpt2",
     .kind = MN_TOKENIZER_BYTES,
     .bos = -1,
     .eos = -1,
     .unk = -1,
     .alias = {"refact", "command-r", "codeshell"},
     .pattern = {"\\p{N}", GPT2},
     .match = {mn_tokenizer_match_digit, mn_tokenizer_match_gpt2}},
    {.name = "llama-bpe",
     .model = "gpt2",
     .kind = MN_TOKENIZER_BYTES,
     .whole_words = 1,
     .begin = 1,
     .bos = -1,
     .eos = -1,
     .unk = -1,
     .alias = {"llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
               "jina-v5-nano"},
     .pattern = {WORDS("\\p{N}{1,3}")},
     .match = {mn_tokenizer_match_llama3}},
    {.name = "qwen2",
     .model = "gpt2",
     .kind = MN_TOKENIZER_BYTES,
     .bos = -1,
     .eos = -1,
     .unk = -1,
     .alias = {"deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan",
               "solar-open"},
     .pattern = {WORDS("\\p{N}")},
     .match = {mn_tokenizer_match_qwen2}},
    {.name = "deepseek-llm",
     .model = "gpt2",
     .kind = MN_TOKENIZER_BYTES,
     .bos = -1,
     .eos = -1,
     .unk = -1,
     .pattern = {"[\\r\\n]", "\\s?[" DS_LETTERS "]+",
                 "\\s?[!-/:-~\\x{FF01}-\\x{FF0F}\\x{FF1A}-\\x{FF5E}\\x{2018}-\\x{201F}"
                 "\\x{3000}-\\x{3002}]+",
                 "\\s+\\z", IDEOGRAPHS, "\\p{N}+"},
     .match = {mn_tokenizer_match_line_end, mn_tokenizer_match_ds_letters,
               mn_tokenizer_match_ds_puncts, mn_tokenizer_match_trailing,
               mn_tokenizer_match_ds_ideographs, mn_tokenizer_match_digits}},
    {.name = "deepseek-coder",
     .model = "gpt2",
     .kind = MN_TOKENIZER_BYTES,
     .bos = -1,
     .eos = -1,
     .unk = -1,
     .pattern = {"[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", IDEOGRAPHS, "\\p{N}"},
     .match = {mn_tokenizer_match_line_end, mn_tokenizer_match_letters, mn_tokenizer_match_puncts,
               mn_tokenizer_match_ds_ideographs, mn_tokenizer_match_digit}},
    {.name = "gemma4",
     .model = "gemma4",
     .kind = MN_TOKENIZER_CHARS,
     .any_pre = 1,
     .always_begin = 1,
     .bos = -1,
     .eos = -1,
     .unk = -1,
     .pattern = {"[^\\n]+|\\n+"},
     .match = {mn_tokenizer_match_lines}},
    {.name = "sentencepiece",
     .model = "llama",
     .kind = MN_TOKENIZER_SPM,
     .any_pre = 1,
     .begin = 1,
     .space_prefix = 1,
     .bos = 1,
     .eos = 2,
     .unk = 0},
    {.name = "wordpiece",
     .model = "bert",
     .kind = MN_TOKENIZER_WORDS,
     .any_pre = 1,
     .begin = 1,
     .end = 1,
     .space_prefix = 1,
     .bos = 101,
     .eos = 102,
     .unk = 100},
};
const size_t mn_tokenizer_rows_n = sizeof mn_tokenizer_rows / sizeof *mn_tokenizer_rows;

static int same(const char *name, const char *p, size_t n) {
    return strlen(name) == n && !memcmp(name, p, n);
}

static int named(const mn_tokenizer_row *row, const char *pre, size_t n) {
    if (row->any_pre || same(row->name, pre, n)) return 1;
    for (size_t i = 0; i < MN_TOKENIZER_ALIASES && row->alias[i]; i++)
        if (same(row->alias[i], pre, n)) return 1;
    return 0;
}

/* "a, b, c" of the distinct models, or of the pre-tokenizers of one; returns text. */
static char *list(const char *model, char *text, size_t size) {
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < mn_tokenizer_rows_n; i++) {
        const mn_tokenizer_row *row = &mn_tokenizer_rows[i];
        const char *name = model ? row->name : row->model;
        if (model && strcmp(row->model, model)) continue;
        if (!model && i && !strcmp(row[-1].model, name)) continue;
        if (used + strlen(name) + 3 > size) break;
        used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
    }
    return text;
}

int mn_tokenizer_row_find(const char *model, size_t model_n, const char *pre, size_t pre_n,
                          const mn_tokenizer_row **out) {
    const mn_tokenizer_row *near = NULL;
    char known[256];
    for (size_t i = 0; i < mn_tokenizer_rows_n; i++) {
        const mn_tokenizer_row *row = &mn_tokenizer_rows[i];
        if (!same(row->model, model, model_n)) continue;
        if (named(row, pre, pre_n)) {
            *out = row;
            return 0;
        }
        near = row;
    }
    const int m = (int)(model_n < 40 ? model_n : 40), q = (int)(pre_n < 40 ? pre_n : 40);
    if (!near)
        return MN_FAIL(MN_EUNSUPPORTED, "tokenizer model \"%.*s\" is not known here; known are: %s",
                       m, model_n ? model : "", list(NULL, known, sizeof known));
    if (!pre_n)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "the file does not name its pre-tokenizer (tokenizer.ggml.pre); convert the "
                       "model again with a current converter (known are: %s)",
                       list(near->model, known, sizeof known));
    return MN_FAIL(MN_EUNSUPPORTED, "pre-tokenizer \"%.*s\" is not known here; known are: %s", q,
                   pre, list(near->model, known, sizeof known));
}

const mn_tokenizer_row *mn_tokenizer_row_named(const char *name) {
    for (size_t i = 0; i < mn_tokenizer_rows_n; i++)
        if (!strcmp(mn_tokenizer_rows[i].name, name)) return &mn_tokenizer_rows[i];
    return NULL;
}

static int split(const mn_tokenizer_row *row, int stage, const uint8_t *p, size_t n,
                 mn_tokenizer_take *take, void *ctx) {
    mn_tokenizer_match *match = stage < MN_TOKENIZER_STAGES ? row->match[stage] : NULL;
    if (!match) return take(ctx, p, n);
    size_t from = 0, pos = 0;
    while (pos < n) {
        const int64_t m = match(p, n, pos);
        if (m < 0) {
            pos += (size_t)-m;
            continue;
        }
        if (pos > from) MN_TRY(split(row, stage + 1, p + from, pos - from, take, ctx));
        MN_TRY(split(row, stage + 1, p + pos, (size_t)m, take, ctx));
        from = pos += (size_t)m;
    }
    return n > from ? split(row, stage + 1, p + from, n - from, take, ctx) : 0;
}

int mn_tokenizer_row_split(const mn_tokenizer_row *row, const uint8_t *p, size_t n,
                           mn_tokenizer_take *take, void *ctx) {
    return n ? split(row, 0, p, n, take, ctx) : 0;
}
