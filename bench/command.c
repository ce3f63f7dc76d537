/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/command.c - `omnesia bench NAME`: the registry of benches, and the options they share.
 */
#include "bench/bench.h"

#include "base/error.h"

#include <string.h>

static const mn_bench *const benches[] = {&mn_bench_speed,   &mn_bench_vattention, &mn_bench_share,
                                          &mn_bench_restore, &mn_bench_objects,    &mn_bench_region,
                                          &mn_bench_batchllm};
enum { N = sizeof benches / sizeof *benches };

#define AT(field) offsetof(mn_bench_options, field)
static const mn_opt options[] = {
    {.kind = MN_OPT_TEXT,
     .letter = 'm',
     .name = "model",
     .value = "MODEL",
     .offset = AT(model),
     .standard = "smollm2-135m",
     .help = "a name that `omnesia models` lists, or a GGUF file"},
    {MN_CLI_COUNT('p', "prompt", AT(prompt), 1 << 20, "512", "tokens of prefill"), .no_env = 1},
    {MN_CLI_COUNT('n', "gen", AT(gen), 1 << 20, "64", "tokens of decode"), .no_env = 1},
    {MN_CLI_COUNT('t', "threads", AT(threads), 64, "0", "compute threads; 0: one per core"),
     .no_env = 1},
    {MN_CLI_COUNT('d', "depth", AT(depth), 1 << 20, "0", "tokens already in the KV cache"),
     .no_env = 1},
    {.kind = MN_OPT_U64,
     .letter = 's',
     .name = "seed",
     .value = "S",
     .offset = AT(seed),
     .standard = "1",
     .no_env = 1,
     .help = "of the random token ids"},
    {.kind = MN_OPT_CHOICE,
     .name = "numerics",
     .value = "NAME",
     .offset = AT(bf16),
     .standard = "c1",
     .choices = "c1|bf16",
     .no_env = 1,
     .help = "arithmetic of attention: c1 is f32, bf16 is faster over long texts"},
    {.kind = MN_OPT_TEXT,
     .name = "region",
     .value = "PATH",
     .offset = AT(region),
     .standard = "none",
     .no_env = 1,
     .help = "write keys and values into this region, for others to find; none: nowhere"},
    {MN_CLI_COUNT(0, "rounds", AT(rounds), MN_BENCH_ROUNDS, "5", "rounds of a comparison"),
     .no_env = 1},
    {.kind = MN_OPT_TEXT,
     .name = "row",
     .value = "NAME",
     .offset = AT(row),
     .no_env = 1,
     .help = "only this row of a comparison"},
    {.kind = MN_OPT_TEXT,
     .name = "copy",
     .value = "FILE",
     .offset = AT(copy),
     .no_env = 1,
     .help = "of restore: the saved rows"},
    {.kind = MN_OPT_FLAG,
     .name = "json",
     .offset = AT(json),
     .no_env = 1,
     .help = "one JSON object as the last line; of comparisons, one a row"},
    MN_CLI_COMMON,
    {0}};

static int run(const void *opaque, int n_words, const char *const *words) {
    const mn_bench_options *o = opaque;
    const char *name = n_words ? words[0] : "speed";
    for (int i = 0; i < N; i++)
        if (strcmp(benches[i]->name, name) == 0) return benches[i]->run(o);
    return MN_FAIL(MN_CLI_USAGE,
                   "there is no bench '%s'; there are speed, region, objects, vattention, share, "
                   "batchllm and restore",
                   name);
}

const mn_cli_command mn_cli_command_bench = {
    .name = "bench",
    .run = run,
    .options = options,
    .size = sizeof(mn_bench_options),
    .max_words = 1,
    .words = "speed|region|objects|vattention|share|restore|batchllm",
    .usage = "[NAME] [-m MODEL] [-p N] [-n N] [-d N] [-t N]",
    .summary = "measure this machine",
    .about =
        "`bench speed` (the default) counts tokens per second the way llama-bench does: `prompt` "
        "tokens at once, then `gen` tokens one by one, each after `depth` tokens.\n\n"
        "`bench vattention` compares keys and values that lie in one piece, as they do here, with "
        "the same in shuffled blocks of 16 tokens: attention alone, the whole step of a batch of "
        "8, and the start of a second process. For the last one `bench restore` starts from a copy "
        "of the rows in a file.\n\n"
        "`bench region` kills and stops processes that share a region, and starts one after the "
        "region was lost.\n\n"
        "`bench share` starts processes that share a prompt: what the first token, memory and "
        "another question cost, and what the region costs when nobody shares.\n\n"
        "`bench objects` measures `put`, `get` and `watch` beside a bare futex wake and, when it "
        "is "
        "there, Redis on a Unix socket."};
