/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/small.c - routes that need a few lines: health, models, tokens, templates.
 */
#include "serve/ask.h"
#include "serve/chat.h"
#include "serve/models.h"
#include "serve/page.h"
#include "serve/routes.h"
#include "serve/server.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>
#include <time.h>

int mn_health_work(mn_exchange *x) {
    static const char ok[] = "{\"status\":\"ok\"}";
    return mn_reply_bytes(x, 200, "application/json", ok, sizeof ok - 1);
}

/* "/" and "/page/NAME". */
int mn_page_work(mn_exchange *x) {
    const mn_page_file *file = mn_page_find(x->rest);
    if (!file)
        return mn_reply_error(x, 404, NULL, "not_found", "the page has no file of this name");
    x->cache = "no-cache";
    return mn_reply_bytes(x, 200, file->type, file->data, *file->size);
}

int mn_openapi_work(mn_exchange *x) {
    mn_buf text = {0};
    const int rc = mn_serve_openapi(x->server->auth.n > 0, &text);
    if (rc < 0)
        mn_reply_failure(x, rc, NULL, mn_error_detail());
    else
        mn_reply_bytes(x, 200, "application/json", text.data, text.len);
    mn_buf_free(&text);
    return rc;
}

/* ---- models ---------------------------------------------------------------------------------- */

static json_t *model_json(const mn_entry *e, int64_t created) {
    json_t *o = json_pack("{s:s, s:s, s:I, s:s, s:b, s:b}", "id", e->known ? e->known : e->name,
                          "object", "model", "created", (json_int_t)created, "owned_by", "omnesia",
                          "loaded", e->model != NULL, "embedding", e->vectors);
    if (o && e->model) {
        json_object_set_new(o, "context_length", json_integer(e->info.n_context));
        json_object_set_new(o, "parameters", json_integer((json_int_t)e->info.parameters));
    }
    return o;
}

typedef struct listing {
    json_t *data;
    const char *only;
    int64_t created;
} listing;

static void list_one(void *user, const mn_entry *e) {
    listing *l = user;
    if (!l->only || strcmp(e->name, l->only) == 0 || (e->known && strcmp(e->known, l->only) == 0))
        json_array_append_new(l->data, model_json(e, l->created));
}

static json_t *list_models(mn_exchange *x, const char *only) {
    listing l = {json_array(), only, (int64_t)time(NULL)};
    mn_models_each(&x->server->models, list_one, &l);
    return l.data;
}

int mn_models_work(mn_exchange *x) {
    return mn_reply_json(x, 200,
                         json_pack("{s:s, s:o}", "object", "list", "data", list_models(x, NULL)));
}

int mn_model_work(mn_exchange *x) {
    json_t *found = list_models(x, x->rest);
    json_t *one = json_incref(json_array_get(found, 0));
    json_decref(found);
    if (one) return mn_reply_json(x, 200, one);
    return mn_reply_error(x, 404, "model", "model_not_found",
                          "there is no model '%.200s' here; /v1/models lists those there are",
                          x->rest);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static json_t *piece(const mn_model *model, int32_t id) {
    char bytes[256];
    const int n = mn_decode(model, &id, 1, MN_SPECIAL, bytes, sizeof bytes);
    json_t *text = n >= 0 && n <= (int)sizeof bytes ? json_stringn(bytes, (size_t)n) : NULL;
    if (text) return json_pack("{s:i, s:o}", "id", (int)id, "piece", text);
    json_t *list = json_array(); /* part of a character: its bytes */
    for (int i = 0; i < n && i < (int)sizeof bytes; i++)
        json_array_append_new(list, json_integer((unsigned char)bytes[i]));
    return json_pack("{s:i, s:o}", "id", (int)id, "piece", list);
}

int mn_tokenize_work(mn_exchange *x) {
    const mn_fields *f = &x->fields;
    const unsigned flags = (f->special ? MN_SPECIAL : 0) | (f->begin ? MN_BEGIN : 0);
    const size_t n = strlen(f->text);
    int rc = mn_chat_model(x, 0);
    if (rc) return rc;
    const int count = mn_encode(x->use->model, f->text, n, flags, NULL, 0);
    if (count < 0) return mn_reply_field(x, count, "content");
    int32_t *ids = mn_malloc((size_t)(count + 1) * sizeof *ids);
    if (!ids) return mn_reply_failure(x, MN_ENOMEM, NULL, "no memory for the tokens");
    mn_encode(x->use->model, f->text, n, flags, ids, (size_t)count);
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list,
                              f->pieces ? piece(x->use->model, ids[i]) : json_integer(ids[i]));
    mn_free(ids);
    return mn_reply_json(x, 200, json_pack("{s:o}", "tokens", list));
}

int mn_detokenize_work(mn_exchange *x) {
    char *text = NULL;
    int rc = mn_chat_model(x, 0);
    if (rc) return rc;
    rc = mn_ask_ids_text(x, x->fields.tokens, &text);
    if (rc < 0) return mn_reply_field(x, rc, "tokens");
    json_t *content = json_string(text);
    mn_free(text);
    if (!content)
        return mn_reply_error(x, 400, "tokens", "invalid_value",
                              "these tokens end within a character; send them together with those "
                              "around them");
    return mn_reply_json(x, 200, json_pack("{s:o}", "content", content));
}

/* ---- the prompt a conversation becomes ------------------------------------------------------- */

static int rendered(mn_exchange *x, const mn_request *r) {
    mn_buf text = {.what = "a prompt"};
    const int n = mn_apply_template(x->use->model, r, NULL, 0);
    int rc = n < 0 ? n : mn_buf_reserve(&text, (size_t)n);
    if (rc >= 0) rc = mn_apply_template(x->use->model, r, text.data, (size_t)n);
    if (rc >= 0)
        mn_reply_json(x, 200, json_pack("{s:s%}", "prompt", text.data, (size_t)n));
    else
        mn_reply_field(x, rc, "messages");
    mn_buf_free(&text);
    return rc;
}

int mn_template_work(mn_exchange *x) {
    mn_ask ask = {0};
    json_t *messages = NULL;
    char at[64] = "messages";
    const char *param = at;
    int rc = mn_chat_model(x, 0);
    if (rc) return rc;
    rc = mn_ask_messages(x->fields.messages, &messages, at);
    if (rc >= 0) rc = mn_ask_chat(x, messages, x->fields.tools, &ask, &param);
    if (rc < 0)
        mn_reply_field(x, rc, param);
    else
        rc = rendered(x, &ask.request);
    json_decref(messages);
    mn_ask_free(&ask);
    return rc;
}
