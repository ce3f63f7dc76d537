/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/mem_embed.c - row `embed`: texts as long as turns of a talk, to vectors, by mn_embed_all
 * and by ONNX Runtime on the same file, with as many threads; time runs from text to vector on both
 * sides. ONNX Runtime in float32 has a bar, its own 8-bit quantisation is shown for comparison.
 *
 * The vectors must be those of float32 to a cosine of .999; how near its 8-bit ones come is said.
 */
#include "bench/mem.h"

#include "api/model.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"
#include "bench/peer.h"
#include "cli/progress.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

extern const unsigned char mn_peer_embed_py[], mn_licence_text[];

enum { TEXTS = 1000, MOST_WORDS = 26, LEAST_WORDS = 6, DIM = 384, KINDS = 2 };

typedef struct bed {
    mn_model *model;
    mn_buf lines; /* the texts, a line each */
    mn_text text[TEXTS];
    float *own, *other; /* [TEXTS, DIM] */
    char texts[160], vectors[160], threads[16];
} bed;

/* Words of the licence that follow each other, from some word on. */
static int write_text(mn_buf *out, mn_random *r) {
    const char *const whole = (const char *)mn_licence_text;
    const char *at = whole + mn_random_u64(r) % (strlen(whole) - 1024);
    int words = LEAST_WORDS + (int)(mn_random_u64(r) % (MOST_WORDS - LEAST_WORDS + 1));
    while (!isspace((unsigned char)*at)) at++;
    for (int space = 1; words; at++) {
        if (isspace((unsigned char)*at)) {
            if (!space) words--;
            if (!space && words) MN_TRY(mn_buf_puts(out, " "));
            space = 1;
        } else {
            MN_TRY(mn_buf_append(out, at, 1));
            space = 0;
        }
    }
    return mn_buf_puts(out, "\n");
}

static int write_texts(bed *b, const char *folder) {
    mn_random r;
    mn_filew *f = NULL;
    size_t end[TEXTS];
    mn_random_seed(&r, 1);
    for (int i = 0; i < TEXTS; i++) {
        MN_TRY(write_text(&b->lines, &r));
        end[i] = b->lines.len;
    }
    for (int i = 0; i < TEXTS; i++) {
        const size_t from = i ? end[i - 1] : 0;
        b->text[i] = (mn_text){b->lines.data + from, end[i] - 1 - from};
    }
    snprintf(b->texts, sizeof b->texts, "%s/texts", folder);
    snprintf(b->vectors, sizeof b->vectors, "%s/vectors", folder);
    MN_TRY(mn_file_begin(b->texts, &f));
    const int rc = mn_file_write(f, b->lines.data, b->lines.len);
    if (rc < 0) {
        mn_file_abort(&f);
        return rc;
    }
    return mn_file_settle(&f);
}

static int prepare(bed *b, const mn_bench_options *o, const char *folder) {
    const int threads = o->threads ? o->threads : mn_cpu_count();
    const mn_model_options how = {.kind = MN_EMBEDS, .threads = threads};
    snprintf(b->threads, sizeof b->threads, "%d", threads);
    b->own = mn_malloc((size_t)TEXTS * DIM * sizeof *b->own);
    b->other = mn_malloc((size_t)TEXTS * DIM * sizeof *b->other);
    if (!b->own || !b->other) return MN_FAIL(MN_ENOMEM, "no memory for %d vectors", TEXTS);
    MN_TRY(mn_cli_model_open("minilm-l6", how, &b->model));
    if (b->model->net->D != DIM)
        return MN_FAIL(MN_EUNSUPPORTED, "vectors of %d, not %d", b->model->net->D, DIM);
    return write_texts(b, folder);
}

/* Texts a second of ONNX Runtime; *cosine: of its vectors and ours, the mean. */
static int theirs(bed *b, const char *kind, double *rate, double *cosine) {
    const char *const words[] = {b->model->net->path, b->texts, b->threads, kind, b->vectors, NULL};
    json_t *said;
    MN_TRY(mn_peer_python("ONNX Runtime", MN_PEER_MEMORY, mn_peer_embed_py, words, &said));
    const double seconds = json_number_value(json_object_get(said, "seconds"));
    json_decref(said);
    if (!(seconds > 0)) return MN_FAIL(MN_EIO, "ONNX Runtime says no time");
    MN_TRY(mn_file_read_at(b->vectors, 0, b->other, (size_t)TEXTS * DIM * sizeof *b->other));
    *rate = TEXTS / seconds;
    *cosine = 0;
    double least = 1;
    for (int i = 0; i < TEXTS; i++) {
        double product = 0;
        for (int c = 0; c < DIM; c++)
            product += (double)b->own[i * DIM + c] * b->other[i * DIM + c];
        *cosine += product / TEXTS;
        least = product < least ? product : least;
    }
    if (strcmp(kind, "fp32") == 0 && !(least >= 0.999))
        return MN_FAIL(MN_ECORRUPT, "a vector and ONNX Runtime's have a cosine of %.4f", least);
    return 0;
}

static int run(bed *b, const mn_bench_options *o) {
    static const char *const kind[KINDS] = {"fp32", "int8"};
    char against[KINDS][64];
    mn_bench_row row[KINDS];
    for (int k = 0; k < KINDS; k++)
        row[k] = (mn_bench_row){.name = k ? "embed-int8" : "embed",
                                .what = "texts of 6 to 26 words to vectors, minilm-l6",
                                .against = against[k],
                                .unit = "texts/s",
                                .bar = k ? 0 : 2};
    MN_TRY(mn_embed_all(b->model, b->text, TEXTS / 4, b->own, NULL, NULL)); /* warm up */
    for (int round = 0; round < o->rounds; round++) {
        const double start = mn_clock_seconds();
        MN_TRY(mn_embed_all(b->model, b->text, TEXTS, b->own, NULL, NULL));
        const double own = TEXTS / (mn_clock_seconds() - start);
        for (int k = 0; k < KINDS; k++) {
            double rate = 0, cosine = 0;
            const int rc = theirs(b, kind[k], &rate, &cosine);
            if (rc == MN_ENOENT) return mn_bench_row_skip(row, mn_error_detail(), o->json);
            MN_TRY(rc);
            snprintf(against[k], sizeof against[k], "ONNX Runtime in %s, cosine %.4f", kind[k],
                     cosine);
            mn_bench_round(row + k, rate, own);
        }
    }
    for (int k = 0; k < KINDS; k++) MN_TRY(mn_bench_row_print(row + k, o->json));
    return 0;
}

int mn_bench_mem_embed(const mn_bench_options *o, const char *folder) {
    bed b = {.lines = {.what = "texts"}};
    int rc = prepare(&b, o, folder);
    if (rc >= 0) rc = run(&b, o);
    mn_model_close(&b.model);
    mn_buf_free(&b.lines);
    mn_free(b.own), mn_free(b.other);
    return rc;
}
