/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/command.c - `omnesia bench NAME`: the registry of benches, and the options they share.
 */
#include "bench/bench.h"

#include "base/error.h"

#include <string.h>

static const mn_bench *const benches[] = {
#define X(name) &mn_bench_##name,
    MN_BENCH_LIST(X)
#undef X
};
enum { N = sizeof benches / sizeof *benches };
static const char words_known[] = ""
#define X(name) "|" #name
    MN_BENCH_LIST(X)
#undef X
    ;
static const char names[] = ""
#define X(name) ", " #name
    MN_BENCH_LIST(X)
#undef X
    ;

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
    {.kind = MN_OPT_TEXT,
     .name = "peer",
     .value = "FOLDER",
     .offset = AT(peer),
     .no_env = 1,
     .help = "of serve: where llama-server is; default: where tools/peers/llama-cpp.sh puts it"},
    {.kind = MN_OPT_CHOICE,
     .name = "side",
     .value = "WHICH",
     .offset = AT(side),
     .standard = "both",
     .choices = "both|ours|peer",
     .no_env = 1,
     .help = "of serve: measure one side alone; of kvlink: ours is one machine"},
    {.kind = MN_OPT_TEXT,
     .name = "way",
     .value = "TEXT",
     .offset = AT(way),
     .no_env = 1,
     .help = "of serve: of the ways to start llama-server, those whose flags end in TEXT"},
    {.kind = MN_OPT_TEXT,
     .name = "data",
     .value = "FILE",
     .offset = AT(data),
     .no_env = 1,
     .help = "of longmemeval, amem, mem0 and zep: a file of LoCoMo or LongMemEval; default: "
             "histories of our own"},
    {MN_CLI_COUNT(0, "histories", AT(histories), 1000, "4", "of longmemeval: how many of our own"),
     .no_env = 1},
    {MN_CLI_COUNT(
         0, "limit", AT(limit), 1000, "0",
         "of trim: dialogues of each domain that a model is shown (0: one); of l2mac: jobs "
         "of each kind (0: one catalogue, and all modules); of longmemeval with --answers: "
         "questions of each history (0: all)"),
     .no_env = 1},
    {.kind = MN_OPT_TEXT,
     .name = "answers",
     .value = "FILE",
     .offset = AT(answers),
     .no_env = 1,
     .help =
         "of longmemeval: -m MODEL answers, here or URL#MODEL, and FILE keeps its answers: what "
         "is in it is not asked again"},
    {.kind = MN_OPT_FLAG,
     .name = "small",
     .offset = AT(small),
     .no_env = 1,
     .help = "of longmemeval: 8 sittings each instead of 40"},
    {.kind = MN_OPT_TEXT,
     .name = "vectors",
     .value = "MODEL",
     .offset = AT(vectors),
     .standard = "minilm-l6",
     .no_env = 1,
     .help = "of longmemeval: a model for embeddings, or none: words alone"},
    {.kind = MN_OPT_TEXT,
     .name = "organise",
     .value = "NAME",
     .offset = AT(organise),
     .no_env = 1,
     .help = "of longmemeval: who organises what is told, as of `mem`; default: nobody; of amem "
             "and zep: a model that does; default: rules"},
    {.kind = MN_OPT_TEXT,
     .name = "dump",
     .value = "FOLDER",
     .offset = AT(dump),
     .no_env = 1,
     .help = "of longmemeval: write the histories there, as JSON lines, and ask nothing"},
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
    return MN_FAIL(MN_CLI_USAGE, "there is no bench '%s'; there are %s", name, names + 2);
}

const mn_cli_command mn_cli_command_bench = {
    .name = "bench",
    .run = run,
    .options = options,
    .size = sizeof(mn_bench_options),
    .max_words = 1,
    .words = words_known + 1,
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
        "there, Redis on a Unix socket.\n\n"
        "`bench serve` sends many requests at once to `serve` and, when it is there, to "
        "llama-server: what each row takes, and the ways to start the peer that were tried, are "
        "printed with the figures.\n\n"
        "`bench fastgen` and `bench flover` show what one loop for all answers is worth, in this "
        "process: prompts cut up against prompts read whole, and answers that come and go at any "
        "step against batches and against a process for each.\n\n"
        "`bench batchllm` answers 256 prompts of 16 groups, planned and as they come; a round "
        "takes minutes (`--depth 256` is quicker). `bench fastswitch` lets 24 chats of 2,048 "
        "tokens take turns in the memory of six, against blocks that are written and read while "
        "everybody waits: minutes a round, too (`--depth 64` is quicker).\n\n"
        "`bench longmemeval` tells months of talk to an empty memory and asks what was said: of "
        "four acquaintances made up from `--seed`, or of a file of LoCoMo or LongMemEval (`--data "
        "FILE`). `--dump FOLDER` writes the first as JSON lines that `mem import` reads, with the "
        "questions and what was true when.\n\n"
        "`bench hcam` asks 32,768 steps in two levels, and all of them.\n\n"
        "`bench amem` asks the same of two memories, one with links between its notes. `bench "
        "mem0` and `bench zep` measure adding and finding beside mem0ai and graphiti-core, which "
        "are fetched from PyPI when they are first measured, with models on either side that cost "
        "nothing.\n\n"
        "`bench roboos` is the table of docs/FLEET.md: it reads a scene, waits for changes, "
        "publishes "
        "states at 1 kHz and moves things while processes are killed, beside a bare futex and "
        "Redis; has made fleets do made tasks, with a robot that dies; has a model understand and "
        "plan (-m, qwen2.5-coder-1.5b); kills, hangs and stops robots; and runs `bench kvlink`.\n\n"
        "`bench kvlink` computes a prompt of 4,096 tokens, and takes it from another machine: two "
        "network namespaces with a link of 1 Gbit/s and a Redis between them, which takes root. A "
        "round takes as long as computing does; `--row smollm2` is quicker.\n\n"
        "`bench l2mac` has a model write a catalogue of 60 entries and small modules in C with a "
        "context of 2,048 tokens. It is meant for -m qwen2.5-coder-1.5b, and takes hours on two "
        "cores: `--limit N` and `--row modules` are quicker."};
