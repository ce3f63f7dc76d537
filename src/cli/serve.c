/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/serve.c - `omnesia serve`: answer many over HTTP, until told to stop.
 *
 * Signals are blocked before any thread is made, and waited for; so no handler runs anywhere. The
 * first SIGTERM, SIGINT or SIGHUP ends it in peace within two seconds; a second one at once.
 */
#include "serve/serve.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/file.h"
#include "base/utf8.h"
#include "cli/generate.h"
#include "cli/mem.h"
#include "cli/progress.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { GRACE_MS = 1500, LOG_JSON = 0, LOG_TEXT, LOG_NONE };

typedef struct serve_options {
    mn_cli_common common;
    mn_opt_list models, listen, origins, shared;
    const char *region, *disk, *share, *key_file, *tls_cert, *tls_key, *embedder, *files, *user,
        *store, *organise;
    int32_t port, threads, context, tokens, slots, waiting, step_tokens;
    int kv, bf16, private_, no_memory, remember, insecure, metrics, log, order, print;
    uint64_t body;
} serve_options;

#define AT(field)                      offsetof(serve_options, field)
#define TEXT(name, field, value, help) MN_CLI_TEXT(name, value, AT(field), help)
#define LIST(short_name, long_name, field, stands, about)                              \
    {                                                                                  \
        .kind = MN_OPT_LIST, .letter = short_name, .name = long_name, .value = stands, \
        .offset = AT(field), .help = about                                             \
    }
#define CHOICE(long_name, field, stands, normal, all, about)                            \
    {                                                                                   \
        .kind = MN_OPT_CHOICE, .name = long_name, .value = stands, .offset = AT(field), \
        .standard = normal, .choices = all, .help = about                               \
    }
static const mn_opt options[] = {
    LIST('m', "model", models, "MODEL",
         "a name that `omnesia models` lists, or a GGUF file; of several the first is loaded at "
         "once, others when asked for; default: smollm2-135m"),
    TEXT("embedder", embedder, "MODEL", "model of /v1/embeddings when no -m makes vectors"),
    {.kind = MN_OPT_INT,
     .name = "port",
     .value = "N",
     .offset = AT(port),
     .min = 0,
     .max = 65535,
     .standard = "8080",
     .help = "of 127.0.0.1, when no --listen is given; 0: a free one"},
    LIST('l', "listen", listen, "ADDR:PORT",
         "where to listen, or unix:PATH; default: loopback and a Unix socket"),
    TEXT("key-file", key_file, "FILE", "API keys, lines name:key; without: any key, on loopback"),
    TEXT("tls-cert", tls_cert, "FILE", "certificate chain for TLS, PEM"),
    TEXT("tls-key", tls_key, "FILE", "its private key, PEM"),
    {.kind = MN_OPT_FLAG,
     .name = "insecure",
     .offset = AT(insecure),
     .help = "listen where others can reach it without keys or TLS"},
    LIST(0, "allow-origin", origins, "URL", "web pages of this origin may ask"),
    LIST(
        0, "public-prefix", shared, "FILE",
        "a system message whose computed form all keys may share; its last newline does not count"),
    CHOICE("metrics", metrics, "WHERE", "loopback", "loopback|all|none", "where /metrics answers"),
    CHOICE("log", log, "FORM", "json", "json|text|none",
           "a line for each request, on standard "
           "error; never prompts, never keys"),
    {.kind = MN_OPT_BYTES,
     .name = "body-limit",
     .value = "SIZE",
     .offset = AT(body),
     .standard = "16M",
     .help = "largest request"},
    TEXT("files", files, "FOLDER",
         "where files and batches of clients are kept; none: nowhere; default: files in Omnesia's "
         "data folder"),
    {MN_CLI_COUNT('n', "tokens", AT(tokens), 1 << 24, "0",
                  "most tokens of an answer that does not say; 0: as many as fit")},
    {MN_CLI_COUNT('t', "threads", AT(threads), 64, "0", "compute threads; 0: one per core")},
    {MN_CLI_COUNT(0, "ctx", AT(context), 1 << 24, "0", "tokens of context; 0: the model's own")},
    CHOICE("kv", kv, "FORMAT", "f16", "f16|q8",
           "keys and values of the context in 16 or about 8 "
           "bits"),
    CHOICE("numerics", bf16, "NAME", "c1", "c1|bf16",
           "arithmetic of attention: c1 is f32, bf16 is faster over long texts"),
    CHOICE("order", order, "NAME", "fcfs", "fcfs|fair|batch",
           "who comes next: as they came, by owner, or by shared beginnings"),
    {MN_CLI_COUNT(0, "slots", AT(slots), 64, "0", "answers at once; 0: 64")},
    {MN_CLI_COUNT(0, "waiting", AT(waiting), 1 << 20, "0", "answers that may wait; 0: 1024")},
    {MN_CLI_COUNT(0, "step-tokens", AT(step_tokens), 1 << 16, "0",
                  "tokens of each step; 0: as few as keep everybody's time (docs/SERVE.md)")},
    TEXT("user", user, "NAME",
         "whose memory /mcp has, where neither a key nor Omnesia-User says it; default: the login "
         "name"),
    MN_CLI_STORE_ROW(AT(store)),
    MN_CLI_ORGANISE_ROW(AT(organise)),
    {.kind = MN_OPT_FLAG,
     .name = "no-memory",
     .offset = AT(no_memory),
     .help = "/mcp has tools for objects alone"},
    {.kind = MN_OPT_FLAG,
     .name = "remember",
     .offset = AT(remember),
     .help = "conversations of named users: what was said before is recalled, what is said kept"},
    TEXT("region", region, "PATH",
         "file that processes share what they computed in; none: share nothing; default: your own, "
         "in memory"),
    TEXT(
        "disk", disk, "SIZE",
        "most bytes of files in which it outlives the machine: 8G; none: keep off them; default: 8 "
        "GiB, and a twentieth of the free space, at most"),
    MN_CLI_SHARE_ROW(AT(share)),
    MN_CLI_PRIVATE_ROW(AT(private_)),
    {.kind = MN_OPT_CHOICE,
     .name = "print",
     .value = "WHAT",
     .offset = AT(print),
     .no_env = 1,
     .standard = "nothing",
     .choices = "nothing|tables|openapi",
     .help = "print routes and fields in Markdown, or the OpenAPI document, and end"},
    MN_CLI_COMMON,
    {0}};

static void log_line(void *user, const char *line) {
    /* One write: lines of several threads do not mix. Nobody reads: nothing can be done. */
    char text[1024];
    const int n = snprintf(text, sizeof text, "%s\n", line);
    const size_t k = n < 0 ? 0 : n < (int)sizeof text ? (size_t)n : sizeof text - 1;
    if (write(STDERR_FILENO, text, k) < 0) return;
}

static int print(int what) {
    mn_buf out = {0};
    int rc = what == 1 ? mn_serve_markdown(&out) : mn_serve_openapi(1, &out);
    if (rc >= 0) rc = mn_buf_puts(&out, what == 1 ? "" : "\n");
    if (rc >= 0) rc = mn_cli_write(out.data, out.len);
    mn_buf_free(&out);
    return rc;
}

static void say_url(void *user, const char *url) {
    int *first = user;
    fprintf(stderr, "%s%s", *first ? "omnesia: listening at " : ", ", url);
    *first = 0;
}

static void say_page(void *user, const char *url) {
    int *first = user;
    if (!*first || strncmp(url, "http", 4) != 0) return;
    fprintf(stderr, "omnesia: %s/ is its page; OpenAI clients use %s/v1 as their base_url\n", url,
            url);
    *first = 0;
}

static void say_hello(mn_serve *server, const serve_options *o, const char *model) {
    char limit[16], peak[16];
    int first = 1;
    mn_serve_where(server, say_url, &first);
    fprintf(stderr, "\nomnesia: model %s, %s of memory%s%s; %s\n", model,
            mn_budget_human(mn_budget_resident_peak(), peak), mn_budget_limit() ? ", at most " : "",
            mn_budget_limit() ? mn_budget_human(mn_budget_limit(), limit) : "",
            o->key_file ? "keys are asked for" : "any key is accepted");
    first = 1;
    mn_serve_where(server, say_page, &first);
}

/* The texts of --public-prefix; freed by free_shared. */
static int read_shared(const mn_opt_list *files, const char **texts) {
    for (int i = 0; i < files->n; i++) {
        mn_buf text = {0};
        int rc = mn_file_read(files->item[i], 16 << 20, &text);
        if (rc >= 0) rc = mn_utf8_check(files->item[i], text.len ? text.data : "", text.len);
        if (rc >= 0 && text.len && text.data[text.len - 1] == '\n') text.data[--text.len] = 0;
        if (rc >= 0 && !text.len) rc = MN_FAIL(MN_EINVAL, "%s is empty", files->item[i]);
        texts[i] = text.data;
        MN_TRY(rc);
    }
    return 0;
}

static void free_shared(const char **texts, int n) {
    for (int i = 0; texts && i < n; i++) mn_free((void *)(uintptr_t)texts[i]);
    mn_free(texts);
}

/* Sleep until a signal says that it is over. */
static void wait_for_signal(const sigset_t *signals) {
    int number;
    while (sigwait(signals, &number) != 0) {
    }
    /* The next one ends the program as it ends others. */
    pthread_sigmask(SIG_UNBLOCK, signals, NULL);
}

static int serve(const serve_options *o, const sigset_t *signals, const char **shared,
                 const char *files) {
    static const char *const orders[] = {"fcfs", "fair", "batch"};
    static const char *const standard[] = {"smollm2-135m"};
    mn_cli_generate generate = {.region = o->region, .disk = o->disk, .share = o->share};
    mn_region *region = NULL;
    mn_serve *server;
    mn_cli_bar bar = {0};
    mn_serve_options s = {
        .listen = {o->listen.item, o->listen.n},
        .port = o->port,
        .key_file = o->key_file,
        .tls_cert = o->tls_cert,
        .tls_key = o->tls_key,
        .insecure = o->insecure,
        .origins = {o->origins.item, o->origins.n},
        .models = {o->models.n ? o->models.item : standard, o->models.n ? o->models.n : 1},
        .embedder = o->embedder ? o->embedder : "minilm-l6",
        .metrics = o->metrics,
        .body = o->body,
        .files = files,
        .remember = o->remember,
        .login = mn_cli_user(o->user),
        .log = o->log == LOG_NONE ? NULL : log_line,
        .log_text = o->log == LOG_TEXT};
    s.request = mn_request_default();
    s.request.max_tokens = o->tokens;
    s.request.context = o->context;
    s.request.kv_q8 = o->kv;
    s.loop = (mn_loop_options){orders[o->order], o->step_tokens, o->slots, o->waiting};
    s.shared = (mn_serve_list){shared, o->shared.n};
    MN_TRY(read_shared(&o->shared, shared));
    MN_TRY(mn_cli_region_or_none(&generate, &region));
    s.model = (mn_model_options){.threads = o->threads,
                                 .bf16 = o->bf16,
                                 .region = region,
                                 .private_ = o->private_,
                                 .notice = mn_cli_notice,
                                 .notice_user = &bar};
    const mn_mem_options remember = {.region = region,
                                     .organise = o->organise,
                                     .background = 1,
                                     .private_ = o->private_,
                                     .tell = mn_cli_tell};
    int rc = o->no_memory ? 0 : mn_mem_open(o->store, &remember, &s.mem);
    if (rc >= 0) rc = mn_serve_open(&s, &server);
    if (rc >= 0) {
        say_hello(server, o, s.models.item[0]);
        mn_serve_notify("READY=1");
        wait_for_signal(signals);
        mn_serve_notify("STOPPING=1");
        fprintf(stderr, "omnesia: stopping; what runs has %.1f s\n", GRACE_MS * 1e-3);
        mn_serve_close(&server, GRACE_MS);
    }
    mn_mem_close(&s.mem);
    mn_region_close(&region);
    return rc;
}

static int run(const void *opaque, int n_words, const char *const *words) {
    const serve_options *o = opaque;
    sigset_t signals;
    char *files = NULL; /* the standard place */
    if (o->print) return print(o->print);
    if (o->remember && o->no_memory)
        return MN_FAIL(MN_CLI_USAGE, "--remember and --no-memory: one of them");
    if (!o->files) MN_TRY(mn_file_data_path("files", &files));
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    const char **shared = mn_calloc((size_t)o->shared.n + 1, sizeof *shared);
    const int none = o->files && strcmp(o->files, "none") == 0;
    const int rc = shared ? serve(o, &signals, shared,
                                  none       ? NULL
                                  : o->files ? o->files
                                             : files)
                          : MN_FAIL(MN_ENOMEM, "no memory for %d prefixes", o->shared.n);
    free_shared(shared, o->shared.n);
    mn_free(files);
    return rc;
}

const mn_cli_command mn_cli_command_serve = {
    .name = "serve",
    .run = run,
    .options = options,
    .size = sizeof(serve_options),
    .max_words = 0,
    .usage = "[-m MODEL].. [--memory SIZE] [--listen ADDR:PORT].. [--key-file FILE]",
    .summary = "answer many at once over HTTP: OpenAI's and Anthropic's clients",
    .about = "Listens at 127.0.0.1:8080 and at a Unix socket that only you can use. Clients of "
             "OpenAI's interface work with http://127.0.0.1:8080/v1 as their base_url; "
             "http://127.0.0.1:8080/ shows what goes on.\n\n"
             "All requests share one model, one memory budget and what was computed before, by any "
             "process. With --key-file each key has a store of its own. docs/SERVE.md tells "
             "more.\n\n"
             "SIGTERM lets answers end for two seconds; what was computed is kept."};
