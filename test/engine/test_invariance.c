/* SPDX-License-Identifier: Apache-2.0
 * test/engine/test_invariance.c - one hash of logits and KV rows, however a prompt is computed:
 * threads, chunks, span cuts, alone or in a group of eight, begun by another process, each
 * instruction set (design decisions 3 and 7), one for each numerics. The full form (test/soak.h)
 * draws model, prompt and way from a number, SmolLM2 too. */
#include "soak.h"

#include "base/hash.h"
#include "base/walk.h"
#include "engine/bed.h"
#include "model/golden.h"
#include "omnesia.h"

enum { LONGEST = 1200, CHUNKS = 4 };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) /* a quarter of an hour else */
enum { SMALL = 1 };
#else
enum { SMALL = 0 };
#endif
static int T = 580;         /* tokens of the prompt */
static mn_kv_format format; /* of the keys and values of this test */
static const int chunks[CHUNKS] = {1, 7, 64, 512};

static uint32_t state = 7;
static uint32_t rnd(void) {
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static uint64_t fold(uint64_t h, const void *p, size_t n) {
    return h * 0x9E3779B97F4A7C15u + mn_hash64(p, n);
}

/* The stored bytes of every position, layer and head that a next token would look at. Keys
 * stand in groups of 16 rows, element by element, then for q8 the scales; values row by row. */
static uint64_t kv_hash(const bed *b, const mn_seq *s) {
    uint64_t h = 0;
    uint8_t row[2048];
    const mn_kv_format f = mn_seq_format(s);
    const int d = b->net->d, n = mn_seq_length(s), code = f == MN_KV_Q8 ? 1 : 2,
              scales = f == MN_KV_Q8 ? d / 32 : 0, bytes = d * code + scales * 2;
    for (int l = 0; l < b->net->L; l++)
        for (int head = 0; head < b->net->Hk; head++)
            for (int block = 0; block * MN_ATTN_BLOCK < n; block++) {
                mn_attn_piece piece[MN_SEQ_SPANS];
                const int to = (block + 1) * MN_ATTN_BLOCK < n ? (block + 1) * MN_ATTN_BLOCK : n;
                const int old = b->net->window[l] ? n - b->net->window[l] + 1 : 0;
                if (to <= old) continue;
                const int from = old > block * MN_ATTN_BLOCK ? old : block * MN_ATTN_BLOCK;
                const int k = mn_seq_pieces(s, l, head, block, from, to, piece);
                for (int p = 0; p < k; p++)
                    for (int i = piece[p].row; i < piece[p].row + piece[p].n; i++) {
                        const uint8_t *group = (const uint8_t *)piece[p].k + i / 16 * 16 * bytes;
                        for (int e = 0; e < d; e++)
                            memcpy(row + e * code, group + (e * 16 + i % 16) * code, (size_t)code);
                        for (int e = 0; e < scales; e++)
                            memcpy(row + d + e * 2, group + 16 * d + (e * 16 + i % 16) * 2, 2);
                        h = fold(h, row, (size_t)bytes);
                        h = fold(h, (const uint8_t *)piece[p].v + i * bytes, (size_t)bytes);
                    }
            }
    return h;
}

/* Feed ids[from, to) in chunks; the hash of all their logits goes on. */
static uint64_t feed(bed *b, mn_seq *s, const int32_t *ids, int from, int to, int chunk,
                     uint64_t h) {
    for (int i = from; i < to; i += chunk) {
        const int n = to - i < chunk ? to - i : chunk;
        float *logits = bed_step(b, s, ids + i, n, n);
        for (int t = 0; t < n; t++)
            h = fold(h, logits + (size_t)t * (size_t)b->net->V, (size_t)b->net->V * sizeof *logits);
        free(logits);
    }
    return h;
}

static uint64_t plain(bed *b, const int32_t *ids, int chunk) {
    mn_seq *s = bed_seq_of(b, format, T + 8);
    const uint64_t h = feed(b, s, ids, 0, T, chunk, 0) ^ kv_hash(b, s);
    mn_seq_close(&s);
    return h;
}

/* The prompt over up to three forks: each child goes on where its parent is cut. */
static uint64_t cut(bed *b, const int32_t *ids, int chunk, int cuts) {
    mn_seq *s = bed_seq_of(b, format, T + 8);
    int at = 0;
    uint64_t h = 0;
    for (int c = 0; c < cuts && T - at > 2; c++) {
        const int to = at + 1 + (int)(rnd() % (uint32_t)(T - at - 1));
        const int beyond =
            to + 20 < T ? to + 20 : T; /* the parent knows more than the child takes */
        h = feed(b, s, ids, at, to, chunk, h);
        feed(b, s, ids, to, beyond, chunk, 0);
        mn_seq *child;
        assert_ok(mn_seq_fork(s, to + (soak_planted() && beyond > to), &child));
        mn_seq_close(&s);
        s = child;
        at = to;
    }
    h = feed(b, s, ids, at, T, chunk, h) ^ kv_hash(b, s);
    mn_seq_close(&s);
    return h;
}

/* Two processes, as far as a region can tell. */
static mn_region *mine, *theirs;
static char folder[] = "/tmp/mn-way-XXXXXX";
static int open_regions(void **s) {
    (void)s;
    char path[64];
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/region", folder);
    return mn_region_open(path, 256 << 20, -1, &mine) || mn_region_open(path, 0, -1, &theirs);
}
static int close_regions(void **s) {
    (void)s;
    mn_region_close(&mine);
    mn_region_close(&theirs);
    mn_walk_remove(folder);
    return 0;
}

/* Begun by one process, found and gone on with by another. */
static uint64_t shared(bed *b, const int32_t *ids, int chunk) {
    const int to = 1 + (int)(rnd() % (uint32_t)(T - 1));
    const mn_kv_share share[2] = {{.region = mine, .seed = {{1}}},
                                  {.region = theirs, .seed = {{1}}}};
    mn_kv_layout layout;
    mn_seq *s[2];
    int coming;
    mn_engine_layout(b->engine, format, &layout);
    mn_region_clear(mine);
    for (int i = 0; i < 2; i++) assert_ok(mn_seq_open(&layout, share + i, T + 8, s + i));
    uint64_t h = feed(b, s[0], ids, 0, to, chunk, 0);
    if (rnd() % 2) mn_seq_close(&s[0]);
    assert_int_equal(mn_seq_match(s[1], ids, T, &coming), to);
    h = feed(b, s[1], ids, to, T, chunk, h) ^ kv_hash(b, s[1]);
    mn_seq_close(&s[0]);
    mn_seq_close(&s[1]);
    return h;
}

/* Fed together with seven others of other lengths. */
static uint64_t group(bed *b, const int32_t *ids, int chunk) {
    enum { N = 8 };
    mn_seq *s[N];
    int32_t other[LONGEST];
    for (int i = 0; i < T; i++) other[i] = (int32_t)(rnd() % (uint32_t)b->net->V);
    for (int i = 0; i < N; i++) /* ours as alone: phi3's rotations depend on a sequence's context */
        s[i] = bed_seq_of(b, format, i == 3 ? T + 8 : 2 * T + 8);
    uint64_t h = 0;
    for (int at = 0; at < T; at += chunk) {
        const int n = T - at < chunk ? T - at : chunk;
        float *logits = malloc((size_t)n * (size_t)b->net->V * sizeof *logits);
        mn_part part[N];
        for (int i = 0; i < N; i++)
            part[i] = (mn_part){s[i], other, 1 + (int)(rnd() % 5) % n, NULL, 0};
        part[3] = (mn_part){s[3], ids + at, n, logits, n};
        assert_ok(mn_engine_step(b->engine, part, N, NULL, NULL));
        for (int t = 0; t < n; t++)
            h = fold(h, logits + (size_t)t * (size_t)b->net->V, (size_t)b->net->V * sizeof *logits);
        free(logits);
    }
    h ^= kv_hash(b, s[3]);
    for (int i = 0; i < N; i++) mn_seq_close(&s[i]);
    return h;
}

/* Chunk c with this many threads: plain, over cuts, and in a group; the hash is `want` each
 * time. */
static void one_chunk(bed *b, const int32_t *ids, int threads, int c, uint64_t want,
                      const char *what) {
    const int cuts = 1 + (c + threads) % 3;
    if (plain(b, ids, chunks[c]) != want)
        fail_msg("%s, %d threads, chunks of %d", what, threads, chunks[c]);
    if (cut(b, ids, chunks[c], cuts) != want)
        fail_msg("%s, %d threads, chunks of %d, %d cuts", what, threads, chunks[c], cuts);
    if (shared(b, ids, chunks[c]) != want)
        fail_msg("%s, %d threads, chunks of %d, begun by another", what, threads, chunks[c]);
    if (c > 0 && threads == 2 && group(b, ids, chunks[c]) != want)
        fail_msg("%s, %d threads, chunks of %d in a group", what, threads, chunks[c]);
}

/* Every instruction set and chunk with two threads; one and three threads with one chunk each.
 * Scalar code, which is slow, walks all chunks only when `all_scalar`. Small: each instruction set
 * has one number of threads, and one chunk. */
static int is_tried(size_t k, int slow, int threads, int c) {
    if (SMALL) return threads == 2 + (int)(k % 2) && c == (int)(k % CHUNKS);
    return slow ? threads == 2 && c == 2 : threads == 2 || c == threads / 2 + 1;
}

static void one_model(const char *file, mn_kv_format kv, int all_scalar) {
    int32_t ids[LONGEST];
    uint64_t want = 0, before = 0; /* of these numerics and of the ones before */
    size_t count;
    char what[128];
    const mn_kernels *const *all = mn_kernels_all(&count);
    mn_buf path = golden_path(file);
    format = kv;
    for (size_t k = count; k-- > 0;) {
        if (k + 1 < count && strcmp(all[k]->numerics, all[k + 1]->numerics))
            before = want, want = 0;
        if (!mn_kernels_usable(all[k])) continue;
        const int slow = strcmp(all[k]->name, "scalar") == 0 && !all_scalar;
        snprintf(what, sizeof what, "%s: %s %s%s", file, all[k]->name, all[k]->numerics,
                 kv ? ", q8" : "");
        for (int threads = 1; threads <= 3; threads++) {
            if (SMALL ? threads != 2 + (int)(k % 2) : slow && threads != 2) continue;
            bed b;
            bed_open_as(&b, path.data, all[k], threads);
            state = 7;
            for (int i = 0; i < T; i++) ids[i] = (int32_t)(rnd() % (uint32_t)b.net->V);
            if (!want) want = plain(&b, ids, T);
            assert_true(want != before);
            for (int c = 0; c < CHUNKS; c++)
                if (is_tried(k, slow, threads, c)) one_chunk(&b, ids, threads, c, want, what);
            bed_close(&b);
        }
    }
    mn_buf_free(&path);
}

static void llama(void **s) {
    (void)s;
    one_model("tiny-llama.gguf", MN_KV_F16, 0);
}
static void gemma(void **s) {
    (void)s;
    one_model("tiny-gemma3.gguf", MN_KV_F16, 0);
}
static void mixed(void **s) {
    (void)s;
    one_model("tiny-mixed.gguf", MN_KV_F16, 0);
}
static void qwen(void **s) {
    (void)s;
    one_model("tiny-qwen2.gguf", MN_KV_F16, 1);
}
/* Alone in a short context, beside others in a long one, which rotate otherwise. */
static void phi3(void **s) {
    (void)s;
    T = 200;
    one_model("tiny-phi3.gguf", MN_KV_F16, 0);
    T = 580;
}
static void q8(void **s) {
    (void)s;
    one_model("tiny-qwen2.gguf", MN_KV_Q8, 0);
    one_model("tiny-gemma3.gguf", MN_KV_Q8, 0);
}

/* ---- the full form ------------------------------------------------------------------------ */
enum { WAYS = 6 }; /* each prompt is computed once plainly and in so many other ways */

/* Kernels by number; scalar code, which is slow, only in one draw of eight. */
static const mn_kernels *draw_kernels(unsigned long *draw) {
    const mn_kernels *usable[16];
    size_t count, n = 0;
    const mn_kernels *const *all = mn_kernels_all(&count);
    const int slow = soak_random(draw) % 8 == 0;
    for (size_t k = 0; k < count; k++)
        if (mn_kernels_usable(all[k]) && strcmp(all[k]->numerics, MN_NUMERICS) == 0 &&
            (slow || strcmp(all[k]->name, "scalar") != 0))
            usable[n++] = all[k];
    return n ? usable[soak_random(draw) % n] : all[count / 2 - 1]; /* scalar code, c1 */
}

/* One prompt of up to `longest` tokens, every number of it from i. */
static void prompt(long i, const char *path, int longest) {
    int32_t ids[LONGEST];
    unsigned long draw = soak_seed(i);
    T = 2 + (int)(soak_random(&draw) % (unsigned)(longest - 1));
    const mn_kv_format kv = soak_random(&draw) % 2 ? MN_KV_Q8 : MN_KV_F16;
    uint64_t want = 0;
    for (int way = 0; way <= WAYS; way++) {
        const mn_kernels *k = draw_kernels(&draw);
        const int threads = 1 + (int)(soak_random(&draw) % 4);
        const int chunk = way ? 1 + (int)(soak_random(&draw) % (unsigned)T) : T;
        const int cuts = (int)(soak_random(&draw) % 5);
        bed b;
        bed_open(&b, path, k->name, threads);
        format = b.net->d % 32 ? MN_KV_F16 : kv; /* as the API has it */
        state = (uint32_t)i;
        for (int t = 0; t < T; t++) ids[t] = (int32_t)(rnd() % (uint32_t)b.net->V);
        state = soak_random(&draw);
        const int kind = way && T > 8 ? cuts : 0;
        const uint64_t got = kind == 4   ? shared(&b, ids, chunk)
                             : kind == 3 ? group(&b, ids, chunk)
                             : kind      ? cut(&b, ids, chunk, kind)
                                         : plain(&b, ids, chunk);
        bed_close(&b);
        if (!way) want = got;
        if (got != want)
            fail_msg("case %ld way %d: %s, %d tokens, %d threads, chunks of %d, kind %d, kv %d", i,
                     way, k->name, T, threads, chunk, kind, format);
    }
}

static void every_prompt(void **s) {
    (void)s;
    static const char *const tiny[] = {"tiny-llama.gguf", "tiny-gemma3.gguf", "tiny-mixed.gguf",
                                       "tiny-qwen3.gguf", "tiny-phi3.gguf",   "tiny-qwen2.gguf"};
    const soak range = soak_begin(4000);
    char *smollm2 = NULL;
    for (long i = range.first; i < range.end; i++) {
        if (i % 4 == 3) {
            if (!smollm2) assert_ok(mn_store_pull("smollm2-135m", NULL, NULL, NULL, &smollm2));
            prompt(i, smollm2, 48);
        } else {
            mn_buf path = golden_path(tiny[i % 6]);
            prompt(i, path.data, LONGEST);
            mn_buf_free(&path);
        }
    }
    soak_end(&range, (range.end - range.first) * WAYS);
    mn_free_text(smollm2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(llama), cmocka_unit_test(gemma),
                                       cmocka_unit_test(mixed), cmocka_unit_test(qwen),
                                       cmocka_unit_test(phi3),  cmocka_unit_test(q8)};
    const struct CMUnitTest full[] = {cmocka_unit_test(every_prompt)};
    return soak_asked() ? cmocka_run_group_tests(full, open_regions, close_regions)
                        : cmocka_run_group_tests(tests, open_regions, close_regions);
}
