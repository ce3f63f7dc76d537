/* SPDX-License-Identifier: Apache-2.0
 * test/engine/test_invariance.c - one hash of logits and KV rows, however a prompt is computed:
 * threads, chunks, span cuts, alone or in a group of eight, each instruction set (design decisions
 * 3 and 7). */
#include "base/hash.h"
#include "engine/bed.h"
#include "model/golden.h"

enum { T = 700, CHUNKS = 4 };
static const int chunks[CHUNKS] = {1, 7, 64, 512};

static uint32_t state = 7;
static uint32_t rnd(void) {
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static uint64_t fold(uint64_t h, const void *p, size_t n) {
    return h * 0x9E3779B97F4A7C15u + mn_hash64(p, n);
}

/* The stored rows of every layer and head, position by position, as far as no window gave them
 * back. */
static uint64_t kv_hash(const bed *b, const mn_seq *s) {
    uint64_t h = 0;
    uint16_t row[1024];
    const int d = b->net->d, n = mn_seq_length(s);
    for (int l = 0; l < b->net->L; l++)
        for (int head = 0; head < b->net->Hk; head++)
            for (int block = 0; block * MN_ATTN_BLOCK < n; block++) {
                mn_attn_piece piece[MN_SEQ_SPANS];
                const int to = (block + 1) * MN_ATTN_BLOCK < n ? (block + 1) * MN_ATTN_BLOCK : n;
                const int k = mn_seq_pieces(s, l, head, block, block * MN_ATTN_BLOCK, to, piece);
                for (int p = 0; p < k; p++)
                    for (int i = piece[p].row; i < piece[p].row + piece[p].n; i++) {
                        const uint16_t *group = (const uint16_t *)piece[p].k + i / 16 * 16 * d;
                        for (int e = 0; e < d; e++) row[e] = group[e * 16 + i % 16];
                        h = fold(h, row, (size_t)d * 2);
                        h = fold(h, (const uint16_t *)piece[p].v + i * d, (size_t)d * 2);
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
    mn_seq *s = bed_seq(b, T + 8);
    const uint64_t h = feed(b, s, ids, 0, T, chunk, 0) ^ kv_hash(b, s);
    mn_seq_close(&s);
    return h;
}

/* The prompt over up to three forks: each child goes on where its parent is cut. */
static uint64_t cut(bed *b, const int32_t *ids, int chunk, int cuts) {
    mn_seq *s = bed_seq(b, T + 8);
    int at = 0;
    uint64_t h = 0;
    for (int c = 0; c < cuts; c++) {
        const int to = at + 1 + (int)(rnd() % (uint32_t)(T - at - 1));
        const int beyond =
            to + 20 < T ? to + 20 : T; /* the parent knows more than the child takes */
        h = feed(b, s, ids, at, to, chunk, h);
        feed(b, s, ids, to, beyond, chunk, 0);
        mn_seq *child;
        assert_ok(mn_seq_fork(s, to, &child));
        mn_seq_close(&s);
        s = child;
        at = to;
    }
    h = feed(b, s, ids, at, T, chunk, h) ^ kv_hash(b, s);
    mn_seq_close(&s);
    return h;
}

/* Fed together with seven others of other lengths. */
static uint64_t group(bed *b, const int32_t *ids, int chunk) {
    enum { N = 8 };
    mn_seq *s[N];
    int32_t other[T];
    for (int i = 0; i < T; i++) other[i] = (int32_t)(rnd() % (uint32_t)b->net->V);
    for (int i = 0; i < N; i++) s[i] = bed_seq(b, 2 * T + 8);
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

static void one_model(const char *file) {
    int32_t ids[T];
    uint64_t want = 0;
    size_t count;
    const mn_kernels *const *all = mn_kernels_all(&count);
    mn_buf path = golden_path(file);
    for (size_t k = count; k-- > 0;) {
        if (!mn_kernels_usable(all[k])) continue;
        for (int threads = 1; threads <= 3; threads++) {
            bed b;
            bed_open(&b, path.data, all[k]->name, threads);
            state = 7;
            for (int i = 0; i < T; i++) ids[i] = (int32_t)(rnd() % (uint32_t)b.net->V);
            if (!want) want = plain(&b, ids, T);
            for (int c = 0; c < CHUNKS; c++) {
                if (plain(&b, ids, chunks[c]) != want)
                    fail_msg("%s: %s, %d threads, chunks of %d", file, all[k]->name, threads,
                             chunks[c]);
                const int cuts = 1 + (c + threads) % 3;
                if (cut(&b, ids, chunks[c], cuts) != want)
                    fail_msg("%s: %s, %d threads, chunks of %d, %d cuts", file, all[k]->name,
                             threads, chunks[c], cuts);
                if (threads == 2 && c > 0 && group(&b, ids, chunks[c]) != want)
                    fail_msg("%s: %s, chunks of %d in a group", file, all[k]->name, chunks[c]);
            }
            bed_close(&b);
        }
    }
    mn_buf_free(&path);
}

static void llama(void **s) {
    (void)s;
    one_model("tiny-llama.gguf");
}
static void gemma(void **s) {
    (void)s;
    one_model("tiny-gemma3.gguf");
}
static void mixed(void **s) {
    (void)s;
    one_model("tiny-mixed.gguf");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(llama), cmocka_unit_test(gemma),
                                       cmocka_unit_test(mixed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
