/* SPDX-License-Identifier: Apache-2.0
 *
 * api/fleet.c - omnesia_fleet.h, fleets: fleet/door.h in the shape users see, with a model where
 * one plans.
 */
#include "api/fleet.h"

#include "api/endpoint.h"
#include "base/alloc.h"
#include "base/json.h"
#include "fleet/door.h"

#include <string.h>

enum { ANSWER = 2048, SECONDS = 60 }; /* tokens of a plan; for one of an endpoint */

int mn_fleet_open(mn_region *region, const mn_fleet_options *options, mn_fleet **out) {
    const char *const name = options && options->name ? options->name : "main";
    *out = NULL;
    MN_TRY(mn_board_name_check("the fleet", name));
    mn_fleet *const f = mn_calloc(1, sizeof *f);
    if (!f) return MN_FAIL(MN_ENOMEM, "no memory for a fleet");
    f->region = region;
    if (options) f->options = *options;
    memcpy(f->name, name, strlen(name));
    pthread_mutex_init(&f->planning, NULL);
    *out = f;
    return 0;
}

void mn_fleet_close(mn_fleet **fleet) {
    mn_fleet *const f = *fleet;
    *fleet = NULL;
    if (!f) return;
    mn_model_close(&f->model);
    pthread_mutex_destroy(&f->planning);
    mn_free(f->model_name);
    mn_free(f);
}

/* ---- a model that plans ------------------------------------------------------------------ */
/* It stays open: plans are made by the same one, whose keys and values it finds again. */
static int planner(mn_fleet *f, const char *name, mn_model **out) {
    if (f->model && strcmp(f->model_name, name) != 0) {
        mn_model_close(&f->model);
        mn_free(f->model_name);
        f->model_name = NULL;
    }
    if (!f->model) {
        const mn_model_options how = {
            .kind = MN_WRITES, .no_pull = !f->options.pull, .region = f->region};
        if (!f->model_name) f->model_name = mn_strdup(name);
        if (!f->model_name) return MN_FAIL(MN_ENOMEM, "no memory to open %s", name);
        MN_TRY(mn_model_open(name, &how, &f->model));
    }
    *out = f->model;
    return 0;
}

typedef struct hearing {
    mn_fleet *f;
    mn_buf text;
} hearing;
static int hear(void *user, const char *text, size_t n) {
    hearing *const h = user;
    if (h->f->options.tell && h->f->options.tell(h->f->options.user, NULL)) return 1;
    return mn_buf_append(&h->text, text, n) < 0;
}

static int ask_here(mn_fleet *f, const char *name, const char *system, const char *text,
                    const char *schema, char **out, int tokens[4]) {
    hearing h = {.f = f, .text = {.limit = 1 << 20}};
    mn_request ask = mn_request_default();
    mn_stats stats = {0};
    mn_model *model = NULL;
    MN_TRY(planner(f, name, &model));
    ask.system = system;
    ask.prompt = text;
    ask.grammar = schema;
    ask.temp = 0;
    ask.max_tokens = ANSWER;
    ask.on_text = hear;
    ask.user = &h;
    int rc = mn_answer(model, &ask, &stats);
    tokens[0] = stats.prompt_tokens - stats.cached_tokens;
    tokens[1] = stats.cached_tokens;
    tokens[2] = stats.tokens;
    if (rc >= 0 && !(*out = mn_strdup(h.text.data ? h.text.data : "")))
        rc = MN_FAIL(MN_ENOMEM, "no memory for an answer of %zu bytes", h.text.len);
    mn_buf_free(&h.text);
    return rc;
}

static int ask_there(const char *endpoint, const char *system, const char *text, const char *schema,
                     char **out, int tokens[4]) {
    json_t *const talk = json_pack("[{s:s, s:s}, {s:s, s:s}]", "role", "system", "content", system,
                                   "role", "user", "content", text);
    char *const messages = talk ? mn_json_text(talk, JSON_COMPACT) : NULL;
    int rc = messages
                 ? mn_endpoint_ask_counted(endpoint, messages, schema, ANSWER, SECONDS, out, tokens)
                 : MN_FAIL(MN_ENOMEM, "no memory for a question");
    if (rc == 0) { /* cut: what there is of it is no plan */
        mn_free(*out);
        *out = NULL;
        rc = MN_FAIL(MN_ETOOLONG, "its answer was not at an end after %d tokens", (int)ANSWER);
    }
    mn_free(messages);
    json_decref(talk);
    return rc < 0 ? rc : 0;
}

int mn_fleet_ask_model(void *user, const char *model, const char *system, const char *text,
                       const char *schema, char **out, int tokens[4]) {
    mn_fleet *const f = user;
    *out = NULL;
    if (mn_endpoint_is(model)) return ask_there(model, system, text, schema, out, tokens);
    pthread_mutex_lock(&f->planning);
    const int rc = ask_here(f, model, system, text, schema, out, tokens);
    pthread_mutex_unlock(&f->planning);
    return rc;
}

/* ---- calls ------------------------------------------------------------------------------- */
static int tell(void *user, const char *event) {
    mn_fleet *const f = user;
    return f->options.tell ? f->options.tell(f->options.user, event) : 0;
}

int mn_fleet_do(mn_fleet *fleet, const char *json, char **result) {
    const mn_fleet_with with = {.region = fleet ? fleet->region : NULL,
                                .tell = tell,
                                .ask = mn_fleet_ask_model,
                                .user = fleet};
    *result = NULL;
    return mn_fleet_run(&with, fleet ? fleet->name : NULL, json, result);
}
