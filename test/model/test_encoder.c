/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_encoder.c - a tiny BERT's vectors against float64, in every number format; the
 * same bits whatever the batch, the threads and the instruction set; files that do not fit
 * themselves. */
#include "model/embed_golden.h"

#include "base/alloc.h"
#include "folder.h"
#include "model/encoder.h"

#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

enum { D = 64 };

typedef struct rig {
    mn_exec exec;
    mn_net *net;
    mn_encoder *encoder;
} rig;

static int rig_open(rig *r, const char *path, int threads, const mn_kernels *k) {
    *r = (rig){0};
    if (!k) MN_TRY(mn_kernels_pick(NULL, MN_NUMERICS, &k));
    MN_TRY(mn_exec_open(threads, k, &r->exec));
    MN_TRY(mn_net_open(path, r->exec.team, NULL, NULL, &r->net));
    MN_TRY(mn_exec_reserve(&r->exec, mn_encoder_scratch_bytes(r->net)));
    return mn_encoder_open(r->net, &r->exec, &r->encoder);
}

static void rig_close(rig *r) {
    mn_encoder_close(&r->encoder);
    mn_net_close(&r->net);
    mn_exec_close(&r->exec);
}

static const char *tiny(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/test/model/data/%s", getenv("OMNESIA_SOURCE"), name);
    return path;
}

/* Widths of the file, its layers and heads; ids and vectors of the script. */
static void golden_vectors(void **s) {
    (void)s;
    static const struct {
        const char *model;
        double most;
    } models[] = {{"tiny-bert/model.safetensors", 2e-3}, {"tiny-bert.gguf", 0.05}};
    for (size_t m = 0; m < 2; m++) {
        rig r;
        golden g;
        assert_ok(rig_open(&r, tiny(models[m].model), 2, NULL));
        golden_open(&g, "tiny-bert.vectors");
        assert_true(g.n >= 10 && g.width == D && r.net->D == D);
        double worst = 0;
        for (uint32_t i = 0; i < g.n; i++) {
            float out[D];
            mn_buf ids = {0};
            golden_next(&g);
            assert_ok(mn_tokenizer_encode(r.net->tokenizer, g.text, g.bytes, MN_TOK_BEGIN, &ids));
            assert_int_equal(ids.len, g.n_ids * 4);
            assert_memory_equal(ids.data, g.ids, ids.len);
            assert_ok(mn_encoder_run(r.encoder, g.ids, (int[]){0, (int)g.n_ids}, 1, out));
            const double d = apart(out, g.vector, D);
            if (d > worst) worst = d;
            if (d > models[m].most) fail_msg("%s, text %u: %g apart", models[m].model, i, d);
            mn_buf_free(&ids);
        }
        print_message("%s: at most %.2g apart\n", models[m].model, worst);
        mn_buf_free(&g.file);
        rig_close(&r);
    }
}

static void fill(int32_t *ids, int *first, int n, int V) {
    uint64_t state = 7;
    first[0] = 0;
    for (int i = 0; i < n; i++) {
        first[i + 1] = first[i] + 1 + (int)dice(&state, i % 5 == 4 ? 64 : 9);
        for (int t = first[i]; t < first[i + 1]; t++) ids[t] = (int32_t)dice(&state, (uint32_t)V);
    }
}

/* Each text alone with one thread and scalar kernels, against all in one batch, by every table. */
static void same_bits(void **s) {
    (void)s;
    enum { N = 30 };
    static int32_t ids[N * 64];
    static float want[N][D], got[N][D];
    int first[N + 1];
    size_t count;
    const mn_kernels *const *all = mn_kernels_all(&count);
    static const char *const models[] = {"tiny-bert/model.safetensors", "tiny-bert.gguf"};
    count /= 2; /* those of "c1" */
    for (size_t m = 0; m < 2; m++)
        for (size_t k = count; k-- > 0;) {
            rig r;
            if (!mn_kernels_usable(all[k])) continue;
            const int scalar = k + 1 == count;
            assert_ok(rig_open(&r, tiny(models[m]), scalar ? 1 : 3, all[k]));
            fill(ids, first, N, r.net->V);
            assert_true(first[N] <= MN_ENCODER_ROWS);
            if (scalar)
                for (int i = 0; i < N; i++)
                    assert_ok(mn_encoder_run(r.encoder, ids + first[i],
                                             (int[]){0, first[i + 1] - first[i]}, 1, want[i]));
            assert_ok(mn_encoder_run(r.encoder, ids, first, N, got[0]));
            for (int i = 0; i < N; i++)
                if (memcmp(want[i], got[i], sizeof *want))
                    fail_msg("%s, %s: text %d differs", models[m], all[k]->name, i);
            rig_close(&r);
        }
}

static void refuses(void **s) {
    (void)s;
    rig r;
    float out[D];
    int32_t ids[600] = {0};
    assert_ok(rig_open(&r, tiny("tiny-bert/model.safetensors"), 1, NULL));
    assert_fails(mn_encoder_run(r.encoder, ids, (int[]){0, 65}, 1, out), MN_ETOOLONG,
                 "a text of 65 tokens; this model reads 1 to 64");
    assert_fails(mn_encoder_run(r.encoder, ids, (int[]){0, 0}, 1, out), MN_ETOOLONG, "of 0 tokens");
    int first[11];
    for (int i = 0; i <= 10; i++) first[i] = 60 * i;
    assert_fails(mn_encoder_run(r.encoder, ids, first, 10, out), MN_ETOOLONG,
                 "a batch of 600 tokens; 512 are read at once");
    ids[3] = 1 << 20;
    assert_fails(mn_encoder_run(r.encoder, ids, (int[]){0, 4}, 1, out), MN_EINVAL,
                 "token 1048576 is outside the vocabulary");
    rig_close(&r);
}

static void every_allocation(void **s) {
    (void)s;
    rig r;
    for (long n = 1;; n++) {
        mn_alloc_fail_after(n);
        const int rc = rig_open(&r, tiny("tiny-bert/model.safetensors"), 1, NULL);
        const long left = mn_alloc_fail_left();
        mn_alloc_fail_after(0);
        rig_close(&r);
        if (left > 0 && rc >= 0) {
            assert_true(n > 40);
            break;
        }
        /* Jansson's own are left alone: it loses bytes of texts for which it has no memory. */
        if (rc < 0 && rc != MN_ENOMEM) fail_msg("allocation %ld: %d %s", n, rc, mn_error_detail());
    }
}

/* ---- files that do not fit ---------------------------------------------------------------- */
static void copy(const char *from, const char *to, const char *instead) {
    char path[4200];
    mn_buf text = {0};
    mn_filew *f;
    if (instead)
        assert_ok(mn_buf_puts(&text, instead));
    else
        data_read(from, &text);
    snprintf(path, sizeof path, "%s/%s", folder, to);
    assert_ok(mn_file_begin(path, &f));
    assert_ok(mn_file_write(f, text.data, text.len));
    assert_ok(mn_file_commit(&f));
    mn_buf_free(&text);
}

/* config.json with one key changed; value NULL: without it. */
static char *config_with(const char *key, const char *value) {
    mn_buf text = {0};
    data_read("tiny-bert/config.json", &text);
    json_t *o = json_loadb(text.data, text.len, 0, NULL);
    assert_non_null(o);
    json_object_del(o, key);
    if (value) json_object_set_new(o, key, json_loads(value, JSON_DECODE_ANY, NULL));
    char *out = json_dumps(o, 0);
    json_decref(o);
    mn_buf_free(&text);
    return out;
}

static void does_not_fit(void **s) {
    (void)s;
    static const struct {
        const char *key, *value;
        int code;
        const char *words;
    } rows[] = {
        {"model_type", "\"llama\"", MN_EUNSUPPORTED, "a model of type 'llama'"},
        {"model_type", NULL, MN_EUNSUPPORTED, "a model of type ''"},
        {"hidden_act", "\"relu\"", MN_EUNSUPPORTED, "the activation 'relu'"},
        {"position_embedding_type", "\"relative_key\"", MN_EUNSUPPORTED,
         "'relative_key' positions"},
        {"hidden_size", "\"64\"", MN_ECORRUPT, "has no hidden_size from 1"},
        {"hidden_size", "-64", MN_ECORRUPT, "has no hidden_size from 1"},
        {"hidden_size", "1e300", MN_ECORRUPT, "has no hidden_size from 1"},
        {"hidden_size", "9223372036854775807", MN_ECORRUPT, "has no hidden_size from 1"},
        {"hidden_size", "32", MN_EUNSUPPORTED, "heads of 8 keys"},
        {"hidden_size", "128", MN_ECORRUPT, "no token embedding of width 128"},
        {"intermediate_size", "97", MN_ECORRUPT, "ffn_up.weight is [96, 64]"},
        {"num_attention_heads", "3", MN_EUNSUPPORTED, "heads of 21 keys"},
        {"num_attention_heads", "5", MN_EUNSUPPORTED, "heads of 12 keys"},
        {"num_attention_heads", "2147483647", MN_ECORRUPT, "makes no bert model"},
        {"num_hidden_layers", "3", MN_ENOENT, "no matrix blk.2.attn_q.weight"},
        {"num_hidden_layers", "1000000", MN_ECORRUPT, "makes no bert model: 1000000 layers"},
        {"max_position_embeddings", "65", MN_ECORRUPT,
         "no position embedding of width 64 and at least 65"},
        {"max_position_embeddings", "0", MN_ECORRUPT, "has no max_position_embeddings"},
    };
    char path[4200];
    rig r;
    assert_int_equal(folder_begin("encoder", 1), 0);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    copy("tiny-bert/model.safetensors", "model.safetensors", NULL);
    assert_fails(rig_open(&r, path, 1, NULL), MN_ENOENT,
                 "needs its configuration beside it: there is "
                 "neither config.json in its folder");
    rig_close(&r);
    copy("tiny-bert/config.json", "config.json", NULL);
    assert_fails(rig_open(&r, path, 1, NULL), MN_ENOENT, "needs its vocabulary beside it");
    rig_close(&r);
    copy("tiny-bert/vocab.txt", "vocab.txt", NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *config = config_with(rows[i].key, rows[i].value);
        copy(NULL, "config.json", config);
        free(config);
        const int rc = rig_open(&r, path, 1, NULL);
        if (rc != rows[i].code || !strstr(mn_error_detail(), rows[i].words))
            fail_msg("%s: %d '%s' lacks '%s'", rows[i].key, rc, mn_error_detail(), rows[i].words);
        rig_close(&r);
    }
    static const struct {
        const char *file, *text, *words;
    } texts[] = {
        {"config.json", "[]", "is no JSON object"},
        {"config.json", "{\"a\": 1, \"a\": 2}", "is no JSON object"},
        {"vocab.txt", "one\ntwo\n", "is no WordPiece vocabulary: it has 2 lines"},
        {"vocab.txt", "\n", "is no WordPiece vocabulary: it has 1 lines"},
        {"1_Pooling/config.json", "{\"pooling_mode_cls_token\": true}",
         "another vector than the mean"},
        {"model.pooling.json", "{}", "another vector than the mean"},
        {"tokenizer_config.json", "{\"do_lower_case\": false}", "vocabulary with capitals"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        copy("tiny-bert/config.json", "config.json", NULL);
        copy("tiny-bert/vocab.txt", "vocab.txt", NULL);
        copy(NULL, texts[i].file, texts[i].text);
        const int rc = rig_open(&r, path, 1, NULL);
        if (rc >= 0 || !strstr(mn_error_detail(), texts[i].words))
            fail_msg("%s: %d '%s' lacks '%s'", texts[i].file, rc, mn_error_detail(),
                     texts[i].words);
        rig_close(&r);
        snprintf(path, sizeof path, "%s/%s", folder, texts[i].file);
        unlink(path);
        snprintf(path, sizeof path, "%s/model.safetensors", folder);
    }
    copy("tiny-bert/config.json", "config.json", NULL);
    copy("tiny-bert/vocab.txt", "vocab.txt", NULL);
    assert_ok(rig_open(&r, path, 1, NULL));
    rig_close(&r);
    /* More tokens than rows, and the pack of the shorter vocabulary does not stand in. */
    mn_buf text = {0};
    data_read("tiny-bert/vocab.txt", &text);
    assert_ok(mn_buf_puts(&text, "extra\n"));
    copy(NULL, "vocab.txt", text.data);
    assert_fails(rig_open(&r, path, 1, NULL), MN_ECORRUPT, "the vocabulary has 89 tokens");
    rig_close(&r);
    mn_buf_free(&text);
    folder_end();
}

/* A file that shrinks is said by the thread that asked, whichever one read it. */
static void ends_early(void **s) {
    (void)s;
    rig r;
    char path[4200];
    float out[2][D];
    int32_t ids[48];
    for (int i = 0; i < 48; i++) ids[i] = i;
    assert_int_equal(folder_begin("encoder", 1), 0);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    copy("tiny-bert/model.safetensors", "model.safetensors", NULL);
    copy("tiny-bert/config.json", "config.json", NULL);
    copy("tiny-bert/vocab.txt", "vocab.txt", NULL);
    assert_ok(rig_open(&r, path, 3, NULL));
    assert_ok(mn_encoder_run(r.encoder, ids, (int[]){0, 48}, 1, out[0]));
    assert_int_equal(truncate(path, 64), 0);
    for (int i = 0; i < 20; i++)
        assert_fails(mn_encoder_run(r.encoder, ids, (int[]){0, 24, 48}, 2, out[0]), MN_ECORRUPT,
                     "model.safetensors ends early");
    rig_close(&r);
    folder_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_vectors), cmocka_unit_test(same_bits),
        cmocka_unit_test(refuses),        cmocka_unit_test(every_allocation),
        cmocka_unit_test(does_not_fit),   cmocka_unit_test(ends_early)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
