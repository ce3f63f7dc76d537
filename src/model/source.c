/* SPDX-License-Identifier: Apache-2.0
 *
 * model/source.c - a safetensors file and the texts beside it become a foreign GGUF directory.
 *
 * Everything read is hostile: texts are bounded, numbers are whole and within 31 bits, names are
 * looked up in one table. Whether sizes and tensors fit each other is model/net_encoder.c's matter,
 * as for any GGUF file. Cost: one pass over the vocabulary (MiniLM: 30,522 tokens, some ms).
 */
#include "model/source.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "model/safetensors.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { MAX_JSON = 1 << 20, MAX_VOCAB = 32 << 20, MAX_TOKENS = 1 << 20, MAX_LAYERS = 1024 };

/* What the names of BERT's tensors are in GGUF files; %d is the layer. */
static const struct {
    const char *here, *there;
} parts[] = {
    {"embeddings.word_embeddings.weight", "token_embd.weight"},
    {"embeddings.position_embeddings.weight", "position_embd.weight"},
    {"embeddings.token_type_embeddings.weight", "token_types.weight"},
    {"embeddings.LayerNorm.weight", "token_embd_norm.weight"},
    {"embeddings.LayerNorm.bias", "token_embd_norm.bias"},
    {"encoder.layer.%d.attention.self.query.weight", "blk.%d.attn_q.weight"},
    {"encoder.layer.%d.attention.self.query.bias", "blk.%d.attn_q.bias"},
    {"encoder.layer.%d.attention.self.key.weight", "blk.%d.attn_k.weight"},
    {"encoder.layer.%d.attention.self.key.bias", "blk.%d.attn_k.bias"},
    {"encoder.layer.%d.attention.self.value.weight", "blk.%d.attn_v.weight"},
    {"encoder.layer.%d.attention.self.value.bias", "blk.%d.attn_v.bias"},
    {"encoder.layer.%d.attention.output.dense.weight", "blk.%d.attn_output.weight"},
    {"encoder.layer.%d.attention.output.dense.bias", "blk.%d.attn_output.bias"},
    {"encoder.layer.%d.attention.output.LayerNorm.weight", "blk.%d.attn_output_norm.weight"},
    {"encoder.layer.%d.attention.output.LayerNorm.bias", "blk.%d.attn_output_norm.bias"},
    {"encoder.layer.%d.intermediate.dense.weight", "blk.%d.ffn_up.weight"},
    {"encoder.layer.%d.intermediate.dense.bias", "blk.%d.ffn_up.bias"},
    {"encoder.layer.%d.output.dense.weight", "blk.%d.ffn_down.weight"},
    {"encoder.layer.%d.output.dense.bias", "blk.%d.ffn_down.bias"},
    {"encoder.layer.%d.output.LayerNorm.weight", "blk.%d.layer_output_norm.weight"},
    {"encoder.layer.%d.output.LayerNorm.bias", "blk.%d.layer_output_norm.bias"},
};

static const struct {
    const char *config, *key;
} numbers[] = {
    {"num_hidden_layers", "bert.block_count"},
    {"hidden_size", "bert.embedding_length"},
    {"intermediate_size", "bert.feed_forward_length"},
    {"num_attention_heads", "bert.attention.head_count"},
    {"max_position_embeddings", "bert.context_length"},
};

/* What a foreign directory stands on, for as long as it is open. */
typedef struct source {
    mn_safetensors *file;
    mn_buf metadata; /* a GGUF file without tensors */
    mn_buf names;    /* of the tensors, one after another */
    mn_gguf_tensor *tensor;
    size_t n;
    const char *path; /* while opening */
    uint64_t entries;
} source;

static void source_close(void *owner) {
    source *s = owner;
    mn_safetensors_close(&s->file);
    mn_buf_free(&s->metadata);
    mn_buf_free(&s->names);
    mn_free(s->tensor);
    mn_free(s);
}

/* ---- writing metadata --------------------------------------------------------------------- */
static int put(source *s, const void *p, size_t n) {
    return mn_buf_append(&s->metadata, p, n);
}

static int put_u32(source *s, uint32_t x) {
    return put(s, &x, sizeof x);
}

static int put_text(source *s, const char *head, const char *p, size_t n) {
    const uint64_t all = strlen(head) + n;
    MN_TRY(put(s, &all, sizeof all));
    MN_TRY(put(s, head, strlen(head)));
    return put(s, p, n);
}

static int put_key(source *s, const char *key, uint32_t kind) {
    s->entries++;
    MN_TRY(put_text(s, "", key, strlen(key)));
    return put_u32(s, kind);
}

static int put_number(source *s, const char *key, uint32_t x) {
    MN_TRY(put_key(s, key, MN_GGUF_U32));
    return put_u32(s, x);
}

static int put_string(source *s, const char *key, const char *text) {
    MN_TRY(put_key(s, key, MN_GGUF_STRING));
    return put_text(s, "", text, strlen(text));
}

/* ---- the files beside --------------------------------------------------------------------- */
typedef struct beside {
    const char *own, *folder; /* behind the model's name; in its folder */
} beside;
static const beside config_file = {".config.json", "config.json"};
static const beside vocab_file = {".vocab.txt", "vocab.txt"};
static const beside pooling_file = {".pooling.json", "1_Pooling/config.json"};
static const beside words_file = {".tokenizer_config.json", "tokenizer_config.json"};

/* The text of a file beside the model: 1, or 0 when there is none. *name says which it was. */
static int read_beside(const source *s, beside f, size_t max, mn_buf *name, mn_buf *out) {
    const char *slash = strrchr(s->path, '/'), *dot = strrchr(s->path, '.');
    const size_t folder = slash ? (size_t)(slash - s->path) + 1 : 0;
    const size_t own = dot && (!slash || dot > slash) ? (size_t)(dot - s->path) : strlen(s->path);
    uint64_t size;
    for (int i = 0; i < 2; i++) {
        mn_buf_clear(name);
        MN_TRY(mn_buf_append(name, s->path, i ? folder : own));
        MN_TRY(mn_buf_puts(name, i ? f.folder : f.own));
        const int rc = mn_file_stat(name->data, &size, NULL);
        if (rc == MN_ENOENT) continue;
        MN_TRY(rc);
        MN_TRY(mn_file_read(name->data, max, out));
        return 1;
    }
    return 0;
}

static int missing(const source *s, beside f, const char *what) {
    return MN_FAIL(MN_ENOENT,
                   "%s needs its %s beside it: there is neither %s in its folder nor a file of its "
                   "own name that ends in %s",
                   s->path, what, f.folder, f.own);
}

/* The JSON object of a file beside; *out NULL: there is none. */
static int read_json(const source *s, beside f, mn_buf *name, json_t **out) {
    mn_buf text = {0};
    json_error_t e;
    *out = NULL;
    int rc = read_beside(s, f, MAX_JSON, name, &text);
    if (rc > 0) {
        *out = json_loadb(text.data ? text.data : "", text.len, JSON_REJECT_DUPLICATES, &e);
        if (!*out && (json_error_code(&e) == json_error_out_of_memory || !*e.text))
            rc = MN_FAIL(MN_ENOMEM, "no memory to read %s", name->data);
        else if (!json_is_object(*out))
            rc = MN_FAIL(MN_ECORRUPT, "%s is no JSON object", name->data);
    }
    mn_buf_free(&text);
    if (rc < 0) {
        json_decref(*out);
        *out = NULL;
    }
    return rc;
}

static int take_config(source *s, json_t *config, const char *name) {
    const char *type = json_string_value(json_object_get(config, "model_type"));
    if (!type || strcmp(type, "bert") != 0)
        return MN_FAIL(
            MN_EUNSUPPORTED,
            "%s is a model of type '%.40s'; of safetensors files those of bert are read, "
            "take the others as GGUF",
            s->path, type ? type : "");
    const char *act = json_string_value(json_object_get(config, "hidden_act"));
    const char *where = json_string_value(json_object_get(config, "position_embedding_type"));
    if ((act && strcmp(act, "gelu") != 0) || (where && strcmp(where, "absolute") != 0))
        return MN_FAIL(
            MN_EUNSUPPORTED,
            "%s asks for the activation '%.40s' and '%.40s' positions; gelu and absolute "
            "ones are supported",
            name, act ? act : "gelu", where ? where : "absolute");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const json_t *v = json_object_get(config, numbers[i].config);
        const json_int_t n = json_integer_value(v);
        if (!json_is_integer(v) || n < 1 || n > INT32_MAX)
            return MN_FAIL(MN_ECORRUPT, "%s has no %s from 1 to %d", name, numbers[i].config,
                           INT32_MAX);
        MN_TRY(put_number(s, numbers[i].key, (uint32_t)n));
    }
    const json_t *eps = json_object_get(config, "layer_norm_eps");
    const double value = json_is_number(eps) ? json_number_value(eps) : 1e-12;
    MN_TRY(put_key(s, "bert.attention.layer_norm_epsilon", MN_GGUF_F64));
    return put(s, &value, sizeof value);
}

/* What the optional files must say. */
static int check_optional(const source *s, mn_buf *name) {
    json_t *pooling = NULL, *words = NULL;
    int rc = read_json(s, pooling_file, name, &pooling);
    if (rc >= 0 && pooling && !json_is_true(json_object_get(pooling, "pooling_mode_mean_tokens")))
        rc = MN_FAIL(MN_EUNSUPPORTED,
                     "%s asks for another vector than the mean of all tokens, which is the one "
                     "supported",
                     name->data);
    if (rc >= 0) rc = read_json(s, words_file, name, &words);
    const json_t *lower = json_object_get(words, "do_lower_case");
    const json_t *accents = json_object_get(words, "strip_accents");
    const json_t *apart = json_object_get(words, "tokenize_chinese_chars");
    if (rc >= 0 && (json_is_false(lower) || json_is_false(accents) || json_is_false(apart)))
        rc = MN_FAIL(MN_EUNSUPPORTED,
                     "%s asks for a vocabulary with capitals or accents, or without Chinese "
                     "characters apart; the plain uncased one of BERT is supported",
                     name->data);
    json_decref(pooling);
    json_decref(words);
    return rc;
}

/* ---- the vocabulary ----------------------------------------------------------------------- */
enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3 }; /* token_type */
static const struct {
    const char *text, *key;
    uint32_t type;
} specials[] = {
    {"[PAD]", "tokenizer.ggml.padding_token_id", CONTROL},
    {"[UNK]", "tokenizer.ggml.unknown_token_id", UNKNOWN},
    {"[CLS]", "tokenizer.ggml.bos_token_id", CONTROL},
    {"[SEP]", "tokenizer.ggml.eos_token_id", CONTROL},
    {"[MASK]", "tokenizer.ggml.mask_token_id", CONTROL},
};
enum { SPECIALS = sizeof specials / sizeof *specials };

static int special_of(const char *p, size_t n) {
    for (int i = 0; i < SPECIALS; i++)
        if (strlen(specials[i].text) == n && memcmp(specials[i].text, p, n) == 0) return i;
    return -1;
}

/* The line at *at, without its end; 0: there is none. */
static int next_line(const mn_buf *text, size_t *at, const char **p, size_t *n) {
    if (*at >= text->len) return 0;
    *p = text->data + *at;
    const char *end = memchr(*p, '\n', text->len - *at);
    *n = end ? (size_t)(end - *p) : text->len - *at;
    *at += *n + 1;
    if (*n && (*p)[*n - 1] == '\r') --*n;
    return 1;
}

/* "word" begins a word, "##word" goes on: "\u2581word" and "word", as GGUF files have them. */
static int put_token(source *s, const char *p, size_t n) {
    if (special_of(p, n) >= 0) return put_text(s, "", p, n);
    const int on = n > 2 && memcmp(p, "##", 2) == 0;
    return put_text(s, on ? "" : "\xE2\x96\x81", on ? p + 2 : p, on ? n - 2 : n);
}

static int take_vocab(source *s, const mn_buf *text, const char *name) {
    int64_t id[SPECIALS] = {-1, -1, -1, -1, -1};
    const char *p;
    size_t n;
    uint64_t count = 0;
    for (size_t at = 0; next_line(text, &at, &p, &n); count++) {
        const int special = special_of(p, n);
        if (special >= 0 && id[special] < 0) id[special] = (int64_t)count;
    }
    if (!count || count > MAX_TOKENS || id[1] < 0 || id[2] < 0 || id[3] < 0)
        return MN_FAIL(
            MN_ECORRUPT,
            "%s is no WordPiece vocabulary: it has %llu lines (1 to %d are allowed), and "
            "[UNK], [CLS] and [SEP] must be among them",
            name, (unsigned long long)count, MAX_TOKENS);
    MN_TRY(put_string(s, "tokenizer.ggml.model", "bert"));
    for (int i = 0; i < SPECIALS; i++)
        if (id[i] >= 0) MN_TRY(put_number(s, specials[i].key, (uint32_t)id[i]));
    MN_TRY(put_key(s, "tokenizer.ggml.tokens", MN_GGUF_ARRAY));
    MN_TRY(put_u32(s, MN_GGUF_STRING));
    MN_TRY(put(s, &count, sizeof count));
    for (size_t at = 0; next_line(text, &at, &p, &n);) MN_TRY(put_token(s, p, n));
    MN_TRY(put_key(s, "tokenizer.ggml.token_type", MN_GGUF_ARRAY));
    MN_TRY(put_u32(s, MN_GGUF_U32));
    MN_TRY(put(s, &count, sizeof count));
    for (size_t at = 0; next_line(text, &at, &p, &n);) {
        const int special = special_of(p, n);
        MN_TRY(put_u32(s, special < 0 ? NORMAL : specials[special].type));
    }
    return 0;
}

/* ---- tensors ------------------------------------------------------------------------------ */
/* The GGUF name of a tensor, into out; 0: the model does not use it. Some files put the name of the
 * whole before all others. */
static int translate(const char *name, char out[64]) {
    if (strncmp(name, "bert.", 5) == 0) name += 5;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int layer = -1, end = 0;
        char here[96];
        if (!strchr(parts[i].here, '%')) {
            if (strcmp(name, parts[i].here) != 0) continue;
            snprintf(out, 64, "%s", parts[i].there);
            return 1;
        }
        if (sscanf(name, "encoder.layer.%4d%n", &layer, &end) < 1 || layer < 0) return 0;
        snprintf(here, sizeof here, "encoder.layer.%d%s", layer, strchr(parts[i].here, '%') + 2);
        if (layer >= MAX_LAYERS || strcmp(name, here) != 0) continue;
        const char *tail = strchr(parts[i].there, '%') + 2;
        snprintf(out, 64, "blk.%d%s", layer, tail);
        return 1;
    }
    return 0;
}

static int format_of(const char *dtype, mn_format_id *out) {
    static const struct {
        const char *dtype;
        mn_format_id format;
    } known[] = {{"F32", MN_F32}, {"F16", MN_F16}, {"BF16", MN_BF16}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(dtype, known[i].dtype) == 0) {
            *out = known[i].format;
            return 1;
        }
    return 0;
}

static int take_tensor(source *s, const mn_safetensor *t) {
    char name[64];
    mn_gguf_tensor *to = s->tensor + s->n;
    if (!translate(t->name, name)) return 0;
    if (!format_of(t->dtype, &to->type) || t->dims < 1 || t->dims > 4 || !t->bytes)
        return MN_FAIL(
            MN_EUNSUPPORTED,
            "%s: tensor '%s' has %u dimensions of %s; F32, F16 and BF16 are supported, in "
            "1 to 4 dimensions that are not empty",
            s->path, t->name, t->dims, t->dtype);
    to->name = (mn_str){(const char *)s->names.len, strlen(name)}; /* a place until all are there */
    MN_TRY(mn_buf_puts(&s->names, name));
    to->dims = t->dims;
    for (uint32_t i = 0; i < 4; i++) to->shape[i] = i < t->dims ? t->shape[t->dims - 1 - i] : 1;
    to->bytes = t->bytes;
    to->data = t->data;
    s->n++;
    return 0;
}

static int take_tensors(source *s) {
    const mn_safetensor *t;
    const size_t n = mn_safetensors_tensors(s->file, &t);
    s->tensor = mn_calloc(n ? n : 1, sizeof *s->tensor);
    if (!s->tensor) return MN_FAIL(MN_ENOMEM, "%s: no memory for %zu tensors", s->path, n);
    for (size_t i = 0; i < n; i++) MN_TRY(take_tensor(s, t + i));
    for (size_t i = 0; i < s->n; i++)
        s->tensor[i].name.p = s->names.data + (size_t)s->tensor[i].name.p;
    return s->n ? 0 : MN_FAIL(MN_EUNSUPPORTED, "%s has no tensor of a BERT model", s->path);
}

/* ---- all of it ---------------------------------------------------------------------------- */
static int take_texts(source *s, mn_buf *name, mn_buf *vocab) {
    json_t *config = NULL;
    int rc = read_json(s, config_file, name, &config);
    if (rc == 0) rc = missing(s, config_file, "configuration");
    if (rc >= 0) rc = take_config(s, config, name->data);
    json_decref(config);
    if (rc >= 0) rc = check_optional(s, name);
    if (rc >= 0) rc = read_beside(s, vocab_file, MAX_VOCAB, name, vocab);
    if (rc == 0) rc = missing(s, vocab_file, "vocabulary");
    return rc < 0 ? rc : take_vocab(s, vocab, name->data);
}

/* "GGUF", version, no tensors, the count of entries, which is known at the end. */
static int take_metadata(source *s) {
    static const char head[24] = "GGUF\3";
    const void *header;
    size_t n;
    mn_buf name = {0}, vocab = {0};
    MN_TRY(put(s, head, sizeof head));
    MN_TRY(put_string(s, "general.architecture", "bert"));
    mn_safetensors_header(s->file, &header, &n); /* packs are known by this metadata */
    const uint64_t hash = mn_hash64(header, n);
    MN_TRY(put_key(s, "safetensors.header_hash", MN_GGUF_U64));
    MN_TRY(put(s, &hash, sizeof hash));
    const int rc = take_texts(s, &name, &vocab);
    mn_buf_free(&name);
    mn_buf_free(&vocab);
    if (rc >= 0) memcpy(s->metadata.data + 16, &s->entries, sizeof s->entries);
    return rc;
}

static int open_safetensors(const char *path, mn_gguf **out) {
    source *s = mn_calloc(1, sizeof *s);
    if (!s) return MN_FAIL(MN_ENOMEM, "%s: no memory to open it", path);
    s->path = path;
    int rc = mn_safetensors_open(path, &s->file);
    if (rc >= 0) rc = take_metadata(s);
    if (rc >= 0) rc = take_tensors(s);
    if (rc < 0) {
        source_close(s);
        return rc;
    }
    s->path = NULL;
    const mn_gguf_foreign f = {.name = path,
                               .metadata = s->metadata.data,
                               .metadata_bytes = s->metadata.len,
                               .tensor = s->tensor,
                               .n = s->n,
                               .file = mn_safetensors_data(s->file),
                               .bytes = mn_safetensors_size(s->file),
                               .owner = s,
                               .close = source_close};
    return mn_gguf_open_foreign(&f, out);
}

int mn_source_open(const char *path, mn_gguf **out) {
    mn_map map = {0};
    *out = NULL;
    MN_TRY(mn_file_map(path, &map));
    const int safetensors = mn_safetensors_begins(map.data, map.size);
    mn_file_unmap(&map);
    return safetensors ? open_safetensors(path, out) : mn_gguf_open(path, out);
}
