/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/remember.c - recall before, keep after.
 */
#include "serve/remember.h"

#include "base/alloc.h"
#include "base/error.h"
#include "serve/answer.h"
#include "serve/models.h"
#include "serve/route.h"
#include "serve/scope.h"
#include "serve/server.h"

#include <string.h>

enum { CONVERSATIONS = MN_IN_CHAT | MN_IN_MESSAGES | MN_IN_RESPONSES };
enum { RECALLED = 6, TOKENS = 1000, PART = 8, LONGEST = 4096 /* bytes that are searched for */ };

struct mn_remember {
    mn_asker asker;
    char *question; /* NULL: nobody asks anything new */
    char *text;     /* what was recalled; NULL: nothing */
    json_t *ids;
    void (*then)(mn_answers *a);
};

int mn_remember_wanted(const mn_exchange *x) {
    mn_asker asker;
    const mn_fields *f = &x->fields;
    if (!(x->route->fields & CONVERSATIONS) || x->heard || !f->memory) return 0;
    if (!x->server->options.remember || !x->server->options.mem) return 0;
    return mn_asker_read(x, f->user, &asker) < 0 || f->memory == 1 || asker.named;
}

void mn_remember_free(mn_remember **r) {
    if (!*r) return;
    mn_free((*r)->question);
    mn_free_text((*r)->text);
    json_decref((*r)->ids);
    mn_free(*r);
    *r = NULL;
}

json_t *mn_remember_ids(const mn_ask *ask) {
    return ask->remember ? json_incref(ask->remember->ids) : NULL;
}

/* ---- before ---------------------------------------------------------------------------------- */

static int add_id(void *user, const mn_record *record) {
    return json_array_append_new(user, json_integer(record->id)) < 0 ? MN_ENOMEM : 0;
}

/* The beginning of a long question is searched for: whole characters of it. */
static char *beginning(const char *question) {
    size_t n = strlen(question);
    if (n > LONGEST) n = LONGEST;
    while (n && n == LONGEST && ((unsigned char)question[n] & 0xc0) == 0x80) n--;
    char *text = mn_malloc(n + 1);
    if (!text) return NULL;
    memcpy(text, question, n);
    text[n] = 0;
    return text;
}

static int32_t context_of(const mn_exchange *x) {
    const int32_t own = x->server->options.request.context;
    mn_model_info info;
    mn_model_describe(x->use->model, &info);
    return own ? own : info.n_context;
}

/* So many tokens that the conversation keeps most of its context. */
static int32_t budget_of(const mn_exchange *x) {
    const int32_t part = context_of(x) / PART;
    return part < 1 ? 1 : part < TOKENS ? part : TOKENS;
}

static int recall(mn_exchange *x, mn_remember *r) {
    char *query = beginning(r->question);
    const mn_find what = {.query = query,
                          .k = RECALLED,
                          .budget = budget_of(x),
                          .apart = x->fields.session}; /* what it said stands in it */
    if (!query) return MN_FAIL(MN_ENOMEM, "no memory for a question");
    int rc = 0;
    if (*query)
        rc =
            mn_mem_recall(x->server->options.mem, &r->asker.scope, &what, &r->text, add_id, r->ids);
    mn_free(query);
    if (rc == MN_EIO || rc == MN_ECORRUPT) /* whose sentence has paths of the server */
        return MN_FAIL(rc, "the server cannot read its memory; \"memory\": false asks without it");
    return rc;
}

int mn_remember_begin(mn_exchange *x, const json_t *messages, mn_ask *ask, const char **param) {
    const json_t *last = json_array_get(messages, json_array_size(messages) - 1);
    const char *role = json_string_value(json_object_get(last, "role"));
    *param = "memory";
    if (x->fields.memory == 1 && !x->server->options.remember)
        return MN_FAIL(MN_EINVAL, "memory is true, and this server was started without --remember");
    *param = NULL;
    if (!mn_remember_wanted(x)) return 0;
    mn_remember *r = ask->remember = mn_calloc(1, sizeof *r);
    if (!r || !(r->ids = json_array())) return MN_FAIL(MN_ENOMEM, "no memory for a request");
    MN_TRY(mn_asker_read(x, x->fields.user, &r->asker));
    if (!role || strcmp(role, "user") != 0) return 0;
    r->question = mn_strdup(json_string_value(json_object_get(last, "content")));
    if (!r->question) return MN_FAIL(MN_ENOMEM, "no memory for a question");
    MN_TRY(recall(x, r));
    ask->request.recalled = r->text;
    return 0;
}

int mn_remember_fit(const mn_exchange *x, mn_ask *ask) {
    mn_request *r = &ask->request;
    mn_request whole = *r;
    mn_cached found = {0};
    const int32_t context = context_of(x), most_written = context / PART;
    const int32_t written =
        r->max_tokens > 0 && r->max_tokens < most_written ? r->max_tokens : most_written;
    if (!r->recalled) return 0;
    /* A token has a byte at least; what the template adds is small beside this. */
    const size_t most =
        strlen(r->recalled) + strlen(r->messages) + (r->tools ? strlen(r->tools) : 0);
    if (2 * most + (size_t)written < (size_t)context) return 0;
    if (ask->salted) whole.tenant = ask->tenant;
    const int rc = mn_explain(x->use->model, &whole, &found);
    if (rc < 0 && rc != MN_ETOOLONG) return rc;
    if (rc >= 0 && (int64_t)found.prompt_tokens + written <= context) return 0;
    r->recalled = NULL;
    json_array_clear(ask->remember->ids);
    return 0;
}

/* ---- after ----------------------------------------------------------------------------------- */

/* What fits, as it was said. A worker's; nobody else has the answers meanwhile. */
static int keep(mn_exchange *x) {
    const mn_answers *a = x->state;
    const mn_remember *r = a->ask.remember;
    const mn_buf *answer = &a->choice->content;
    mn_record said[2];
    size_t n = 0;
    if (r->question && *r->question && strlen(r->question) <= MN_RECORD_MAX)
        said[n++] = (mn_record){.text = r->question,
                                .n = strlen(r->question),
                                .speaker = r->asker.scope.user,
                                .session = x->fields.session,
                                .source = "serve"};
    if (answer->len && answer->len <= MN_RECORD_MAX)
        said[n++] = (mn_record){.text = answer->data,
                                .n = answer->len,
                                .speaker = "assistant",
                                .session = x->fields.session,
                                .source = "serve"};
    if (!n) return 0;
    const int rc = mn_mem_add(x->server->options.mem, &r->asker.scope, said, n, NULL);
    /* An answer that can be no record (zero bytes in it) does not take the question along. */
    return rc != MN_EINVAL || n < 2
               ? rc
               : mn_mem_add(x->server->options.mem, &r->asker.scope, said, 1, NULL);
}

static void read_kept(mn_letter *letter) {
    mn_exchange *x = (mn_exchange *)((char *)letter - offsetof(mn_exchange, letter));
    mn_answers *a = x->state;
    a->ask.remember->then(a);
    mn_exchange_release(x);
}

void mn_remember_end(mn_answers *a, void (*then)(mn_answers *a)) {
    mn_exchange *x = a->x;
    if (!a->ask.remember || a->failed || x->ended || !x->conn) return then(a);
    a->ask.remember->then = then;
    x->work = keep;
    x->letter.read = read_kept;
    if (mn_work_give(&x->server->work, x) < 0) then(a); /* too much to do: it is not kept */
}
