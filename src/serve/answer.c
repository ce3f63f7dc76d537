/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/answer.c - from mn_loop_ask's callbacks to a teller, through the letter box.
 */
#include "serve/answer.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "serve/models.h"
#include "serve/remember.h"
#include "serve/server.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- the loop's threads: leave it and ring --------------------------------------------------- */

static int on_token(void *user, const mn_token *token) {
    mn_choice *c = user;
    mn_mail *mail = &c->all->x->server->mail;
    mn_piece piece = {.id = token->id, .logprob = token->logprob};
    for (; piece.n_top < token->n_top && piece.n_top < 20; piece.n_top++)
        piece.top[piece.n_top] = token->top[piece.n_top];
    mn_mail_lock(mail);
    if (mn_buf_append(&c->pieces, &piece, sizeof piece) < 0) c->lost = 1;
    const int stop = c->lost;
    mn_mail_unlock(mail);
    return stop;
}

static int on_text(void *user, const char *text, size_t n) {
    mn_choice *c = user;
    mn_mail *mail = &c->all->x->server->mail;
    mn_mail_lock(mail);
    if (c->first == 0) c->first = mn_clock_seconds();
    if (mn_buf_append(&c->text, text, n) < 0) c->lost = 1;
    mn_mail_post(mail, &c->letter);
    const int stop = c->lost;
    mn_mail_unlock(mail);
    return stop;
}

static void on_done(void *user, int rc, const mn_stats *stats) {
    mn_choice *c = user;
    mn_mail *mail = &c->all->x->server->mail;
    mn_mail_lock(mail);
    if (stats) c->stats = *stats;
    if (rc < 0) snprintf(c->detail, sizeof c->detail, "%s", mn_error_detail());
    c->rc = rc;
    c->done = 1;
    mn_mail_post(mail, &c->letter);
    mn_mail_unlock(mail); /* from here on it may be gone */
}

/* ---- the HTTP thread ------------------------------------------------------------------------- */

void mn_answers_name(const char *prefix, char out[48]) {
    unsigned char bytes[12] = {0};
    if (getentropy(bytes, sizeof bytes) < 0) memset(bytes, 0, sizeof bytes);
    int n = snprintf(out, 23, "%s", prefix);
    for (size_t i = 0; i < sizeof bytes; i++, n += 2)
        snprintf(out + n, 48 - (size_t)n, "%02x", bytes[i]);
}

mn_usage mn_answers_usage(const mn_answers *a) {
    mn_usage u = {0};
    for (int i = 0, prompt = -1; i < a->n; i++) {
        const mn_choice *c = &a->choice[i];
        u.written += c->stats.tokens;
        if (c->prompt == prompt) continue;
        prompt = c->prompt;
        u.prompt += c->stats.prompt_tokens;
        u.cached += c->stats.cached_tokens;
    }
    return u;
}

static void free_answers(mn_exchange *x) {
    mn_answers *a = x->state;
    for (int i = 0; i < a->n; i++) {
        mn_choice *c = &a->choice[i];
        mn_job_release(&c->job);
        mn_buf_free(&c->text);
        mn_buf_free(&c->pieces);
        mn_buf_free(&c->content);
        mn_buf_free(&c->told);
        mn_tools_free(&c->tools);
        json_decref(c->calls);
    }
    mn_free(a->choice);
    mn_ask_free(&a->ask);
    if (a->state && a->teller->free) a->teller->free(a);
    mn_free(a->state);
    mn_free(a);
}

static void cancel_all(mn_exchange *x) {
    mn_answers *a = x->state;
    for (int i = 0; i < a->n; i++)
        if (a->choice[i].job) mn_job_cancel(a->choice[i].job);
}

/* The field a sentence of the grammar's compiler is about: they begin with the line, or with the
 * place in the schema. */
static const char *field_of(const mn_answers *a, int rc, const char *detail) {
    const mn_fields *f = &a->x->fields;
    if (!a->ask.grammar || (rc != MN_EINVAL && rc != MN_EUNSUPPORTED)) return NULL;
    if (*detail != '#' && !strstr(detail, "grammar") && !strstr(detail, "schema")) return NULL;
    return f->grammar ? "grammar" : a->ask.forced ? "tools" : "response_format";
}

/* One of them failed: so does the request, and the others need not go on. */
static void fail(mn_answers *a, int rc, const char *detail) {
    mn_exchange *x = a->x;
    const char *code;
    if (a->failed || x->ended) return;
    a->failed = 1;
    cancel_all(x);
    if (x->sent) {
        const int status = mn_status_of(rc, &code);
        a->teller->failed(a, status, code, *detail ? detail : mn_error_text(rc));
        mn_stream_end(x);
    } else {
        mn_reply_failure(x, rc, field_of(a, rc, detail), detail);
        mn_exchange_send(x);
    }
}

static void begin(mn_answers *a) {
    if (a->begun) return;
    a->begun = 1;
    if (a->teller->begin) a->teller->begin(a);
}

static int tell_text(void *user, const char *text, size_t n) {
    mn_choice *c = user;
    c->all->teller->text(c, text, n);
    c->offset += n;
    const int needed = !c->all->x->fields.stream || (c->all->ask.remember && !c->index);
    return needed ? mn_buf_append(&c->content, text, n) : 0;
}

static int tell_call(void *user, const char *name, const char *arguments) {
    mn_choice *c = user;
    char id[48];
    if (c->calls && c->all->x->fields.parallel == 0) return 0; /* one was wanted */
    mn_answers_name("call_", id);
    if (!c->calls) c->calls = json_array();
    json_t *call = json_pack("{s:s, s:s, s:{s:s, s:s}}", "id", id, "type", "function", "function",
                             "name", name, "arguments", arguments);
    if (json_array_append_new(c->calls, call) < 0)
        return MN_FAIL(MN_ENOMEM, "no memory for a call of a function");
    c->all->teller->call(c, id, name, arguments);
    return 0;
}

static void end_choice(mn_choice *c) {
    mn_answers *a = c->all;
    mn_exchange *x = a->x;
    c->finish = c->calls ? "tool_calls" : c->stats.finish ? c->stats.finish : "stop";
    if (c->index == 0) {
        x->prompt_tokens = c->stats.prompt_tokens;
        x->cached_tokens = c->stats.cached_tokens;
    }
    x->tokens += c->stats.tokens;
    if (!a->failed && !x->ended && x->fields.stream) a->teller->ended(c);
}

/* What the loop left of one answer. */
static void take(mn_choice *c, mn_buf *text, mn_buf *pieces, int *done) {
    mn_mail *mail = &c->all->x->server->mail;
    mn_mail_lock(mail);
    *text = c->text;
    *pieces = c->pieces;
    c->text = (mn_buf){.what = text->what};
    c->pieces = (mn_buf){.what = pieces->what};
    /* It ends with the last letter: while another one is in the box, it must not be freed. */
    *done = c->done && !c->letter.posted;
    if (c->first > 0 && c->all->x->first == 0) c->all->x->first = c->first;
    if (c->lost && c->rc >= 0) {
        c->rc = MN_ENOMEM;
        snprintf(c->detail, sizeof c->detail, "no memory for the text of the answer");
    }
    mn_mail_unlock(mail);
}

/* All answers have ended, one way or another. */
static void end_all(mn_answers *a) {
    mn_exchange *x = a->x;
    if (!a->failed && !x->ended) a->teller->end(a);
    if (!x->ended) mn_stream_end(x); /* the client has left: count it */
}

static void read_choice(mn_letter *letter) {
    mn_choice *c = (mn_choice *)letter;
    mn_answers *a = c->all;
    mn_exchange *x = a->x;
    mn_buf text, pieces;
    int done, rc = 0;
    take(c, &text, &pieces, &done);
    const mn_tools_out out = {tell_text, tell_call, c};
    if (!a->failed && !x->ended && mn_exchange_wanted(x) && (text.len || (done && c->rc >= 0))) {
        begin(a);
        if (pieces.len) rc = mn_buf_append(&c->told, pieces.data, pieces.len);
        if (rc >= 0 && text.len) rc = mn_tools_take(&c->tools, text.data, text.len, &out);
        if (rc >= 0 && done) rc = mn_tools_end(&c->tools, &out);
        if (rc < 0) fail(a, rc, mn_error_detail());
    }
    mn_buf_free(&text);
    mn_buf_free(&pieces);
    if (!done) return;
    if (c->rc >= 0 && c->stats.finish && strcmp(c->stats.finish, "cancelled") == 0)
        c->rc = MN_ECANCELLED;
    if (c->rc < 0)
        fail(a, c->rc, c->rc == MN_ECANCELLED ? "the server is stopping; ask again" : c->detail);
    end_choice(c);
    if (--a->left == 0) mn_remember_end(a, end_all);
    mn_exchange_release(x);
}

static int ask_one(mn_answers *a, mn_choice *c) {
    mn_exchange *x = a->x;
    mn_request r = a->ask.request;
    const int per = x->fields.n;
    r.user = c;
    r.on_text = on_text;
    r.on_token = x->fields.top_logprobs >= 0 ? on_token : NULL; /* what it tells costs a pass */
    r.top_logprobs = x->fields.top_logprobs > 0 ? x->fields.top_logprobs : 0;
    r.progress = (mn_progress){0};
    if (r.seed) r.seed += (uint64_t)(c->index % per);
    if (a->ask.salted) r.tenant = a->ask.tenant;
    if (a->ask.n_prompts) r.prompt = a->ask.prompt[c->prompt];
    mn_exchange_hold(x);
    a->left++;
    const int rc = mn_loop_ask(x->server->loop, x->use->model, &r, on_done, &c->job);
    if (rc >= 0) return 0;
    a->left--;
    mn_exchange_release(x);
    return rc;
}

static mn_answers *answers_new(mn_exchange *x, mn_ask *ask, const mn_teller *teller) {
    const int n = x->fields.n * (ask->n_prompts ? (int)ask->n_prompts : 1);
    mn_answers *a = mn_calloc(1, sizeof *a);
    mn_choice *choice = mn_calloc((size_t)n, sizeof *choice);
    if (!a || !choice) {
        mn_free(a);
        mn_free(choice);
        mn_ask_free(ask);
        return NULL;
    }
    *a = (mn_answers){.x = x, .teller = teller, .ask = *ask, .choice = choice, .n = n};
    for (int i = 0; i < n; i++)
        choice[i] = (mn_choice){.letter.read = read_choice,
                                .all = a,
                                .index = i,
                                .prompt = i / x->fields.n,
                                .text.what = "the text of an answer",
                                .pieces.what = "the tokens of an answer",
                                .content.what = "the text of an answer",
                                .told.what = "the tokens of an answer",
                                .tools.functions = a->ask.functions};
    return a;
}

void mn_answers_start(mn_exchange *x, mn_ask *ask, const mn_teller *teller, const char *prefix,
                      void *state) {
    mn_answers *a = answers_new(x, ask, teller);
    if (!a) {
        mn_free(state);
        mn_reply_error(x, 503, NULL, "out_of_memory", "no memory for the answers of this request");
        return mn_exchange_send(x);
    }
    a->state = state;
    a->created = (int64_t)time(NULL);
    mn_answers_name(prefix, a->id);
    x->state = a;
    x->gone = cancel_all;
    x->free_state = free_answers;
    for (int i = 0; i < a->n; i++) {
        const int rc = ask_one(a, &a->choice[i]);
        if (rc < 0) return fail(a, rc, mn_error_detail());
    }
}
