/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/serve_agents.c - sixteen agents at once behind one system prompt, three turns each.
 *
 * The prompt is a line that no round before had, then 1,500 words; every agent asks something else.
 * All first turns are due at the same moment; a turn is sent when the one before has ended, with
 * the conversation so far. 32 tokens a turn.
 */
#include "bench/serve.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { AGENTS = 16, TURNS = 3, TOKENS = 32, WORDS = 1500 };

static const char *const topics[AGENTS] = {
    "patents",      "trademarks",    "derivative works", "warranties",
    "liability",    "contributions", "notices",          "redistribution",
    "source form",  "object form",   "legal entities",   "control",
    "the licensor", "litigation",    "additional terms", "the appendix"};
static const char *const questions[TURNS] = {"What does this text say about %s?",
                                             "Say about %s the same to a child.",
                                             "Who would mind what it says about %s, and why?"};

typedef struct agents {
    mn_buf talk[AGENTS]; /* messages, with commas between them */
    mn_buf messages, body;
} agents;

static int say(mn_buf *talk, const char *role, const char *content) {
    if (talk->len) MN_TRY(mn_buf_puts(talk, ", "));
    return mn_serve_message(role, content, talk);
}

static int ask(agents *a, mn_load *l, int agent, int turn, double due) {
    char question[128];
    snprintf(question, sizeof question, questions[turn], topics[agent]);
    MN_TRY(say(a->talk + agent, "user", question));
    mn_buf_clear(&a->messages);
    MN_TRY(mn_buf_printf(&a->messages, "[%s]", a->talk[agent].data));
    const mn_serve_ask ask = {.messages = a->messages.data, .tokens = TOKENS, .stream = 1};
    MN_TRY(mn_serve_body(&ask, &a->body));
    return mn_load_ask(l, due, mn_serve_chat, a->body.data, agent * TURNS + turn);
}

static int next(void *user, mn_load *l, int i) {
    agents *a = user;
    const mn_asked *was = mn_load_get(l, i);
    const int agent = was->tag / TURNS, turn = was->tag % TURNS + 1;
    if (turn == TURNS) return 0;
    if (was->why.len) return MN_FAIL(MN_EIO, "agent %d got no answer: %s", agent, was->why.data);
    MN_TRY(say(a->talk + agent, "assistant", was->text.len ? was->text.data : ""));
    return ask(a, l, agent, turn, was->end);
}

static int run(const mn_serve *b, agents *a, mn_load *l, int round) {
    mn_buf system = {0};
    int rc = mn_buf_printf(&system, "Round %d of process %d, seed %llu. ", round, (int)getpid(),
                           (unsigned long long)b->o->seed);
    if (rc >= 0) rc = mn_serve_licence(WORDS, &system);
    for (int i = 0; rc >= 0 && i < AGENTS; i++) rc = say(a->talk + i, "system", system.data);
    const double due = mn_load_now(l);
    for (int i = 0; rc >= 0 && i < AGENTS; i++) rc = ask(a, l, i, 0, due);
    mn_buf_free(&system);
    return rc < 0 ? rc : mn_load_run(l, 1800, next, a);
}

static int trial(mn_serve *b, mn_server *s, int round, double *figure) {
    agents a = {0};
    mn_load *l = NULL;
    mn_server_weight weight = {0};
    double gap;
    int rc = mn_load_open(s->port, &l);
    if (rc >= 0) rc = run(b, &a, l, round);
    if (rc >= 0) rc = mn_serve_note(b, l);
    if (rc >= 0) rc = mn_serve_whole(l, TOKENS);
    if (rc >= 0) rc = mn_serve_times(l, figure + 1, &gap);
    if (rc >= 0) rc = mn_server_weigh(s, &weight);
    if (rc >= 0) figure[0] = mn_serve_span(l), figure[2] = weight.peak / (1 << 20), figure[3] = gap;
    mn_load_close(&l);
    for (int i = 0; i < AGENTS; i++) mn_buf_free(a.talk + i);
    mn_buf_free(&a.messages);
    mn_buf_free(&a.body);
    return rc;
}

const mn_serve_row mn_serve_agents = {
    .name = "agents",
    .about = "16 agents at once, 1,500 words they share, 3 turns of 32 tokens",
    .figure = {{"total", "all turns answered", "s", MN_SERVE_LESS, 8},
               {"first", "p95 time to first token", "ms", MN_SERVE_LESS, 20},
               {"memory", "peak memory of the server", "MiB", MN_SERVE_SHARE, 0.2},
               {"gap", "p95 time between tokens", "ms", MN_SERVE_LESS, 0}},
    .trial = trial};

const mn_serve_row mn_serve_agents_large = {
    .name = "agents-0.5b",
    .about = "the same with 0.5 billion parameters",
    .model = "qwen2.5-coder-0.5b",
    .figure = {{"total", "all turns answered", "s", MN_SERVE_LESS, 4},
               {"first", "p95 time to first token", "ms", MN_SERVE_LESS, 0},
               {"memory", "peak memory of the server", "MiB", MN_SERVE_SHARE, 0.6},
               {"gap", "p95 time between tokens", "ms", MN_SERVE_LESS, 0}},
    .trial = trial};
