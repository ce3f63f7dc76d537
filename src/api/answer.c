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
#include "api/answer.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

enum { TOP = 20 /* alternatives of a token */, LOOK_MS = 2 };

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

/* ---- begin -------------------------------------------------------------------------------- */
/* Tokens that old turns make room for: what the answer may have, a quarter of the context at
 * most. */
static int wanted(const mn_request *r, int context) {
    const int quarter = context / 4 > 1 ? context / 4 : 1;
    return r->max_tokens > 0 && r->max_tokens < quarter ? r->max_tokens : quarter;
}

/* ids of the prompt, within the context: oldest turns go first when the request allows it. */
static int prompt(mn_answering *a) {
    const size_t own =
        a->r->n_turns && !a->r->messages && strcmp(a->r->turns[0].role, "system") == 0;
    size_t drop = 0;
    for (;;) {
        mn_buf_clear(&a->ids);
        MN_TRY(mn_prompt_encode(a->m, a->r, drop, &a->ids));
        const int n = mn_answering_ids(a);
        a->stats.prompt_tokens = n;
        a->stats.dropped_turns = (int32_t)drop;
        const int droppable =
            a->r->drop_oldest && !a->r->messages && own + drop + 1 < a->r->n_turns;
        if (n > 0 && n <= a->context - (droppable ? wanted(a->r, a->context) : 1)) return 0;
        if (!n) return MN_FAIL(MN_EINVAL, "the prompt is empty");
        if (!droppable)
            return MN_FAIL(
                MN_ETOOLONG,
                "the prompt has %d tokens, but the context holds %d (one must be left for "
                "the answer); shorten it or raise --ctx (this model was trained with %d)",
                n, a->context, a->m->net->context);
        do drop++; /* whole exchanges: many templates insist that the user begins */
        while (own + drop < a->r->n_turns && strcmp(a->r->turns[own + drop].role, "user") != 0);
    }
}

/* The biases of the request, and of end tokens that shall not be drawn. */
static int biases(const mn_answering *a, mn_buf *out) {
    MN_TRY(mn_buf_append(out, a->r->bias, a->r->n_bias * sizeof *a->r->bias));
    const mn_tokenizer *t = a->m->net->tokenizer;
    for (int32_t i = 0; a->r->ignore_eos && i < a->m->net->V && i < mn_tokenizer_size(t); i++)
        if (mn_tokenizer_is_end(t, i))
            MN_TRY(mn_buf_append(out, &(mn_logit_bias){i, -INFINITY}, sizeof(mn_logit_bias)));
    return 0;
}

static int open_sampler(mn_answering *a) {
    const mn_request *r = a->r;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    mn_buf bias = {0};
    _Static_assert(sizeof(mn_bias) == sizeof(mn_logit_bias), "one shape under two names");
    int rc = biases(a, &bias);
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
        .bias = (const mn_logit_bias *)(const void *)bias.data,
        .n_bias = bias.len / sizeof(mn_logit_bias)};
    if (rc >= 0) rc = mn_sampler_open(&how, a->m->net->V, &a->sampler);
    mn_buf_free(&bias);
    return rc;
}

static int open_matcher(mn_answering *a) {
    mn_grammar *g;
    if (!a->r->grammar) return 0;
    MN_TRY(mn_grammar_compile(a->r->grammar, strlen(a->r->grammar), &g));
    const int rc = mn_matcher_open(g, a->m->vocab, &a->matcher);
    mn_grammar_release(&g);
    return rc;
}

int mn_answering_begin(mn_answering *a, mn_model *m, const mn_request *r) {
    a->m = m;
    a->r = r;
    a->asked = mn_clock_ns();
    a->context = r->context > 0 ? r->context : m->net->context;
    if (r->top_logprobs < 0 || r->top_logprobs > TOP)
        return MN_FAIL(MN_EINVAL, "%d alternatives of each token: at most %d can be had",
                       r->top_logprobs, TOP);
    MN_TRY(prompt(a));
    MN_TRY(open_sampler(a));
    MN_TRY(open_matcher(a));
    MN_TRY(mn_stopper_open(r->stop, r->n_stop, &a->stopper));
    const int32_t *ids = (const int32_t *)(const void *)a->ids.data;
    for (int i = 0; i < a->stats.prompt_tokens; i++) mn_sampler_accept(a->sampler, ids[i]);
    if (r->tenant) a->open_to = mn_open_to(m, ids, a->stats.prompt_tokens - 1);
    a->stats.finish = "cancelled"; /* until it has another reason */
    return 0;
}

/* ---- seat --------------------------------------------------------------------------------- */
int mn_answering_seat(mn_answering *a) {
    const int32_t *ids = (const int32_t *)(const void *)a->ids.data;
    mn_session *s = a->session;
    if (!s && a->keeps && !a->r->tenant) {
        MN_TRY(
            mn_kept_resume(a->m, a->context, a->r->kv_q8, ids, mn_answering_ids(a), &a->session));
    } else {
        if (!s)
            MN_TRY(
                mn_session_open_for(a->m, a->context, a->r->kv_q8, a->r->tenant, a->open_to, &s));
        a->session = s;
        const int found =
            a->afresh ? 0 : mn_seq_match(s->seq, ids, mn_answering_ids(a) - 1, &s->coming);
        MN_TRY(found);
        s->from = found ? mn_session_source(s) : NULL;
    }
    a->news = mn_clock_ns();
    a->seated = mn_session_length(a->session);
    return 0;
}

/* How many of n tokens other machines may see: a tenant's own stay on this one. */
static int carried(const mn_answering *a, int n) {
    return a->r->tenant && n > a->open_to ? a->open_to : n;
}

/* Once, when nobody here has more of the prompt: 1 while it comes from another machine. */
static int comes_from_afar(mn_answering *a, const int32_t *ids) {
    mn_kv_layout l;
    if (!a->m->remote || (a->looked && !a->far)) return 0;
    if (!a->looked) {
        a->looked = 1;
        mn_engine_layout(a->m->engine, a->r->kv_q8 ? MN_KV_Q8 : MN_KV_F16, &l);
        MN_TRY(mn_far_begin(a->m->remote, &l, a->session->seq, ids,
                            carried(a, mn_answering_ids(a) - 1),
                            a->m->net->parameters * 2 * MN_KV_STEP / 50, &a->far));
        return a->far != NULL;
    }
    if (mn_far_go_on(a->far, a->session->seq, ids)) return 1;
    mn_far_end(&a->far);
    if (mn_session_length(a->session) > a->seated) a->session->from = "machine";
    a->seated = mn_session_length(a->session);
    return 0;
}

/* Its tokens so far may be taken by other machines. */
static void offer(mn_answering *a) {
    mn_kv_layout l;
    const int n = a->session ? carried(a, mn_session_length(a->session)) : 0;
    if (!a->m || !a->m->remote || n / MN_KV_STEP <= a->offered / MN_KV_STEP) return;
    mn_engine_layout(a->m->engine, a->r->kv_q8 ? MN_KV_Q8 : MN_KV_F16, &l);
    mn_far_offer(a->m->remote, &l, a->session->seq, n);
    a->offered = n;
}

int mn_answering_waits(mn_answering *a) {
    const int32_t *ids = (const int32_t *)(const void *)a->ids.data;
    if (a->far) return comes_from_afar(a, ids);
    if (a->afresh || mn_session_length(a->session) != a->seated) return 0;
    const int waits = mn_session_waits(a->session, ids, mn_answering_ids(a) - 1, &a->news);
    a->seated = mn_session_length(a->session);
    return waits ? waits : comes_from_afar(a, ids);
}

void mn_answering_unseat(mn_answering *a) {
    mn_far_end(&a->far);
    if (a->session) mn_seq_seal(a->session->seq);
    mn_session_close(&a->session);
}

/* The first step of an answer: what it did not have to compute is known now. */
static void note_cached(mn_answering *a) {
    const int n = mn_session_length(a->session);
    a->began = mn_clock_ns();
    a->stats.cached_tokens = n < a->stats.prompt_tokens ? n : a->stats.prompt_tokens - 1;
    a->stats.cached_from = n ? a->session->from : NULL;
    a->stats.cached_by = n ? mn_seq_writer(a->session->seq) : 0;
}

int mn_answering_left(mn_answering *a, const int32_t **ids, int *piece) {
    const int n = mn_session_length(a->session);
    if (n && n == a->cut) mn_seq_seal(a->session->seq);
    const int left = mn_answering_ids(a) - n, cut = n < a->cut ? a->cut - n : left;
    *piece = mn_seq_piece(a->session->seq, cut < left ? cut : left);
    *ids = (const int32_t *)(const void *)a->ids.data + n;
    if (!a->began || (!a->first && n <= a->stats.cached_tokens)) note_cached(a);
    return mn_answering_ids(a) - n;
}

/* ---- take --------------------------------------------------------------------------------- */
/* Show text; 1 when the caller has had enough. */
static int show(mn_answering *a, const char *text, size_t n) {
    return n && a->r->on_text ? a->r->on_text(a->r->user, text, n) != 0 : 0;
}

static int tell_token(mn_answering *a, int32_t id, float logprob, const float *logits) {
    mn_alternative top[TOP];
    _Static_assert(sizeof(mn_logprob) == sizeof(mn_alternative), "one shape under two names");
    if (!a->r->on_token) return 0;
    if (a->r->top_logprobs)
        mn_sample_top(a->sampler, logits, a->r->top_logprobs, (mn_logprob *)(void *)top);
    const mn_token token = {id, logprob, top, a->r->top_logprobs};
    return a->r->on_token(a->r->user, &token) != 0;
}

/* One token's text through the stop strings to the caller: 1 ends the answer. */
static int say(mn_answering *a, int32_t id) {
    const char *emit;
    size_t n;
    mn_buf_clear(&a->text);
    MN_TRY(mn_tokenizer_decode(a->m->net->tokenizer, &id, 1, 0, &a->text));
    const int stopped =
        mn_stopper_feed(a->stopper, a->text.data ? a->text.data : "", a->text.len, &emit, &n);
    MN_TRY(stopped);
    if (show(a, emit, n)) return 1;
    if (stopped) a->stats.finish = "stop";
    return stopped;
}

/* The prompt has been read. */
static void note_first(mn_answering *a) {
    a->first = mn_clock_ns();
    a->stats.first_token_ms = (double)(a->first - a->asked) * 1e-6;
    const double took = (double)(a->first - a->began) * 1e-9;
    a->stats.prefill_tps = took > 0 ? (a->stats.prompt_tokens - a->stats.cached_tokens) / took : 0;
    if (a->m->region)
        mn_region_tell(a->m->region, (uint64_t)a->stats.prompt_tokens,
                       (uint64_t)a->stats.cached_tokens);
}

/* The next token, within the grammar when there is one. */
static int draw(mn_answering *a, const float *logits, int32_t *id, float *logprob) {
    float *p = a->r->on_token ? logprob : NULL;
    if (a->matcher) {
        MN_TRY(mn_sampler_next_within(a->sampler, logits, a->matcher, id, p));
        MN_TRY(mn_matcher_accept(a->matcher, *id));
    } else {
        MN_TRY(mn_sampler_next(a->sampler, logits, id, p));
    }
    mn_sampler_accept(a->sampler, *id);
    return 0;
}

int mn_answering_take(mn_answering *a, const float *logits) {
    const int most = a->r->max_tokens > 0 ? a->r->max_tokens : a->context;
    int32_t id;
    float logprob = 0;
    if (!a->first) {
        note_first(a);
        offer(a);
    }
    MN_TRY(draw(a, logits, &id, &logprob));
    if (mn_tokenizer_is_end(a->m->net->tokenizer, id)) {
        a->stats.finish = "stop";
        return 1;
    }
    a->stats.tokens++;
    if (tell_token(a, id, logprob, logits)) return 1;
    const int ended = say(a, id);
    if (ended) return ended;
    if (a->matcher && mn_matcher_done(a->matcher)) {
        a->stats.finish = "stop";
        return 1;
    }
    if (a->stats.tokens < most && mn_answering_ids(a) < a->context)
        return mn_buf_append(&a->ids, &id, sizeof id);
    a->stats.finish = "length";
    if (a->stats.tokens < most) a->stats.full_context = a->context;
    return 1;
}

void mn_answering_end(mn_answering *a) {
    const char *emit;
    size_t n;
    const double rest = a->first ? (double)(mn_clock_ns() - a->first) * 1e-9 : 0;
    if (a->stats.tokens > 1 && rest > 0) a->stats.decode_tps = (a->stats.tokens - 1) / rest;
    if (a->stopper && mn_stopper_flush(a->stopper, &emit, &n) >= 0) show(a, emit, n);
    mn_far_end(&a->far);
    if (a->session) offer(a);
    if (a->session && a->keeps && !a->r->tenant)
        mn_kept_take_back(&a->m->kept, &a->session, &a->ids);
    else
        mn_answering_unseat(a);
    mn_sampler_close(&a->sampler);
    mn_matcher_close(&a->matcher);
    mn_stopper_close(&a->stopper);
    mn_buf_free(&a->ids);
    mn_buf_free(&a->text);
}

/* ---- one answer alone --------------------------------------------------------------------- */
static int going(void *user) {
    const mn_answering *a = user;
    if (atomic_load(&a->m->cancel)) return 0;
    const mn_progress *p = &a->r->progress;
    const int n = mn_session_length(a->session);
    return !p->report || n >= a->stats.prompt_tokens ||
           p->report(p->user, "reading the prompt", (uint64_t)n,
                     (uint64_t)a->stats.prompt_tokens) == 0;
}

/* Another process goes first: sleeping leaves the machine to it. */
static int await(mn_answering *a) {
    int waits;
    while ((waits = mn_answering_waits(a)) > 0) {
        if (!going(a)) return MN_FAIL(MN_ECANCELLED, "stopped on request");
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
    }
    return waits;
}

static int answer(mn_answering *a, float *logits) {
    for (;;) {
        MN_TRY(await(a));
        const int32_t *ids;
        int n;
        const int ends = mn_answering_left(a, &ids, &n) == n;
        const mn_part part = {a->session->seq, ids, n, ends ? logits : NULL, ends};
        const int rc = mn_model_step(a->m, &part, 1, going, a);
        if (rc == MN_ECORRUPT && !mn_session_length(a->session)) {
            MN_TRY(mn_answering_seat(a)); /* what came from disk was damaged, and is gone */
            continue;
        }
        MN_TRY(rc);
        const int ended = ends ? mn_answering_take(a, logits) : 0;
        if (ended) return ended;
    }
}

int mn_answer(mn_model *m, const mn_request *request, mn_stats *stats) {
    mn_answering a = {.keeps = 1};
    void *logits = NULL;
    const size_t bytes = (size_t)m->net->V * sizeof(float);
    atomic_store(&m->cancel, 0);
    int rc = mn_answering_begin(&a, m, request);
    if (rc >= 0) rc = mn_answering_seat(&a);
    if (rc >= 0) rc = mn_alloc_pages(bytes, "logits", &logits);
    if (rc >= 0) rc = answer(&a, logits);
    if (rc == MN_ECANCELLED) rc = 0;
    if (logits) mn_free_pages(logits, bytes);
    mn_answering_end(&a);
    if (stats) *stats = a.stats;
    return rc < 0 ? rc : 0;
}
