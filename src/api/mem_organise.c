/* SPDX-License-Identifier: Apache-2.0
 *
 * api/mem_organise.c - who organises a memory, and the model that it asks.
 *
 * options.organise is NAME, NAME:MODEL or NAME:URL#MODEL (api/endpoint.c). Without a model
 * organisers go by rules. A model is opened when something waits for it, and answers at temperature
 * 0, bound to a schema. While it cannot be opened or does not answer, episodes wait: they are
 * stored as they were said in any case. One process of a machine at a time organises a store;
 * others leave it to it.
 */
#include "api/mem.h"

#include "api/endpoint.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum {
    BATCH = 16,
    ANSWER_TOKENS = 600,
};
#define AGAIN_NS 30000000000u /* between two tries to open a model */

int mn_mem_organise_open(mn_mem *m) {
    const char *const given = m->options.organise;
    char name[64];
    if (!given) return 0;
    const size_t n = strcspn(given, ":");
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), given);
    MN_TRY(mn_organiser_find(name, &m->organiser));
    if (!m->organiser) return 0;
    mn_notes_organiser(m->notes, m->organiser);
    if (given[n] && !given[n + 1])
        return MN_FAIL(MN_EINVAL, "\"%s\": a model's name is missing behind the colon", given);
    if (given[n] && !(m->writer_name = mn_strdup(given + n + 1)))
        return MN_FAIL(MN_ENOMEM, "no memory for the name of a model");
    return mn_endpoint_is(m->writer_name) ? mn_endpoint_check(m->writer_name) : 0;
}

void mn_mem_organise_close(mn_mem *m) {
    mn_model_close(&m->writer);
    mn_free(m->writer_name);
    mn_free(m->seat);
}

/* It has failed a short while ago: who asks it again at once only waits. */
static int check_pause(const mn_mem *m) {
    if (!m->writer_refused || mn_clock_ns() - m->writer_refused >= AGAIN_NS) return 0;
    return MN_FAIL(MN_EBUSY, "the model %s could not be asked; it is tried again in %d s",
                   m->writer_name, (int)(AGAIN_NS / 1000000000u));
}

static int open_writer(mn_mem *m) {
    const mn_model_options o = {.kind = MN_WRITES,
                                .no_pull = !m->options.pull,
                                .region = m->region,
                                .progress = m->options.progress};
    if (m->writer) return 0;
    MN_TRY(check_pause(m));
    const int rc = mn_model_open(m->writer_name, &o, &m->writer);
    m->writer_refused = rc < 0 ? mn_clock_ns() : 0;
    return rc;
}

static int keep_text(void *user, const char *text, size_t n) {
    return mn_buf_append(user, text, n) < 0;
}

int mn_mem_ask_far(const char *endpoint, const char *schema, const char *prompt, int32_t most,
                   mn_buf *out) {
    json_t *const list = json_pack("[{s:s, s:s}]", "role", "user", "content", prompt);
    char *const messages = mn_json_text(list, JSON_COMPACT), *answer = NULL;
    json_decref(list);
    if (!messages) return MN_FAIL(MN_ENOMEM, "no memory to ask %s", endpoint);
    int rc = mn_endpoint_ask(endpoint, messages, schema, most, &answer);
    if (rc > 0) rc = mn_buf_puts(out, answer); /* one that was cut short is none */
    mn_free_text(answer);
    mn_free(messages);
    return rc;
}

static int extract_far(mn_mem *m, const char *schema, const char *prompt, mn_buf *out) {
    MN_TRY(check_pause(m));
    const int rc = mn_mem_ask_far(m->writer_name, schema, prompt, ANSWER_TOKENS, out);
    m->writer_refused = rc < 0 ? mn_clock_ns() : 0;
    return rc;
}

static int extract(void *user, const char *schema, const char *prompt, mn_buf *out) {
    mn_mem *const m = user;
    mn_stats stats;
    mn_request r = mn_request_default();
    if (mn_endpoint_is(m->writer_name)) return extract_far(m, schema, prompt, out);
    MN_TRY(open_writer(m));
    r.prompt = prompt;
    r.grammar = schema;
    r.temp = 0;
    r.max_tokens = ANSWER_TOKENS;
    r.patient = 1;
    r.on_text = keep_text;
    r.user = out;
    const int rc = mn_answer(m->writer, &r, &stats);
    /* A prompt that no context holds, and an answer cut short, are no answer: rules do. */
    if (rc == MN_ETOOLONG || (rc >= 0 && strcmp(stats.finish, "stop") != 0)) mn_buf_clear(out);
    return rc == MN_ETOOLONG ? 0 : rc;
}

static int64_t organise_all(mn_mem *m, int64_t us, const mn_progress *p) {
    const mn_org_model model = {.extract = extract, .user = m};
    const uint64_t until = us < 0 ? UINT64_MAX : mn_clock_ns() + (uint64_t)us * 1000;
    int64_t done = 0;
    while (mn_clock_ns() < until && !__atomic_load_n(&m->stop, __ATOMIC_RELAXED)) {
        const int n = mn_notes_organise(m->notes, m->organiser, m->writer_name ? &model : NULL,
                                        m->writer_name ? 1 : BATCH);
        if (n <= 0) return n < 0 ? n : done;
        done += n;
        if (p && p->report && p->report(p->user, "organising", (uint64_t)done, 0))
            return MN_FAIL(MN_ECANCELLED, "stopped after %lld records; the others wait",
                           (long long)done);
    }
    return done;
}

int64_t mn_mem_organise(mn_mem *m, int64_t us, const mn_progress *progress) {
    const int waits = mn_notes_unseen(m->notes, m->organiser);
    if (waits <= 0) return waits;
    int turn = mn_file_lock(m->seat, us < 0 ? -1 : 0);
    if (turn < 0) return turn == MN_EBUSY ? 0 : turn;
    const int64_t done = organise_all(m, us, progress);
    mn_file_close(&turn);
    return done;
}
