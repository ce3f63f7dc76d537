/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/mem.c - what agents remember: how long adding takes and finding, beside what the disk and
 * the peers take. Stores are made in a folder of the temporary folder, on a disk.
 */
#include "bench/mem.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/walk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const mn_bench_mem_row rows[] = {
    {"add", "8 writers at once, safe from the death of a process", mn_bench_mem_add},
    {"durable", "the same, safe from a power cut, beside a bare fdatasync", mn_bench_mem_durable},
    {"search", "words and vectors, of 100,000 records and of a million", mn_bench_mem_search},
    {"scan", "vectors alone, beside sqlite-vec", mn_bench_mem_scan},
    {"answer", "what a model reads and how long, beside all that was said", mn_bench_mem_answer},
    {"embed", "texts to vectors, beside ONNX Runtime", mn_bench_mem_embed},
};

/* ---- words -------------------------------------------------------------------------------- */
enum { WORDS = 60000, LONGEST = 12 };
struct mn_bench_words {
    double sum[WORDS]; /* of the shares of the words up to here */
    char word[WORDS][LONGEST];
};

/* The i-th word: syllables that are its number, so that no two are the same. */
static void spell(int i, char out[LONGEST]) {
    static const char consonants[] = "bdfgklmnprstvz", vowels[] = "aeiou";
    int n = 0;
    for (unsigned x = (unsigned)i + 70; x && n < LONGEST - 2; x /= 70) {
        out[n++] = consonants[x % 14];
        out[n++] = vowels[x / 14 % 5];
    }
    out[n] = 0;
}

int mn_bench_words_open(mn_bench_words **out) {
    mn_bench_words *const w = mn_calloc(1, sizeof *w);
    if (!w) return MN_FAIL(MN_ENOMEM, "no memory for words");
    double sum = 0;
    for (int i = 0; i < WORDS; i++) {
        w->sum[i] = sum += 1 / (i + 2.7);
        spell(i, w->word[i]);
    }
    *out = w;
    return 0;
}

void mn_bench_words_close(mn_bench_words **w) {
    mn_free(*w);
    *w = NULL;
}

static int draw(const mn_bench_words *w, mn_random *r) {
    const double x = mn_random_unit(r) * w->sum[WORDS - 1];
    int low = 0, high = WORDS - 1;
    while (low < high) {
        const int mid = (low + high) / 2;
        if (w->sum[mid] < x)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void mn_bench_words_text(const mn_bench_words *w, mn_random *r, char out[MN_BENCH_TEXT]) {
    const int words = 8 + (int)(mn_random_unit(r) * 24);
    int n = 0;
    for (int i = 0; i < words; i++)
        n += snprintf(out + n, (size_t)(MN_BENCH_TEXT - n), i ? " %s" : "%s", w->word[draw(w, r)]);
}

/* ---- figures ------------------------------------------------------------------------------- */
static int smaller(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double mn_bench_at(mn_bench_times *t, double share) {
    if (!t->n) return NAN;
    qsort(t->ms, (size_t)t->n, sizeof *t->ms, smaller);
    const int at = (int)(share * t->n);
    return t->ms[at < t->n ? at : t->n - 1];
}

int mn_bench_figure(const char *row, const char *what, double value, const char *unit, double bar,
                    int json) {
    const mn_bench_point p = {"mem", row, what, unit, value, bar, 0};
    return mn_bench_point_print(&p, json);
}

/* ---- running ------------------------------------------------------------------------------- */
static int run(const mn_bench_options *o) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char folder[] = "/var/tmp/omnesia-mem-XXXXXX";
        if (!mn_bench_wants(o, rows[i].name)) continue;
        if (!mkdtemp(folder)) return MN_FAIL(MN_EIO, "no folder can be made in /var/tmp");
        const int rc = rows[i].run(o, folder);
        mn_walk_remove(folder);
        MN_TRY(rc);
    }
    return 0;
}

const mn_bench mn_bench_mem = {
    .name = "mem",
    .about = "what agents remember: adding and finding (rows add, durable, search, scan, embed)",
    .run = run,
};
