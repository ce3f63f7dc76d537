/* SPDX-License-Identifier: Apache-2.0
 *
 * omnesia.h - run language models within the memory you have. Usage:
 *
 *     static int show(void *user, const char *text, size_t n) {
 *         return fwrite(text, 1, n, stdout) != n;
 *     }
 *
 *     mn_model *model;
 *     if (mn_model_open("smollm2-135m", NULL, &model) < 0) return puts(mn_error_detail()), 1;
 *     mn_request ask = mn_request_default();
 *     ask.prompt = "What is the capital of France?";
 *     ask.on_text = show;
 *     mn_answer(model, &ask, NULL);
 *     mn_model_close(&model);
 *
 * Functions return 0 or a positive count on success and a negative MN_E* code on failure;
 * mn_error_detail() then holds one sentence that says what failed and what to do. Strings
 * handed in are UTF-8 and borrowed for the call; destructors take the address of a handle, accept
 * NULL and leave NULL. A model may be shared by threads; a session belongs to one thread at a time.
 * Fleets of robots are in omnesia_fleet.h, skills as shared objects in omnesia_skill.h.
 */
#ifndef OMNESIA_H
#define OMNESIA_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#define MN_API __attribute__((visibility("default")))

/* ---- errors ------------------------------------------------------------------------------- */
MN_API const char *mn_error_detail(void);   /* this thread's last sentence; borrowed */
MN_API const char *mn_error_text(int code); /* what a code means in general; static */
MN_API const char *mn_version(void);        /* "0.1.0" */

/* ---- memory, and long work ---------------------------------------------------------------- */
/* Limit of all large allocations of this process, in bytes; 0: none. Before opening a model. */
MN_API void mn_memory_limit(uint64_t bytes);
typedef struct mn_progress {
    /* Called now and then during long work: what ("pulling smollm2-135m"), done of total (bytes or
     * steps; total 0: unknown). Non-zero stops the work with MN_ECANCELLED. */
    int (*report)(void *user, const char *what, uint64_t done, uint64_t total);
    void *user;
} mn_progress;

/* ---- the region: what one process computed, every process has ------------------------------ */
typedef struct mn_region mn_region;
/* Open (or make) the file that processes of one user share. path NULL: the user's own, in memory,
 * where there is room. memory: bytes it may hold at most, when it is made here; 0: an eighth of the
 * memory. disk: bytes of files in which it survives the machine (beside PATH, or in the cache
 * folder); 0: as it is, or 8 GiB and a twentieth of the free space at most; -1: none. Any thread */
MN_API int mn_region_open(const char *path, uint64_t memory, int64_t disk, mn_region **out);
MN_API void mn_region_close(mn_region **region);
/* A region file that is cut short while it is mapped raises SIGBUS; after this call that is
 * MN_ECORRUPT. Other SIGBUSes go where they went. The library installs no handler by itself. */
MN_API int mn_guard_install(void);
enum { MN_DAYS = 30 }; /* what nobody asked for leaves a region after so many */
typedef struct mn_region_info {
    const char *path, *disk;          /* borrowed from the region; folder of files, "": none */
    uint64_t limit, charged, warm;    /* bytes extents may hold, hold, and hold for nobody */
    uint64_t disk_limit, stored;      /* bytes files may take, and take */
    uint64_t held, size;              /* bytes the file takes now, and its logical size */
    uint64_t rows, cost_us;           /* tokens in all, and what they took to compute */
    int32_t processes, extents, open; /* others alive; extents, of which are still written */
    int32_t out, derived, made;       /* on disk alone; without tokens; 1: made by this handle */
    uint64_t asked, found;            /* tokens of prompts so far, and of them those it had */
    uint64_t evicted, moved, damaged; /* extents that had to go, to disk alone; damaged files */
    uint64_t watched, taken, given;   /* topics slept on; of 64 tokens each, from other machines, */
    uint64_t refused, unlinked; /* and to them; that were damaged; how often a link was lost */
} mn_region_info;
MN_API void mn_region_describe(mn_region *region, mn_region_info *out);
/* Forget all that nobody is reading: bytes that went back. */
MN_API uint64_t mn_region_clear(mn_region *region);
/* Rows of keys and values that were computed together. */
typedef struct mn_region_extent {
    uint64_t ref;                 /* its name, never used again */
    uint64_t rows, memory, disk;  /* tokens; bytes in each tier; memory 0: it is on disk alone */
    uint64_t born, used, cost_us; /* seconds since 1970; what computing it took */
    int64_t writer, reader;       /* process ids; of one that has it, 0: nobody has */
    int32_t readers, open, kept;  /* uses by processes; is it being written? may it leave? */
    int32_t start;                /* of its first token; -1: it cannot be read, -2: vectors */
} mn_region_extent;
typedef struct mn_region_process {
    int64_t pid;
    uint64_t born;        /* seconds since 1970, when it opened the region */
    int32_t pins, writes; /* extents it uses; of which it writes */
} mn_region_process;
/* All of them, borrowed for the call, the caller's own too. Non-zero stops, and is returned. */
MN_API int mn_region_extents(mn_region *region,
                             int (*each)(void *user, const mn_region_extent *extent), void *user);
MN_API int mn_region_processes(mn_region *region,
                               int (*each)(void *user, const mn_region_process *process),
                               void *user);
typedef struct mn_forgotten {
    uint64_t bytes, rows;    /* that left memory and disk; tokens */
    uint64_t stayed_rows;    /* tokens of what is in use by a living process, and stayed */
    int64_t by;              /* the process id of one */
    int32_t extents, stayed; /* how many left, and stayed */
} mn_forgotten;
/* Forget, and overwrite, what was computed since a moment (seconds since 1970; 0: all), or from a
 * text: what holds 16 of its tokens in a row (all, if it has fewer), and what builds upon that. */
MN_API int mn_region_forget(mn_region *region, uint64_t since, mn_forgotten *out);
MN_API int mn_region_forget_tokens(mn_region *region, const int32_t *ids, int32_t n,
                                   mn_forgotten *out);
/* Remove the region, its files and itself, overwritten; consumes it. MN_EBUSY names processes that
 * use it: nothing is gone then. Bytes that went in *bytes. */
MN_API int mn_region_destroy(mn_region **region, uint64_t *bytes);
typedef struct mn_region_health {
    int32_t extents, open, out; /* found; being written; on disk alone */
    int32_t dead, orphans;      /* processes not buried yet; extents whose owner is none */
    int32_t entries, stale;     /* of the index; which lead nowhere any more */
    int32_t files, bad;         /* of the disk tier; damaged, or not there */
    int32_t expired;            /* extents nobody asked for in MN_DAYS days */
    uint64_t strange;           /* files that no extent has */
    uint64_t file_bytes, strange_bytes, expired_bytes;
    uint64_t charged, held; /* bytes extents say they hold, and that their ranges do hold */
    uint64_t beyond, warm;  /* of those, that no extent says it holds; held for nobody */
    uint64_t left;          /* bytes that went, when it was to be mended */
} mn_region_health;
/* Look through all of a region: its words, its pages, its index, and every byte of its files.
 * mend: the dead are buried, and what is damaged, expired or nobody's goes. `wrong` receives a line
 * for each thing that is damaged (may be NULL). progress may be NULL. */
MN_API int mn_region_check(mn_region *region, int mend, const mn_progress *progress,
                           void (*wrong)(void *user, const char *line), void *user,
                           mn_region_health *out);

/* ---- objects: values with names, in the region, that all processes see change --------------- */
/* A key is UTF-8, 1 to 255 bytes, no control characters; "/" makes folders of them. A value is at
 * most MN_VALUE_MAX bytes, replaced as a whole. Versions of one key only grow. No call waits for
 * another process, dead, stopped or slow; what was put survives the death of any. After fork the
 * child opens a region of its own. Any thread may call. */
enum { MN_VALUE_MAX = 1048256 };
typedef struct mn_put_options {
    uint64_t ttl_ms; /* the object goes after so long; 0: never */
    int check;       /* 1: only if its version is `version` now (0: it is not there) */
    uint64_t version;
    uint64_t keep; /* mn_log_append: only the newest so many records stay; 0: all */
    int durable;   /* 1: return when it is on disk, too: it survives the machine. It stays so: later
                      changes of this object are synced before they return */
} mn_put_options;
typedef struct mn_object {
    const char *key;  /* borrowed for the call */
    uint64_t version; /* of a log: of one of its records */
    uint64_t size;    /* bytes of the value, of a log all of them */
    uint64_t age_ms;  /* since it was put; of a log, since the last record was */
    uint64_t ttl_ms;  /* time left; 0: no end */
    int64_t records;  /* of a log; -1: a value */
    uint64_t number;  /* mn_log_read and records that change: which it is */
    int durable;      /* it is on disk; of a log, all of it */
} mn_object;
/* options and version may be NULL; *version is the new one. MN_ECONFLICT: `check` failed, the
 * sentence has both versions; MN_ETOOLONG; MN_EFULL: the region is, or has no cell left. When what
 * was to be durable could not be written (MN_EIO, MN_EFULL) it is there, in memory alone. */
MN_API int mn_object_put(mn_region *region, const char *key, const void *value, size_t n,
                         const mn_put_options *options, uint64_t *version);
/* The number of bytes, also when it exceeds `cap` (then nothing beyond cap is written); MN_ENOENT.
 * The bytes are those of one put, never of two. about may be NULL. */
MN_API int mn_object_get(mn_region *region, const char *key, void *value, size_t cap,
                         mn_object *about);
/* The value and the log of that key go. MN_ENOENT: there was neither; MN_ECONFLICT. */
MN_API int mn_object_del(mn_region *region, const char *key, const mn_put_options *options);
typedef struct mn_object_edit {
    const char *key;
    enum { MN_COMMIT_CHECK = 1, MN_COMMIT_PUT, MN_COMMIT_DEL } kind; /* CHECK: it stays as it is */
    int check;        /* as of mn_put_options; a CHECK always does */
    uint64_t version; /* of a PUT: in the end, its new one */
    const void *value;
    size_t n;
} mn_object_edit;
/* 1 to 16 edits of different keys, of values alone: readers see all of them or none, whoever dies.
 * MN_ECONFLICT names the key and both versions; MN_EINVAL: what is to be changed is durable. A DEL
 * of what is not there is fine. Who wants a key meanwhile stops it; it begins again; MN_EBUSY. */
MN_API int mn_object_commit(mn_region *region, mn_object_edit *edits, size_t n);
/* Objects and logs whose keys begin with `prefix`, by key. Non-zero stops, and is returned. */
MN_API int mn_object_list(mn_region *region, const char *prefix,
                          int (*each)(void *user, const mn_object *object), void *user);
/* A log is read from any number on; records have numbers from 0, in the order they were appended.
 * *number (may be NULL): of this record. MN_EFULL as above. */
MN_API int mn_log_append(mn_region *region, const char *key, const void *value, size_t n,
                         const mn_put_options *options, uint64_t *number);
/* The first record there is with a number of at least `from`: its bytes, as mn_object_get;
 * about->number says which it is. MN_ENOENT: there is none yet (watch the key). */
MN_API int mn_log_read(mn_region *region, const char *key, uint64_t from, void *value, size_t cap,
                       mn_object *about);
typedef struct mn_watcher mn_watch;
/* Flags: this key only, not what begins with it; what is there is told first, as if just put. */
enum { MN_WATCH_KEY = 1, MN_WATCH_ALL = 2 };
typedef struct mn_change {
    enum { MN_PUT = 1, MN_DELETED, MN_EXPIRED, MN_APPENDED } kind;
    mn_object object;  /* key and value are borrowed until the next call */
    const void *value; /* MN_PUT, MN_APPENDED: object.size bytes, a NUL behind them */
} mn_change;
/* Changes of keys that begin with `prefix`. One thread at a time; close it before the region. */
MN_API int mn_watch_open(mn_region *region, const char *prefix, unsigned flags, mn_watch **out);
/* Sleep until there is one: 1, or 0 when timeout_ms (-1: for ever) have passed. Who is slower than
 * the changes is told the last of each object; records are told each. */
MN_API int mn_watch_next(mn_watch *watch, int64_t timeout_ms, mn_change *out);
MN_API void mn_watch_close(mn_watch **watch);

/* ---- models ------------------------------------------------------------------------------- */
typedef struct mn_model mn_model;
enum { MN_ANY = 0, MN_WRITES = 1, MN_EMBEDS = 2 }; /* what a model must be good for */
typedef struct mn_model_options {
    int threads;          /* compute threads; 0: one per core */
    int kind;             /* MN_WRITES, MN_EMBEDS: of ours, others are refused before fetching */
    int no_pull;          /* do not fetch a missing model: MN_ENOENT instead */
    int bf16;             /* 1: attention multiplies in BF16, numerics "b1" instead of "c1" */
    mn_region *region;    /* keys and values are looked for there, and left there; NULL: nowhere */
    int private_;         /* 1: take from the region, leave nothing in it */
    mn_progress progress; /* for pulling and packing */
    /* A line for the user: licence terms of a pulled model, no room for the packed weights. */
    void (*notice)(void *user, const char *line);
    void *notice_user;
} mn_model_options;
/* Open a model by a name of `omnesia models`, or by the path of a GGUF file, or of a safetensors
 * file of the BERT family, config.json and vocab.txt beside it. options may be NULL. */
MN_API int mn_model_open(const char *name_or_path, const mn_model_options *options, mn_model **out);
MN_API void mn_model_close(mn_model **model);
/* Conversations with this system message share its keys and values whatever their tenants: how many
 * tokens of them (whole steps of 64). Before the model is asked for anything. */
MN_API int mn_model_share(mn_model *model, const char *system);
typedef struct mn_model_info {
    const char *name, *architecture; /* borrowed from the model */
    int32_t n_vocab, n_context, n_layer, n_embd;
    uint64_t file_bytes, weight_bytes; /* of the file; packed weights this process maps */
    uint64_t parameters;
    const char *isa;      /* kernels in use: "avx512" */
    const char *numerics; /* name of the arithmetic: "c1" or "b1" */
    int threads;
    int embedding; /* 1: makes vectors (mn_embed), no text */
} mn_model_info;
MN_API void mn_model_describe(const mn_model *model, mn_model_info *out);

/* ---- text and tokens ---------------------------------------------------------------------- */
enum {
    MN_SPECIAL = 1, /* encode: special-token text counts; decode: special tokens are shown */
    MN_BEGIN = 2,   /* encode: add the begin token the model asks for */
};
/* The number of tokens, also when it exceeds `cap` (then nothing beyond cap is written). */
MN_API int mn_encode(const mn_model *model, const char *text, size_t n, unsigned flags,
                     int32_t *ids, size_t cap);
/* The number of bytes, also when it exceeds `cap`. No NUL is added. */
MN_API int mn_decode(const mn_model *model, const int32_t *ids, size_t n, unsigned flags,
                     char *text, size_t cap);
/* The vector of a text, of length 1, from a model for embeddings: out[n_embd], and in *tokens (may
 * be NULL) how many it has. MN_ETOOLONG: more than the model reads. Any thread, one at a time. */
MN_API int mn_embed(mn_model *model, const char *text, size_t n, float *out, int32_t *tokens);
/* The same of many texts, short ones together: out[n_texts, n_embd], tokens[n_texts] or NULL. The
 * vectors are those mn_embed makes, bit for bit. Non-zero of progress stops with MN_ECANCELLED. */
typedef struct mn_text {
    const char *text;
    size_t n;
} mn_text;
MN_API int mn_embed_all(mn_model *model, const mn_text *texts, size_t n_texts, float *out,
                        int32_t *tokens, const mn_progress *progress);
/* A vocabulary without its model, also from a file that holds nothing else. The rest as above. */
typedef struct mn_vocab mn_vocab;
MN_API int mn_vocab_open(const char *name_or_path, const mn_model_options *options, mn_vocab **out);
MN_API void mn_vocab_close(mn_vocab **vocab);
MN_API int mn_vocab_encode(const mn_vocab *vocab, const char *text, size_t n, unsigned flags,
                           int32_t *ids, size_t cap);
MN_API int mn_vocab_decode(const mn_vocab *vocab, const int32_t *ids, size_t n, unsigned flags,
                           char *text, size_t cap);
/* How many bytes of the text have no token, and are left out by mn_vocab_encode. */
MN_API size_t mn_vocab_missing(const mn_vocab *vocab, const char *text, size_t n);

/* ---- answers: the whole loop -------------------------------------------------------------- */
typedef struct mn_turn {
    const char *role, *content; /* "system", "user" or "assistant" */
} mn_turn;
typedef struct mn_bias {
    int32_t id;
    float bias;
} mn_bias;
typedef struct mn_alternative {
    int32_t id; /* -1: fewer tokens than asked for have any chance */
    float logprob;
} mn_alternative;
typedef struct mn_token { /* of an answer; borrowed for the call */
    int32_t id;
    float logprob; /* natural logarithm, of the distribution before any sampling option */
    const mn_alternative *top; /* [n_top] the likeliest, best first */
    int32_t n_top;
} mn_token;
typedef struct mn_request {
    const char *prompt;   /* the user's words; used when n_turns is 0 */
    const mn_turn *turns; /* a conversation, oldest first */
    size_t n_turns;
    const char *messages; /* a conversation as OpenAI's clients send it, JSON, instead; NULL */
    const char *recalled; /* of mn_mem_recall: goes before the last question, as data; NULL */
    const char *tools;    /* what the model may call: OpenAI's JSON array, for the template; NULL */
    const char *grammar;  /* the answer follows it: a JSON schema ("{..."), or GBNF; NULL */
    const char *system;   /* system message; NULL: the template's own, if any */
    int raw;              /* prompt is the text itself: no chat template */
    int drop_oldest;      /* a conversation that does not fit loses its oldest turns */
    int32_t max_tokens;   /* 0: until the model ends or the context is full */
    int32_t context;      /* tokens of context; 0: the model's own */
    int kv_q8;            /* 1: KV cache in q8 instead of f16 */
    float temp, top_p, min_p, typical_p, repeat_penalty, presence_penalty, frequency_penalty;
    int32_t top_k, repeat_last_n;
    uint64_t seed;           /* 0: from the clock */
    const char *const *stop; /* texts that end the answer */
    size_t n_stop;
    const mn_bias *bias;
    size_t n_bias;
    int ignore_eos;        /* end tokens do not end the answer, they are never drawn */
    const uint8_t *tenant; /* 32 bytes: what is computed is shared within this tenant only; NULL */
    const char *owner;     /* a name for mn_loop_jobs; NULL */
    int patient;           /* 1: nobody waits for it: a loop serves those first who are not */
    /* Called for each token of the answer, before its text; NULL. Non-zero ends the answer. */
    int (*on_token)(void *user, const mn_token *token);
    int32_t top_logprobs; /* how many on_token shall see, at most 20 */
    /* Receives the text as it is made, whole UTF-8 sequences only. Non-zero ends the answer. */
    int (*on_text)(void *user, const char *text, size_t n);
    void *user;
    mn_progress progress; /* prefill of long prompts */
} mn_request;
MN_API mn_request mn_request_default(void);
/* The text a request becomes: the bytes of it, also when they exceed `cap`. No NUL is added. */
MN_API int mn_apply_template(const mn_model *model, const mn_request *request, char *text,
                             size_t cap);
typedef struct mn_stats {
    int32_t prompt_tokens, tokens;
    int32_t cached_tokens;   /* of the prompt, that needed no computing */
    const char *cached_from; /* where most were: "own" (its last answer), "process", "disk"; NULL */
    int64_t cached_by;       /* process id of who computed most of them; 0: this one */
    int32_t dropped_turns;   /* by drop_oldest */
    int32_t full_context;    /* the context, when it was full before the answer ended, or 0 */
    double prefill_tps, decode_tps; /* computed tokens per second; 0: nothing measured */
    double first_token_ms;          /* from the start of mn_answer */
    const char *finish;             /* "stop" (end token or stop text), "length", "cancelled" */
} mn_stats;
/* Answer. stats may be NULL. MN_ETOOLONG: the prompt exceeds the context. A prompt that begins as
 * the last one is computed from where they differ (same context, same kv_q8), to the same bytes. */
MN_API int mn_answer(mn_model *model, const mn_request *request, mn_stats *stats);
/* Ask a model behind somebody's URL, "https://host/v1#model" (OpenAI's form; its key is in
 * OMNESIA_ENDPOINT_KEY). messages, and schema or NULL, are JSON; *answer is freed with
 * mn_free_text. 1: it is whole; 0: it was cut short. MN_EIO, MN_EBUSY: host, status and why. */
MN_API int mn_endpoint_ask(const char *endpoint, const char *messages, const char *schema,
                           int32_t max_tokens, char **answer);
/* What an answer to this request would find cached; nothing is computed. */
typedef struct mn_cached {
    int32_t prompt_tokens, cached_tokens;
    int32_t coming_tokens; /* cached, when those who are computing them now go on */
    int32_t spans;         /* pieces of the region the cached ones lie in */
    int32_t disk_tokens;   /* of the cached ones, on disk alone */
    int64_t by;            /* process id of who computed most of them; 0: none */
    char next[96];         /* the text behind them begins like this */
} mn_cached;
MN_API int mn_explain(mn_model *model, const mn_request *request, mn_cached *out);
/* What of this request is cached never leaves, neither for want of room nor with time, also in the
 * next region that takes up its files; or, on 0, it may leave again. *tokens of *all are there. */
MN_API int mn_region_pin(mn_model *model, const mn_request *request, int on, int32_t *tokens,
                         int32_t *all);
typedef struct mn_carried {
    uint64_t rows, bytes; /* of `extents`: tokens, and bytes of their files */
    int32_t extents;      /* that went into the file, or came into the region */
    int32_t there;        /* import: that the region had already */
    int32_t left;         /* left out. Export: still growing, less than 64 tokens, or behind such;
                             import: the region has no room */
} mn_carried;
/* All that is in a region, or with a model what is cached of a request to it, goes into a file at
 * `path`, which is complete or absent. MN_ENOENT: there is nothing; MN_EUNSUPPORTED: the region was
 * made without a disk tier. progress may be NULL. */
MN_API int mn_region_export(mn_region *region, mn_model *model, const mn_request *request,
                            const char *path, const mn_progress *progress, mn_carried *out);
/* What such a file holds comes into a region: all of it is checked before anything is changed, what
 * is there already is not doubled, older things may leave the disk for it. MN_ECORRUPT, MN_EINVAL:
 * damaged, or something else; MN_EFULL. Its maker is believed: rows are as if computed here. */
MN_API int mn_region_import(mn_region *region, const char *path, const mn_progress *progress,
                            mn_carried *out);
/* Ask a running mn_answer of this model to stop; from any thread, and from a signal handler. */
MN_API void mn_cancel(mn_model *model);

/* ---- many answers at once ------------------------------------------------------------------ */
/* One loop that never ends: answers join it at any step and leave it at any other, those of all
 * models given to it in turn; a step has a fixed number of tokens, first one for each answer that
 * is being written, then pieces of prompts. What they give is what mn_answer gives. Any thread may
 * call; callbacks come from the loop's own threads, and must not wait. */
typedef struct mn_loop mn_loop;
typedef struct mn_job mn_job;
typedef struct mn_loop_options {
    const char *order;   /* who comes next: "fcfs", "fair" (by owner), "batch"; NULL: "fcfs" */
    int32_t step_tokens; /* of each step; 0: as few as keep everybody's time (docs/SERVE.md) */
    int32_t slots;       /* answers at once, at most 64; 0: 64 */
    int32_t waiting;     /* answers that may wait for a slot; 0: 1,024 */
} mn_loop_options;
MN_API int mn_loop_open(const mn_loop_options *options, mn_loop **out); /* NULL: the defaults */
/* Find now, before it is asked, how many tokens a step of this model should have. */
MN_API int mn_loop_ready(mn_loop *loop, mn_model *model);
MN_API void mn_loop_close(mn_loop **loop); /* what is still there ends as "cancelled" first */
/* Ask: returns at once. The request is copied, with its texts. `done` is called once, as the last
 * callback: 0 and the stats, or MN_E* (mn_error_detail() has the sentence) and what there is of
 * them. MN_EFULL: too many wait already, nothing will be called. The model stays open as long. */
MN_API int mn_loop_ask(mn_loop *loop, mn_model *model, const mn_request *request,
                       void (*done)(void *user, int rc, const mn_stats *stats), mn_job **out);
MN_API void mn_job_cancel(mn_job *job);   /* it ends within a step; `done` still comes */
MN_API void mn_job_release(mn_job **job); /* the handle only; at any time, also after `done` */
typedef struct mn_loop_info {
    int32_t running, waiting, slots, step_tokens; /* step_tokens: of the model that ran last */
    uint64_t steps, busy_us;                      /* so far; time spent in them */
    uint64_t read, cached, written; /* tokens: computed of prompts, not computed, made */
    uint64_t ended, cancelled, failed, preempted; /* answers; that gave way, and came back */
} mn_loop_info;
MN_API void mn_loop_describe(mn_loop *loop, mn_loop_info *out);
typedef struct mn_job_info {
    uint64_t id;
    const char *owner, *model; /* borrowed for the call; owner may be NULL */
    const char *state;         /* "waiting", "reading", "writing" */
    double age_ms;
    int32_t prompt_tokens, cached_tokens, tokens, n_extents;
    uint64_t extent[16]; /* where its keys and values lie, as mn_region_extents names them */
} mn_job_info;
MN_API int mn_loop_jobs(mn_loop *loop, int (*each)(void *user, const mn_job_info *job), void *user);

/* ---- sessions: one sequence, token by token ------------------------------------------------- */
typedef struct mn_session mn_session;
MN_API int mn_session_open(mn_model *model, int32_t context, int kv_q8, mn_session **out);
MN_API void mn_session_close(mn_session **session);
/* Append n tokens and compute. logits, when not NULL, receives [n_logits, n_vocab] for the last
 * n_logits of them. MN_ETOOLONG when the context is full: nothing was appended. */
MN_API int mn_session_eval(mn_session *session, const int32_t *ids, int32_t n, float *logits,
                           int32_t n_logits);
MN_API int32_t mn_session_length(const mn_session *session);
MN_API int mn_session_trim(mn_session *session, int32_t length); /* forget what lies beyond */
/* An empty session takes the longest beginning of ids[n] that the region has: how many tokens. */
MN_API int mn_session_match(mn_session *session, const int32_t *ids, int32_t n);
/* Another session that begins with the first n tokens of this one; nothing is copied. */
MN_API int mn_session_fork(const mn_session *session, int32_t n, mn_session **out);
/* A name of what a session holds, for other processes of this user: who attaches it to an empty
 * session of the same model has the same tokens, read and known, without computing. It is good as
 * long as the region keeps them; MN_ENOENT then: compute. extent 0: this process alone has them. */
typedef struct mn_name {
    uint64_t extent;
    int32_t length;
} mn_name;
MN_API mn_name mn_session_name(const mn_session *session);
MN_API int mn_session_attach(mn_session *session, const mn_name *name);
/* Take what the writer of the matched or attached tokens has added since, waiting for it wait_ms at
 * most (-1: as long as it lives): how many tokens. */
MN_API int mn_session_follow(mn_session *session, int wait_ms);
/* The session's own tokens are complete: they are brought to disk while the session goes on. */
MN_API void mn_session_seal(mn_session *session);
/* Up to n of its tokens, from `from` on, into ids: how many. */
MN_API int mn_session_tokens(const mn_session *session, int32_t from, int32_t *ids, int32_t n);

/* ---- what agents remember ------------------------------------------------------------------- */
/* Records of what was said, as it was said: whose they are, when they were true, where they are
 * from. All processes of a user share one store; what was added is found at once, by all, and
 * survives any death. Updates are new versions. No model rewrites what is there. Any thread. */
typedef struct mn_mem mn_mem;
typedef struct mn_mem_options {
    mn_region *region;    /* where searches find vectors of large stores, and changes are told */
    const char *model;    /* for vectors; NULL: minilm-l6; "none": words alone */
    int durable;          /* 1: an add returns when it is on disk: it survives a power cut */
    const char *organise; /* after each add, by: "mem0", "amem:MODEL", "zep:URL#MODEL"; NULL */
    int background;       /* 1: a thread makes vectors of what has none, and organises */
    int pull, private_;   /* 1: the model is fetched, or words do; 1: no vector is left in region */
    mn_progress progress; /* for fetching it */
    int (*tell)(void *user, const char *line); /* how {"do": "write"} goes, or NULL: nothing new; */
    void *tell_user; /* non-zero stops it. Also what keeps the thread from its work, once */
} mn_mem_options;
/* store NULL: $OMNESIA_DATA/memory.db; else a path, or postgres://..; made when absent. */
MN_API int mn_mem_open(const char *store, const mn_mem_options *options, mn_mem **out);
MN_API void mn_mem_close(mn_mem **mem);
/* Who asks. A call without a user fails: nothing is taken for granted down here. */
typedef struct mn_scope {
    const char *tenant;      /* NULL or "": the local one; whoever serves several sets it by key */
    const char *user;        /* never NULL or "" */
    const char *agent, *run; /* NULL: a record of none is added, those of all are found */
} mn_scope;

#define MN_UNKNOWN INT64_MIN
typedef struct mn_record {
    int64_t id; /* of all versions of it; never used again */
    const char *text;
    size_t n;         /* its bytes, at most MN_RECORD_MAX; UTF-8 */
    const char *time; /* when it was said, as written; NULL: now; not understood: unknown */
    /* "" or NULL: none. Turns of one session are each other's context; meta is a JSON object. */
    const char *session, *speaker, *ref, *source, *kind, *agent, *run, *meta;
    /* Microseconds since 1970 or MN_UNKNOWN. True from .. until (when added, 0: since `time`,
     * with no end); it came into the store, and another version took its place (found alone). */
    int64_t from, until, created, expired;
    double score; /* of a search, found alone; the best has at most 1 */
} mn_record;
enum { MN_RECORD_MAX = 1 << 20 };
/* All of them or none, in their order; ids[n] or NULL. MN_EFULL: the disk is. */
MN_API int mn_mem_add(mn_mem *mem, const mn_scope *scope, const mn_record *records, size_t n,
                      int64_t *ids);
/* Which records. NULL and 0 ask for nothing in particular. */
typedef struct mn_find {
    const char *query; /* best first; NULL: in the order they came */
    int32_t k;         /* so many at most; 0: of a query 10, else all */
    int32_t budget;    /* texts of so many tokens together at most, but one in any case */
    const char *as_of; /* what was true then (a date: at its end) */
    int64_t id, after; /* this one; those that came after this one */
    const char *session, *source, *ref, *kind, *apart; /* apart: not of it; of edges, ref: whose */
    int32_t versions, newest; /* 1: what they were before, too; the last first, alone */
    const char *value, *key, *times, *rank; /* of a query: docs/MEMORY.md, "How it is searched" */
} mn_find;
/* Each is borrowed for the call, which may not ask `mem` for anything; non-zero stops, and is
 * returned; else how many. MN_ENOENT: `id` is no record of this scope. */
MN_API int mn_mem_find(mn_mem *mem, const mn_scope *scope, const mn_find *what,
                       int (*each)(void *user, const mn_record *record), void *user);
/* What is found, as a text for mn_request.recalled: each record with its id, time and speaker,
 * marked as data of others; freed with mn_free_text, NULL: nothing. `each` (or NULL) sees them. */
MN_API int mn_mem_recall(mn_mem *mem, const mn_scope *scope, const mn_find *what, char **text,
                         int (*each)(void *user, const mn_record *record), void *user);
/* 1: it asks about somebody ("my uncle Felix"), and no record that names them is near: that is not
 * known, and no model need be asked; 0: nobody can tell. *near: the best cosine, 1; or NULL. */
MN_API int mn_mem_unknown(mn_mem *mem, const mn_scope *scope, const char *question, double *near);
/* Record `id` is now what `now` says (its text, and time: since when; other fields stay). */
MN_API int mn_mem_update(mn_mem *mem, const mn_scope *scope, int64_t id, const mn_record *now);
/* They go, with their versions, from all files; `all` where `what` names nothing. How many. */
MN_API int64_t mn_mem_forget(mn_mem *mem, const mn_scope *scope, const mn_find *what, int all);
/* What waits is organised, and gets vectors; `again`: all, or new ones if nobody does. How many. */
MN_API int64_t mn_mem_embed(mn_mem *mem, int again, const mn_progress *progress);
/* The key of the object that changes whenever something of this user does; for mn_watch_open. */
MN_API int mn_mem_topic(const mn_scope *scope, char key[256]);
typedef struct mn_carry {
    int64_t added, there, wrong, skipped; /* skipped: said by nobody, such as what tools put out */
} mn_carry;
/* format NULL: by what it is; "jsonl", "markdown", "mcp", "mem0", "chatgpt". wrong: what is not */
MN_API int mn_mem_import(mn_mem *mem, const mn_scope *scope, const char *path, const char *format,
                         const mn_progress *progress, void (*wrong)(void *user, const char *line),
                         void *user, mn_carry *out);
MN_API int64_t mn_mem_export(mn_mem *mem, const mn_scope *scope, const char *path,
                             const char *format, const mn_progress *progress);
/* All of a store, of all users, goes to a new one; it is read back before it counts: everything or
 * nothing. *result {"users", "rows", "vectors", "links", "digest"}, freed with mn_free_text. */
MN_API int mn_mem_migrate(const char *from, const char *to, const mn_progress *p, char **result);
/* What agents plan: trees of tasks, kept as records. A call and its result (mn_free_text) are JSON,
 * by docs/TASKS.md: {"do": "step", "parent": 12, "slot": "Hotel"}, {"do": "verbs"}. Any thread. */
MN_API int mn_task_do(mn_mem *mem, const mn_scope *scope, const char *json, char **result);

/* ---- the model store ---------------------------------------------------------------------- */
typedef struct mn_store_entry {
    const char *name;    /* what mn_model_open accepts */
    const char *path;    /* NULL: not fetched yet */
    const char *source;  /* "omnesia", "ollama", "llama.cpp", "lm-studio", "hugging-face" */
    const char *licence; /* NULL: unknown */
    const char *about;   /* one line; may be NULL */
    uint64_t bytes;
    int embedding; /* 1: makes vectors, not text */
} mn_store_entry;
/* Every model that can be used here; borrowed for the call. Non-zero stops. */
MN_API int mn_store_list(int (*each)(void *user, const mn_store_entry *entry), void *user);
/* Fetch a named model unless it is here; its absolute path in *path, freed with mn_free_text.
 * `notice` receives licence terms and the like (may be NULL). MN_ENOENT lists the known names. */
MN_API int mn_store_pull(const char *name, const mn_progress *progress,
                         void (*notice)(void *user, const char *line), void *user, char **path);
MN_API void mn_free_text(char *text);
/* A sentence on the best larger model for this machine, once; freed with mn_free_text; or NULL. */
MN_API int mn_store_hint(const char *model, char **text);

/* ---- looking ------------------------------------------------------------------------------ */
/* Metadata and tensors of a GGUF file or named model; the state of this installation. By line. */
MN_API int mn_inspect(const char *path, void (*line)(void *user, const char *text), void *user);
MN_API int mn_doctor(void (*line)(void *user, const char *text), void *user);

#ifdef __cplusplus
}
#endif
#endif
