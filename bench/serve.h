/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/serve.h - the rows of `omnesia bench serve`: each a load, what is noted of it, its bars.
 */
#ifndef MN_BENCH_SERVE_H
#define MN_BENCH_SERVE_H
#include "bench/load.h"
#include "bench/server.h"

enum { MN_SERVE_FIGURES = 4 };

/* How a figure is judged. */
typedef enum mn_serve_judge {
    MN_SERVE_LESS = 1, /* theirs / ours, at least `bar` */
    MN_SERVE_MORE,     /* ours / theirs, at least `bar` */
    MN_SERVE_SHARE,    /* ours / theirs, at most `bar` */
    MN_SERVE_LIMIT,    /* ours alone, at most `bar`; theirs is shown beside it */
    MN_SERVE_LEAST,    /* ours alone, at least `bar` */
} mn_serve_judge;
typedef struct mn_serve_figure {
    const char *name, *what, *unit;
    mn_serve_judge judge;
    double bar;
} mn_serve_figure;

typedef struct mn_serve_row mn_serve_row;
typedef struct mn_serve { /* what a trial has at hand */
    const mn_bench_options *o;
    mn_stage stage;
    mn_server_plan plan;
    mn_vocab *vocab; /* of the row's model */
    const char *model;
    int only;    /* 0: both sides; 1: ours; 2: the peer */
    double rate; /* of the row, set by its prepare: requests per second */
    mn_buf raw;  /* of the trial: what mn_serve_note has written */
} mn_serve;

struct mn_serve_row {
    const char *name, *about;
    const char *model; /* NULL: the one asked for */
    int ours_only;
    mn_serve_figure figure[MN_SERVE_FIGURES];
    /* Once, before the first round; NULL. */
    int (*prepare)(mn_serve *b);
    /* One trial: a server that has just been started, and answered one request; figures in the
     * order of `figure`. */
    int (*trial)(mn_serve *b, mn_server *s, int round, double *figure);
};
extern const mn_serve_row mn_serve_agents, mn_serve_agents_large, mn_serve_poisson, mn_serve_batch,
    mn_serve_health, mn_serve_schema, mn_serve_idle, mn_serve_term;

/* What a row has shown so far: [kind][figure][round]. */
typedef struct mn_serve_table {
    double at[MN_SERVER_KINDS][MN_SERVE_FIGURES][MN_BENCH_ROUNDS];
    int n[MN_SERVER_KINDS];
    int out[MN_SERVER_KINDS]; /* it takes no part any more */
} mn_serve_table;
int mn_serve_figures(const mn_serve_row *row); /* how many it has */
/* The way to start llama-server that was best at a figure in the first round; -1: none. */
int mn_serve_best(const mn_serve_row *row, const mn_serve_table *t, int figure);
/* A line for each figure: the two medians, their ratio, its spread, the bar and the verdict. */
int mn_serve_report(const mn_serve *b, const mn_serve_row *row, const mn_serve_table *t);

/* Does this kind of server take part? */
int mn_serve_has(const mn_serve *b, const mn_serve_row *row, const mn_server_kind *kind);
/* A server of the kind, started and warm. */
int mn_serve_start(mn_serve *b, const mn_server_kind *kind, mn_server *out);

/* ---- what is asked (bench/serve_ask.c) ---------------------------------------------------- */
typedef struct mn_serve_ask {
    const char *prompt;   /* of /v1/completions; or */
    const char *messages; /* JSON, of /v1/chat/completions */
    const char *schema;   /* JSON: what the answer has to look like; NULL */
    int tokens;           /* exactly so many, but with a schema: at most */
    int stream;
} mn_serve_ask;
extern const char mn_serve_chat[], mn_serve_completions[]; /* paths */
/* The body of the request, replacing what `out` holds; greedy. */
int mn_serve_body(const mn_serve_ask *ask, mn_buf *out);
/* {"role", "content"} as text, for a conversation that is put together with commas. */
int mn_serve_message(const char *role, const char *content, mn_buf *out);
/* The first n words of the licence this project ships: text that does not change. */
int mn_serve_licence(int n, mn_buf *out);
/* Words drawn at random that make about `tokens` tokens, none of them special. */
int mn_serve_words(const mn_vocab *v, uint64_t seed, int tokens, mn_buf *out);

/* p95 of the seconds to the first text of each answer, and between two pieces of text, in ms. */
int mn_serve_times(const mn_load *l, double *first_ms, double *gap_ms);
/* Every answer is there, with exactly so many tokens (0: any number). */
int mn_serve_whole(const mn_load *l, int tokens);
/* What became of each request goes into the trial's line of JSON. */
int mn_serve_note(mn_serve *b, const mn_load *l);
/* Seconds from the first request to the end of the last. */
double mn_serve_span(const mn_load *l);

#endif
