/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/generate.h - the options that `run` and `chat` share, and what both do with them.
 */
#ifndef MN_CLI_GENERATE_H
#define MN_CLI_GENERATE_H
#include "base/buf.h"
#include "cli/cli.h"
#include "omnesia.h"

typedef struct mn_cli_generate {
    const char *model, *system, *region, *disk, *share;
    int32_t tokens, threads, context;
    int private_; /* take from the region, leave nothing in it */
    int kv;       /* 0 f16, 1 q8 */
    int bf16;     /* numerics: 0 c1, 1 bf16 */
    mn_opt_list files, stop;
    float temp, top_p, min_p, typical_p, repeat_penalty, presence_penalty, frequency_penalty;
    int32_t top_k, repeat_last_n;
    uint64_t seed;
} mn_cli_generate;

/* Option rows for a struct that holds an mn_cli_generate at this offset; `base` is that offset. */
extern const mn_opt mn_cli_generate_rows[];

/* The options --share and --private, of all who share what they compute. */
#define MN_CLI_SHARE_ROW(at)                                                                     \
    {                                                                                            \
        .kind = MN_OPT_TEXT, .name = "share", .value = "URL", .offset = at,                      \
        .help = "the Redis through which machines share what they computed: "                    \
                "redis://[USER:PASSWORD@]HOST:PORT/DB, rediss://.. with TLS, unix:///PATH; none" \
    }
#define MN_CLI_PRIVATE_ROW(at)                                     \
    {                                                              \
        .kind = MN_OPT_FLAG, .name = "private", .offset = at,      \
        .help = "use what others computed, leave nothing for them" \
    }

/* The options as a request. Borrows the lists. */
mn_request mn_cli_request(const mn_cli_generate *o);
/* What the rows cannot say: no empty --stop; else MN_CLI_USAGE. */
int mn_cli_generate_check(const mn_cli_generate *o);
/* When the region was made just now: what is kept, where, how much, and how to turn it off. */
void mn_cli_say_made(mn_region *region);
/* The region of --region, with --disk. */
int mn_cli_generate_region(const mn_cli_generate *o, mn_region **region);
/* The model, over a region or NULL. */
int mn_cli_model_of(const mn_cli_generate *o, mn_region *region, mn_model **model);
/* The region of --region, NULL for none. Without --region the user's own is opened; when that
 * cannot be, a line says why, and work goes on without it. Models that are opened later share it
 * with other machines, when --share says so. */
int mn_cli_region_or_none(const mn_cli_generate *o, mn_region **region);
/* That, and the model that uses it. */
int mn_cli_generate_open(const mn_cli_generate *o, mn_region **region, mn_model **model);
/* The texts of -f FILE.., each marked as data with its name, appended to `out`: what stands before
 * the question, so that all questions about one document share one prefix. */
int mn_cli_documents(const mn_opt_list *files, mn_buf *out);
/* One of them. */
int mn_cli_document(const char *name, const char *text, size_t n, mn_buf *out);
/* Documents, then words: a prompt, checked. */
int mn_cli_prompt(const mn_opt_list *files, int n, const char *const *words, mn_buf *out);
/* Write what a model says: to a terminal nothing that steers it. */
int mn_cli_say(const char *text, size_t n);
/* A sentence on standard error when the context was full before the answer ended. */
void mn_cli_full(const mn_stats *stats);
/* The line of facts on standard error: tokens/s of prefill and decode, first token, memory. */
void mn_cli_facts(const mn_stats *stats, double first_token_ms);
double mn_cli_peak_rss_mb(void);
/* Milliseconds since this process started. */
double mn_cli_age_ms(void);

#endif
