/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/mem.h - the rows of `omnesia bench mem`: one function each, in the table of mem.c.
 */
#ifndef MN_BENCH_MEM_H
#define MN_BENCH_MEM_H
#include "base/random.h"
#include "bench/bench.h"

typedef struct mn_bench_mem_row {
    const char *name, *about;
    int (*run)(const mn_bench_options *o, const char *folder); /* folder: empty, on a disk */
} mn_bench_mem_row;

int mn_bench_mem_add(const mn_bench_options *o, const char *folder);
int mn_bench_mem_durable(const mn_bench_options *o, const char *folder);
int mn_bench_mem_search(const mn_bench_options *o, const char *folder);
int mn_bench_mem_scan(const mn_bench_options *o, const char *folder);
int mn_bench_mem_answer(const mn_bench_options *o, const char *folder);
int mn_bench_mem_embed(const mn_bench_options *o, const char *folder);

/* Texts of 8 to 31 made-up words out of 60,000, as often as words of a language are (Zipf). */
typedef struct mn_bench_words mn_bench_words;
int mn_bench_words_open(mn_bench_words **out);
void mn_bench_words_close(mn_bench_words **w);
enum { MN_BENCH_TEXT = 512 };
void mn_bench_words_text(const mn_bench_words *w, mn_random *r, char out[MN_BENCH_TEXT]);

/* One figure of `ms` milliseconds, sorted values [n]; its bar, in ms. */
typedef struct mn_bench_times {
    double *ms;
    int n;
} mn_bench_times;
double mn_bench_at(mn_bench_times *t, double share); /* 0.5: the median; sorts */
/* "add  8 writers, p99  0.61 ms, bar <= 5: pass"; bar 0: none. */
int mn_bench_figure(const char *row, const char *what, double value, const char *unit, double bar,
                    int json);

#endif
