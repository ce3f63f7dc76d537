/* SPDX-License-Identifier: Apache-2.0
 *
 * model/template.c - chat templates: compile, give them the conversation, collect the text.
 *
 * Limits of one run: steps, working memory and output grow with the size of the conversation and
 * are far above what real templates need (a few hundred steps a message); a template that exceeds
 * them ends with one sentence.
 */
#include "model/template.h"

#include "base/alloc.h"
#include "model/jinja.h"

#include <string.h>

enum { MAX_SOURCE = 1 << 20, MAX_COMPILED = 64 << 20 };

struct mn_template {
    mn_arena arena;
    mn_jnode *root;
    int tools; /* it has a word for them */
};

int mn_template_compile(const char *source, size_t n, mn_template **out) {
    *out = NULL;
    if (n > MAX_SOURCE)
        return MN_FAIL(MN_ETOOLONG, "a chat template of %zu bytes; at most %d are read", n,
                       MAX_SOURCE);
    mn_template *t = mn_calloc(1, sizeof *t);
    if (!t) return MN_FAIL(MN_ENOMEM, "no memory for a chat template");
    t->arena = (mn_arena){.limit = MAX_COMPILED, .what = "this chat template"};
    t->tools = memmem(source, n, "tools", 5) != NULL;
    const int rc = mn_jcompile(&t->arena, source, n, &t->root);
    if (rc < 0)
        mn_template_free(&t);
    else
        *out = t;
    return rc;
}

int mn_template_has_tools(const mn_template *t) {
    return t->tools;
}

void mn_template_free(mn_template **t) {
    if (!*t) return;
    mn_arena_free(&(*t)->arena);
    mn_free(*t);
    *t = NULL;
}

/* ---- the context ---------------------------------------------------------------------------- */
static int text_value(mn_jrun *r, const char *text, int trusted, mn_jval *out) {
    const mn_jstr *s;
    MN_TRY(mn_jstr_new(&r->arena, text ? text : "", text ? strlen(text) : 0, trusted, &s));
    *out = mn_jstring(s);
    return 0;
}

static int set(mn_jrun *r, const char *name, mn_jval v) {
    mn_jval key;
    MN_TRY(text_value(r, name, 1, &key));
    return mn_jset(r, key.s, v);
}

static int entry(mn_jrun *r, mn_jdict *d, const char *name, mn_jval v) {
    mn_jval key;
    MN_TRY(text_value(r, name, 1, &key));
    return mn_jdict_set(r, d, key, v);
}

static int usual_role(const mn_jstr *role) {
    static const char *const usual[] = {"system", "user",     "assistant", "tool",  "developer",
                                        "model",  "function", "ipython",   "human", "gpt"};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (mn_jstr_is(role, usual[i])) return 1;
    return 0;
}

static int message_list(mn_jrun *r, const mn_template_args *args, mn_jval *out) {
    mn_jlist *list;
    MN_TRY(mn_jlist_new(r, &list));
    for (size_t i = 0; i < args->n_messages; i++) {
        mn_jdict *d;
        mn_jval v;
        MN_TRY(mn_jdict_new(r, &d));
        MN_TRY(text_value(r, args->message[i].role, 0, &v));
        if (usual_role(v.s)) MN_TRY(text_value(r, args->message[i].role, 1, &v));
        MN_TRY(entry(r, d, "role", v));
        MN_TRY(text_value(r, args->message[i].content, 0, &v));
        MN_TRY(entry(r, d, "content", v));
        MN_TRY(mn_jlist_add(r, list, (mn_jval){.kind = MN_JDICT, .dict = d}));
    }
    *out = (mn_jval){.kind = MN_JLIST, .list = list};
    return 0;
}

static int fill(mn_jrun *r, const mn_template_args *args) {
    mn_jval v;
    MN_TRY(message_list(r, args, &v));
    MN_TRY(set(r, "messages", v));
    MN_TRY(set(r, "add_generation_prompt", mn_jbool(args->add_generation_prompt)));
    MN_TRY(text_value(r, args->bos_token, 1, &v));
    MN_TRY(set(r, "bos_token", v));
    MN_TRY(text_value(r, args->eos_token, 1, &v));
    MN_TRY(set(r, "eos_token", v));
    v = mn_jnone();
    if (args->tools_json)
        MN_TRY(mn_jparse_json(r, args->tools_json, strlen(args->tools_json), 0, &v));
    MN_TRY(set(r, "tools", v));
    return set(r, "documents", mn_jnone());
}

/* Mark the string of this key in d as trusted when `allowed` says so (NULL: always). */
static int trust(mn_jrun *r, mn_jdict *d, const char *key, int (*allowed)(const mn_jstr *)) {
    mn_jval v;
    if (!mn_jdict_name(d, key, &v) || v.kind != MN_JSTR || (allowed && !allowed(v.s))) return 0;
    MN_TRY(mn_jstr_new(&r->arena, v.s->p, v.s->n, 1, &v.s));
    return entry(r, d, key, v);
}

static int fill_json(mn_jrun *r, const char *json, size_t n) {
    mn_jval all, messages;
    MN_TRY(mn_jparse_json(r, json, n, 0, &all));
    if (all.kind != MN_JDICT) return mn_jfail(r, "the names to render with are no JSON object");
    MN_TRY(trust(r, all.dict, "bos_token", NULL));
    MN_TRY(trust(r, all.dict, "eos_token", NULL));
    if (mn_jdict_name(all.dict, "messages", &messages) && messages.kind == MN_JLIST)
        for (size_t i = 0; i < messages.list->n; i++)
            if (messages.list->item[i].kind == MN_JDICT)
                MN_TRY(trust(r, messages.list->item[i].dict, "role", usual_role));
    for (size_t i = 0; i < all.dict->n; i++)
        MN_TRY(mn_jset(r, all.dict->pair[i].key.s, all.dict->pair[i].value));
    return 0;
}

/* ---- rendering ------------------------------------------------------------------------------ */
static int add_piece(mn_rendered *out, size_t from, size_t n, int trusted, size_t *cap) {
    if (out->n_pieces == *cap) {
        const size_t more = *cap ? *cap * 2 : 16;
        mn_piece *p = mn_realloc(out->piece, more * sizeof *p);
        if (!p) return MN_FAIL(MN_ENOMEM, "no memory for %zu pieces of a prompt", more);
        out->piece = p;
        *cap = more;
    }
    out->piece[out->n_pieces++] = (mn_piece){from, n, trusted};
    return 0;
}

static int collect(const mn_jtext *text, mn_rendered *out) {
    size_t cap = 0;
    MN_TRY(mn_buf_append(&out->text, text->p, text->n));
    for (size_t from = 0, to; from < text->n; from = to) {
        const uint8_t *end = memchr(text->mark + from, !text->mark[from], text->n - from);
        to = end ? (size_t)(end - text->mark) : text->n;
        MN_TRY(add_piece(out, from, to - from, text->mark[from], &cap));
    }
    return 0;
}

/* What a run is given to read: one of the two. */
typedef struct given {
    const mn_template_args *args;
    const char *json;
    size_t n;
} given;

static int render(const mn_template *t, const given *in, size_t input, int64_t now,
                  mn_rendered *out) {
    const uint64_t steps = 4000000 + 4 * (uint64_t)input;
    mn_jscope scope = {0};
    mn_jtext text = {0};
    mn_jrun r = {.arena = {.limit = ((size_t)64 << 20) + 64 * input, .what = "this chat template"},
                 .steps = steps,
                 .max_steps = steps,
                 .max_out = ((size_t)4 << 20) + 8 * input,
                 .now = now,
                 .scope = &scope,
                 .out = &text};
    int rc = in->args ? fill(&r, in->args) : fill_json(&r, in->json, in->n);
    if (rc >= 0) rc = mn_jexec(&r, t->root);
    if (rc >= 0) rc = collect(&text, out);
    mn_arena_free(&r.arena);
    if (rc < 0) mn_rendered_free(out);
    return rc;
}

int mn_template_render(const mn_template *t, const mn_template_args *args, mn_rendered *out) {
    size_t input = args->tools_json ? strlen(args->tools_json) : 0;
    for (size_t i = 0; i < args->n_messages; i++)
        input += 64 + (args->message[i].content ? strlen(args->message[i].content) : 0);
    return render(t, &(given){.args = args}, input, 0, out);
}

int mn_template_render_json(const mn_template *t, const char *json, size_t n, int64_t now,
                            mn_rendered *out) {
    return render(t, &(given){.json = json, .n = n}, n, now, out);
}

void mn_rendered_free(mn_rendered *r) {
    mn_buf_free(&r->text);
    mn_free(r->piece);
    r->piece = NULL;
    r->n_pieces = 0;
}
