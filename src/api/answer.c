/* SPDX-License-Identifier: Apache-2.0
 *
 * api/answer.c - the spine: the whole way of a request, clause by clause (docs/TOUR.md).
 *
 *   prompt -> ids (template, tokenizer) -> room in the context
 *          -> kept: the last answer's session, or what the region has of them
 *          -> await: what another process is computing just now
 *          -> step: prefill of the rest -> sample -> text -> caller
 *                                                          ^------ step: one token <-----'
 */
#include "api/model.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "engine/sample.h"

#include <string.h>
#include <time.h>

mn_request mn_request_default(void) {
    return (mn_request){.system = "You are a helpful AI assistant.",
                        .temp = 0.8f,
                        .top_k = 40,
                        .top_p = 0.95f,
                        .min_p = 0.05f,
                        .typical_p = 1.0f,
                        .repeat_penalty = 1.0f,
                        .repeat_last_n = 64};
}

/* One answer on its way. */
typedef struct answer {
    mn_model *m;
    const mn_request *r;
    mn_session *session;
    mn_sampler *sampler;
    mn_stopper *stopper;
    float *logits; /* [V] */
    size_t logits_bytes;
    mn_buf ids; /* int32_t: of the prompt, then those that were stepped */
    mn_buf text;
    mn_stats stats;
} answer;

static int going(void *user) {
    answer *a = user;
    if (atomic_load(&a->m->cancel)) return 0;
    const mn_progress *p = &a->r->progress;
    const int n = mn_session_length(a->session);
    return !p->report || n >= a->stats.prompt_tokens ||
           p->report(p->user, "reading the prompt", (uint64_t)n,
                     (uint64_t)a->stats.prompt_tokens) == 0;
}

/* Tokens that old turns make room for: what the answer may have, a quarter of the context at
 * most. */
static int wanted(const mn_request *r, int context) {
    const int quarter = context / 4 > 1 ? context / 4 : 1;
    return r->max_tokens > 0 && r->max_tokens < quarter ? r->max_tokens : quarter;
}

/* ids of the prompt, within the context: oldest turns go first when the request allows it. */
static int prompt(answer *a, int context) {
    const size_t own = a->r->n_turns && strcmp(a->r->turns[0].role, "system") == 0;
    size_t drop = 0;
    for (;;) {
        mn_buf_clear(&a->ids);
        MN_TRY(mn_prompt_encode(a->m, a->r, drop, &a->ids));
        const int n = (int)(a->ids.len / sizeof(int32_t));
        a->stats.prompt_tokens = n;
        a->stats.dropped_turns = (int32_t)drop;
        const int droppable = a->r->drop_oldest && own + drop + 1 < a->r->n_turns;
        if (n > 0 && n <= context - (droppable ? wanted(a->r, context) : 1)) return 0;
        if (!n) return MN_FAIL(MN_EINVAL, "the prompt is empty");
        if (!droppable)
            return MN_FAIL(
                MN_ETOOLONG,
                "the prompt has %d tokens, but the context holds %d (one must be left for "
                "the answer); shorten it or raise --ctx (this model was trained with %d)",
                n, context, a->m->net->context);
        do drop++; /* whole exchanges: many templates insist that the user begins */
        while (own + drop < a->r->n_turns && strcmp(a->r->turns[own + drop].role, "user") != 0);
    }
}

static int step(answer *a, const int32_t *ids, int n) {
    return mn_session_step(a->session, ids, n, a->logits, 1, going, a);
}

/* Show text; 1 when the caller has had enough. */
static int show(answer *a, const char *text, size_t n) {
    return n && a->r->on_text ? a->r->on_text(a->r->user, text, n) != 0 : 0;
}

/* One token's text through the stop strings to the caller: 1 ends the answer. */
static int say(answer *a, int32_t id) {
    const char *emit;
    size_t n;
    mn_buf_clear(&a->text);
    MN_TRY(mn_tokenizer_decode(a->m->net->tokenizer, &id, 1, 0, &a->text));
    const int stopped =
        mn_stopper_feed(a->stopper, a->text.data ? a->text.data : "", a->text.len, &emit, &n);
    MN_TRY(stopped);
    if (show(a, emit, n)) {
        a->stats.finish = "cancelled";
        return 1;
    }
    if (stopped) a->stats.finish = "stop";
    return stopped;
}

static int generate(answer *a) {
    const int context = mn_seq_context(a->session->seq);
    const int most = a->r->max_tokens > 0 ? a->r->max_tokens : context;
    a->stats.finish = "length";
    while (a->stats.tokens < most) {
        int32_t id;
        MN_TRY(mn_sampler_next(a->sampler, a->logits, &id, NULL));
        mn_sampler_accept(a->sampler, id);
        if (mn_tokenizer_is_end(a->m->net->tokenizer, id)) {
            a->stats.finish = "stop";
            break;
        }
        a->stats.tokens++;
        const int ended = say(a, id);
        MN_TRY(ended);
        if (ended || a->stats.tokens == most) break;
        if (mn_session_length(a->session) >= context) {
            a->stats.full_context = context;
            break;
        }
        MN_TRY(mn_buf_append(&a->ids, &id, sizeof id));
        const int rc = step(a, &id, 1);
        if (rc == MN_ECANCELLED) {
            a->stats.finish = "cancelled";
            break;
        }
        MN_TRY(rc);
    }
    const char *emit;
    size_t n;
    MN_TRY(mn_stopper_flush(a->stopper, &emit, &n));
    show(a, emit, n);
    return 0;
}

static int prepare(answer *a, int context) {
    const mn_request *r = a->r;
    const int32_t *ids = (const int32_t *)(const void *)a->ids.data;
    const int n = a->stats.prompt_tokens;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    const mn_sampling how = {
        .temp = r->temp,
        .top_k = r->top_k,
        .top_p = r->top_p,
        .min_p = r->min_p,
        .typical_p = r->typical_p,
        .repeat_penalty = r->repeat_penalty,
        .presence_penalty = r->presence_penalty,
        .frequency_penalty = r->frequency_penalty,
        .repeat_last_n = r->repeat_last_n,
        .seed = r->seed ? r->seed : (uint64_t)t.tv_sec * 1000000007u + (uint64_t)t.tv_nsec,
        .bias = (const mn_logit_bias *)(const void *)r->bias,
        .n_bias = r->n_bias};
    _Static_assert(sizeof(mn_bias) == sizeof(mn_logit_bias), "one shape under two names");
    MN_TRY(mn_kept_resume(a->m, context, r->kv_q8, ids, n, &a->session));
    MN_TRY(mn_sampler_open(&how, a->m->net->V, &a->sampler));
    MN_TRY(mn_stopper_open(r->stop, r->n_stop, &a->stopper));
    a->logits_bytes = (size_t)a->m->net->V * sizeof(float);
    void *p;
    MN_TRY(mn_alloc_pages(a->logits_bytes, "logits", &p));
    a->logits = p;
    for (int i = 0; i < n; i++) mn_sampler_accept(a->sampler, ids[i]);
    return 0;
}

/* Prefill: what the session does not hold yet, and nobody else is computing. */
static int read_rest(answer *a) {
    const int32_t *ids = (const int32_t *)(const void *)a->ids.data;
    MN_TRY(mn_session_await(a->session, ids, a->stats.prompt_tokens - 1, going, a));
    a->stats.cached_tokens = mn_session_length(a->session);
    a->stats.cached_from = a->stats.cached_tokens ? a->session->from : NULL;
    a->stats.cached_by = a->stats.cached_tokens ? mn_seq_writer(a->session->seq) : 0;
    const int n = a->stats.prompt_tokens - a->stats.cached_tokens;
    const double before = mn_clock_seconds();
    MN_TRY(step(a, ids + a->stats.cached_tokens, n));
    a->stats.prefill_tps = n / (mn_clock_seconds() - before);
    return 0;
}

/* What came from disk may turn out damaged where it is used: then it is gone, and the session
 * empty; what is still there is taken, and the rest computed. */
static int read_prompt(answer *a) {
    const int32_t *ids = (const int32_t *)(const void *)a->ids.data;
    int rc;
    while ((rc = read_rest(a)) == MN_ECORRUPT && !mn_session_length(a->session)) {
        MN_TRY(mn_seq_match(a->session->seq, ids, a->stats.prompt_tokens - 1, &a->session->coming));
        a->session->from = mn_session_source(a->session);
    }
    if (rc >= 0 && a->m->region)
        mn_region_tell(a->m->region, (uint64_t)a->stats.prompt_tokens,
                       (uint64_t)a->stats.cached_tokens);
    return rc;
}

static void close_all(answer *a) {
    mn_kept_take_back(&a->m->kept, &a->session, &a->ids);
    mn_sampler_close(&a->sampler);
    mn_stopper_close(&a->stopper);
    if (a->logits) mn_free_pages(a->logits, a->logits_bytes);
    mn_buf_free(&a->text);
}

int mn_answer(mn_model *m, const mn_request *request, mn_stats *stats) {
    answer a = {.m = m, .r = request};
    const double start = mn_clock_seconds();
    const int context = request->context > 0 ? request->context : m->net->context;
    atomic_store(&m->cancel, 0);
    int rc = prompt(&a, context);
    if (rc >= 0) rc = prepare(&a, context);
    if (rc >= 0) rc = read_prompt(&a);
    if (rc >= 0) {
        const double first = mn_clock_seconds();
        a.stats.first_token_ms = (first - start) * 1e3;
        rc = generate(&a);
        const double rest = mn_clock_seconds() - first;
        if (a.stats.tokens > 1 && rest > 0) a.stats.decode_tps = (a.stats.tokens - 1) / rest;
    }
    if (rc == MN_ECANCELLED) {
        a.stats.finish = "cancelled";
        rc = 0;
    }
    if (stats) *stats = a.stats;
    close_all(&a);
    return rc;
}
