/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/generate.c - options, documents and facts of the commands that generate text.
 */
#include "cli/generate.h"

#include "base/budget.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/utf8.h"
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double born; /* when this process began, CLOCK_MONOTONIC seconds */

__attribute__((constructor)) static void note_birth(void) {
    born = mn_clock_seconds();
}

double mn_cli_age_ms(void) {
    return (mn_clock_seconds() - born) * 1e3;
}

double mn_cli_peak_rss_mb(void) {
    return (double)mn_budget_resident_peak() / (1 << 20);
}

#define AT(field) offsetof(mn_cli_generate, field)
#define NUMBER(long_name, field, low, high, text, about)                                        \
    {                                                                                           \
        .kind = MN_OPT_FLOAT, .name = long_name, .value = "X", .offset = AT(field), .min = low, \
        .max = high, .standard = text, .help = about                                            \
    }
const mn_opt mn_cli_generate_rows[] = {
    {.kind = MN_OPT_TEXT,
     .letter = 'm',
     .name = "model",
     .value = "MODEL",
     .offset = AT(model),
     .standard = "smollm2-135m",
     .help = "a name that `omnesia models` lists, or a GGUF file"},
    {MN_CLI_COUNT('n', "tokens", AT(tokens), 1 << 24, "0",
                  "most tokens of an answer; 0: as many as fit")},
    {MN_CLI_COUNT('t', "threads", AT(threads), 64, "0", "compute threads; 0: one per core")},
    {MN_CLI_COUNT(0, "ctx", AT(context), 1 << 24, "0", "tokens of context; 0: the model's own")},
    {.kind = MN_OPT_CHOICE,
     .name = "kv",
     .value = "FORMAT",
     .offset = AT(kv),
     .standard = "f16",
     .choices = "f16|q8",
     .help = "keys and values of the context in 16 or about 8 bits"},
    {.kind = MN_OPT_CHOICE,
     .name = "numerics",
     .value = "NAME",
     .offset = AT(bf16),
     .standard = "c1",
     .choices = "c1|bf16",
     .help = "arithmetic of attention: c1 is f32, bf16 is faster over long texts"},
    {.kind = MN_OPT_LIST,
     .letter = 'f',
     .name = "file",
     .value = "FILE",
     .offset = AT(files),
     .no_env = 1,
     .help = "put this file before the question"},
    {.kind = MN_OPT_TEXT,
     .name = "system",
     .value = "TEXT",
     .offset = AT(system),
     .standard = "You are a helpful AI assistant.",
     .help = "what the model is told about its role; '' leaves it to the template"},
    NUMBER("temp", temp, 0, 100, "0.8", "temperature; 0 is greedy and repeatable"),
    {MN_CLI_COUNT(0, "top-k", AT(top_k), 1 << 24, "40",
                  "sample from the k likeliest tokens; 0: all")},
    NUMBER("top-p", top_p, 0, 1, "0.95", "from the likeliest that make up p together; 1: all"),
    NUMBER("min-p", min_p, 0, 1, "0.05", "from those at least p times as likely as the likeliest"),
    NUMBER("typical-p", typical_p, 0, 1, "1", "from the most typical that make up p; 1: all"),
    NUMBER("repeat-penalty", repeat_penalty, 0.01, 100, "1",
           "divide the logits of recent tokens; 1: off"),
    NUMBER("presence-penalty", presence_penalty, -100, 100, "0", "taken off recent tokens"),
    NUMBER("frequency-penalty", frequency_penalty, -100, 100, "0", "taken off for each recent use"),
    {MN_CLI_COUNT(0, "repeat-last-n", AT(repeat_last_n), 1 << 24, "64",
                  "how far back recent reaches")},
    {.kind = MN_OPT_U64,
     .name = "seed",
     .value = "S",
     .offset = AT(seed),
     .standard = "0",
     .help = "of the random choices; 0: another one each time"},
    {.kind = MN_OPT_LIST,
     .name = "stop",
     .value = "TEXT",
     .offset = AT(stop),
     .help = "end the answer before this text"},
    {.kind = MN_OPT_TEXT,
     .name = "region",
     .value = "PATH",
     .offset = AT(region),
     .help = "file that processes share what they computed in; none: share nothing; default: your "
             "own, in memory"},
    {.kind = MN_OPT_TEXT,
     .name = "disk",
     .value = "SIZE",
     .offset = AT(disk),
     .help = "most bytes of files in which it outlives the machine: 8G; none: keep off them; "
             "default: 8 GiB, and a twentieth of the free space, at most"},
    MN_CLI_SHARE_ROW(AT(share)),
    MN_CLI_PRIVATE_ROW(AT(private_)),
    {0}};

mn_request mn_cli_request(const mn_cli_generate *o) {
    mn_request r = mn_request_default();
    r.system = o->system && *o->system ? o->system : NULL;
    r.max_tokens = o->tokens;
    r.context = o->context;
    r.kv_q8 = o->kv;
    r.temp = o->temp;
    r.top_k = o->top_k;
    r.top_p = o->top_p;
    r.min_p = o->min_p;
    r.typical_p = o->typical_p;
    r.repeat_penalty = o->repeat_penalty;
    r.presence_penalty = o->presence_penalty;
    r.frequency_penalty = o->frequency_penalty;
    r.repeat_last_n = o->repeat_last_n;
    r.seed = o->seed;
    r.stop = o->stop.item;
    r.n_stop = (size_t)o->stop.n;
    return r;
}

int mn_cli_generate_check(const mn_cli_generate *o) {
    for (int i = 0; i < o->stop.n; i++)
        if (!*o->stop.item[i])
            return MN_FAIL(MN_CLI_USAGE, "--stop '': give a text that ends the answer");
    return 0;
}

void mn_cli_say_made(mn_region *region) {
    mn_region_info i;
    char memory[16], files[16];
    mn_region_describe(region, &i);
    if (!i.made) return;
    fprintf(stderr,
            "omnesia: what is computed is kept for your other processes, in memory (at most %s, "
            "in %s)",
            mn_budget_human(i.limit, memory), i.path);
    if (*i.disk)
        fprintf(stderr, " and on disk (at most %s, %d days unused, in %s)",
                mn_budget_human(i.disk_limit, files), MN_DAYS, i.disk);
    fprintf(stderr, "\nomnesia: --private leaves nothing there, --region none shares nothing, "
                    "`omnesia region forget` removes it\n");
}

/* Bytes of --disk as mn_region_open takes them. */
static int disk_of(const mn_cli_generate *o, int64_t *out) {
    uint64_t bytes;
    *out = 0;
    if (!o->disk || !*o->disk) return 0;
    if (strcmp(o->disk, "none") == 0) return *out = -1, 0;
    if (strchr(o->disk, '%') || mn_budget_parse(o->disk, &bytes) < 0 || !bytes || bytes > INT64_MAX)
        return MN_FAIL(MN_CLI_USAGE, "--disk %s: give bytes, such as 8G or 500M, or none", o->disk);
    *out = (int64_t)bytes;
    return 0;
}

int mn_cli_generate_region(const mn_cli_generate *o, mn_region **region) {
    const int given = o->region && *o->region;
    mn_region_info i;
    int64_t disk;
    *region = NULL;
    MN_TRY(disk_of(o, &disk));
    MN_TRY(mn_region_open(given ? o->region : NULL, 0, disk, region));
    if (disk <= 0) return 0;
    mn_region_describe(*region, &i);
    if (*i.disk) return 0;
    const int rc = MN_FAIL(MN_EINVAL,
                           "--disk %s: %s was made without a disk tier; `omnesia region destroy` "
                           "removes it, and the next one has one",
                           o->disk, i.path);
    mn_region_close(region);
    return rc;
}

int mn_cli_model_of(const mn_cli_generate *o, mn_region *region, mn_model **model) {
    return mn_cli_model_open(
        o->model,
        (mn_model_options){
            .threads = o->threads, .bf16 = o->bf16, .region = region, .private_ = o->private_},
        model);
}

/* --share is a wish of the library's environment: there all programs have it from. */
static int share(const mn_cli_generate *o, int without) {
    const int wanted = o->share && *o->share && strcmp(o->share, "none") != 0;
    if (wanted && without)
        return MN_FAIL(MN_CLI_USAGE, "--share needs a region: what comes from other machines, and "
                                     "goes there, lies in it");
    if (o->share && setenv("OMNESIA_SHARE", o->share, 1) < 0)
        return MN_FAIL(MN_ENOMEM, "no memory for --share");
    return 0;
}

int mn_cli_region_or_none(const mn_cli_generate *o, mn_region **region) {
    const int given = o->region && *o->region;
    const int none = given && strcmp(o->region, "none") == 0;
    *region = NULL;
    MN_TRY(share(o, none));
    if (none) return 0;
    const int rc = mn_cli_generate_region(o, region);
    if (rc < 0 && (given || (o->disk && *o->disk))) return rc;
    if (rc < 0)
        fprintf(stderr, "(nothing is shared with other processes: %s)\n", mn_error_detail());
    else
        mn_cli_say_made(*region);
    return 0;
}

int mn_cli_generate_open(const mn_cli_generate *o, mn_region **region, mn_model **model) {
    MN_TRY(mn_cli_region_or_none(o, region));
    return mn_cli_model_of(o, *region, model);
}

int mn_cli_document(const char *name, const char *text, size_t n, mn_buf *out) {
    MN_TRY(mn_buf_printf(out, "<document name=\"%s\">\n", name));
    MN_TRY(mn_buf_append(out, text, n));
    return mn_buf_puts(out, n && text[n - 1] != '\n' ? "\n</document>\n\n" : "</document>\n\n");
}

int mn_cli_documents(const mn_opt_list *files, mn_buf *out) {
    enum { MOST = 64 << 20 };
    for (int i = 0; i < files->n; i++) {
        mn_buf text = {.what = files->item[i]};
        int rc = mn_file_read(files->item[i], MOST, &text);
        if (rc >= 0 && text.len) rc = mn_utf8_check(files->item[i], text.data, text.len);
        if (rc >= 0) rc = mn_cli_document(files->item[i], text.len ? text.data : "", text.len, out);
        mn_buf_free(&text);
        MN_TRY(rc);
    }
    return 0;
}

int mn_cli_prompt(const mn_opt_list *files, int n, const char *const *words, mn_buf *out) {
    MN_TRY(mn_cli_documents(files, out));
    for (int i = 0; i < n; i++) {
        if (i) MN_TRY(mn_buf_puts(out, " "));
        MN_TRY(mn_buf_puts(out, words[i]));
    }
    return out->len ? mn_utf8_check("the prompt", out->data, out->len) : 0;
}

int mn_cli_say(const char *text, size_t n) {
    mn_buf shown = {0};
    if (!isatty(STDOUT_FILENO)) return mn_cli_write(text, n);
    int rc = mn_buf_show(&shown, text, n, "\n");
    if (rc >= 0 && shown.len) rc = mn_cli_write(shown.data, shown.len);
    mn_buf_free(&shown);
    return rc;
}

void mn_cli_full(const mn_stats *s) {
    if (!s->full_context) return;
    fprintf(stderr, "(the context of %d tokens is full: the answer ends here; --ctx allows more)\n",
            s->full_context);
}

void mn_cli_facts(const mn_stats *s, double first_token_ms) {
    char kept[80] = "";
    const int disk = s->cached_from && strcmp(s->cached_from, "disk") == 0;
    if (s->cached_by)
        snprintf(kept, sizeof kept, " (%d cached, %scomputed by process %lld)", s->cached_tokens,
                 disk ? "from disk, " : "", (long long)s->cached_by);
    else if (s->cached_tokens)
        snprintf(kept, sizeof kept, " (%d cached)", s->cached_tokens);
    char speed[32] = ""; /* of a few tokens it says nothing */
    if (s->prompt_tokens - s->cached_tokens >= 16)
        snprintf(speed, sizeof speed, " at %.0f/s", s->prefill_tps);
    fprintf(stderr,
            "%d tokens read%s%s, %d written at %.1f/s, first after %.0f ms, %.0f MB of memory\n",
            s->prompt_tokens, kept, speed, s->tokens, s->decode_tps, first_token_ms,
            mn_cli_peak_rss_mb());
}
