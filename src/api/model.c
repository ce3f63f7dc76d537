/* SPDX-License-Identifier: Apache-2.0
 *
 * api/model.c - omnesia.h, models: open, describe, close.
 */
#include "api/model.h"
#include "api/mem.h"
#include "api/store.h"

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/digest.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static int pack_report(void *user, uint64_t done, uint64_t total) {
    const mn_progress *p = user;
    return p && p->report ? p->report(p->user, "packing weights (once)", done, total) : 0;
}

/* By name or path, fetched when it is missing and may be. */
static int locate(const char *name, const mn_model_options *o, char **path) {
    const mn_fetch_ui ui = {o->progress.report, o->progress.user, o->notice, o->notice_user};
    MN_TRY(mn_store_check_kind(name, o->kind));
    return mn_store_resolve(name, o->no_pull, &ui, path);
}

static int knows(void *tokenizer, const char *special) {
    return mn_tokenizer_special(tokenizer, special) >= 0;
}

/* The model's own template, else the one of its architecture. A template that does not compile is
 * no reason not to open: raw prompts still work, and chat says why it does not. */
static int open_chat(mn_model *m) {
    mn_str source = mn_gguf_str(m->net->gguf, "tokenizer.chat_template");
    if (!source.n) {
        const char *name = mn_template_choose(m->net->arch->name, knows, m->net->tokenizer);
        const char *text = name ? mn_template_builtin(name) : NULL;
        if (text) source = (mn_str){text, strlen(text)};
    }
    if (!source.n) return 0;
    if (mn_template_compile(source.p, source.n, &m->chat) >= 0) return 0;
    m->chat_error = mn_strdup(mn_error_detail());
    return m->chat_error ? 0 : MN_FAIL(MN_ENOMEM, "no memory to open a model");
}

int mn_model_writes(const mn_model *m) {
    return m->engine ? 0 : mn_store_wrong_kind(m->name, 1);
}

/* The workspace of its kind. */
static int open_kind(mn_model *m, int kind) {
    const int embedding = m->net->arch->encoder;
    if (kind != MN_ANY && embedding != (kind == MN_EMBEDS))
        return mn_store_wrong_kind(m->name, embedding);
    MN_TRY(mn_exec_reserve(&m->exec, embedding ? mn_encoder_scratch_bytes(m->net)
                                               : mn_engine_scratch_bytes(m->net)));
    if (embedding) return mn_encoder_open(m->net, &m->exec, &m->encoder);
    MN_TRY(mn_engine_open(m->net, &m->exec, &m->engine));
    return open_chat(m);
}

/* OMNESIA_SHARE: the Redis through which machines share what they computed. What is private stays,
 * and says nothing of itself. */
static int open_remote(mn_model *m) {
    const char *const url = getenv("OMNESIA_SHARE");
    if (!m->region || m->quiet || !m->engine || !url || !*url || strcmp(url, "none") == 0) return 0;
    return mn_remote_open(url, m->region, &m->remote);
}

int mn_model_open(const char *name, const mn_model_options *options, mn_model **out) {
    static const mn_model_options none;
    const mn_model_options *o = options ? options : &none;
    *out = NULL;
    if (!name || !*name) return MN_FAIL(MN_EINVAL, "no model is named");
    mn_model *m = mn_calloc(1, sizeof *m);
    if (!m) return MN_FAIL(MN_ENOMEM, "no memory to open a model");
    pthread_mutex_init(&m->step, NULL);
    mn_kept_open(&m->kept);
    char *path = NULL;
    const mn_kernels *kernels;
    const int threads = o->threads > 0 ? o->threads : mn_cpu_count() < 64 ? mn_cpu_count() : 64;
    int rc = mn_kernels_pick(NULL, o->bf16 ? MN_NUMERICS_BF16 : MN_NUMERICS, &kernels);
    if (rc >= 0 && !(m->name = mn_strdup(name)))
        rc = MN_FAIL(MN_ENOMEM, "no memory to open a model");
    if (rc >= 0) rc = locate(name, o, &path);
    if (rc >= 0) rc = mn_exec_open(threads, kernels, &m->exec);
    if (rc >= 0)
        rc = mn_net_open(path, m->exec.team, pack_report, (void *)(uintptr_t)&o->progress, &m->net);
    if (rc >= 0 && o->notice && mn_packfile_in_memory(m->net->pack))
        o->notice(o->notice_user, mn_packfile_in_memory(m->net->pack));
    if (rc >= 0) rc = open_kind(m, o->kind);
    if (rc >= 0 && m->engine) rc = mn_grammar_vocab_open(m->net->tokenizer, &m->vocab);
    m->region = o->region;
    m->quiet = o->private_;
    if (rc >= 0 && m->region) rc = mn_digest_of(path, m->exec.team, m->digest);
    if (rc >= 0 && m->region && !m->quiet && m->engine) mn_mem_reader(m, path);
    if (rc >= 0) rc = open_remote(m);
    mn_free(path);
    if (rc < 0) mn_model_close(&m);
    *out = m;
    return rc;
}

void mn_model_close(mn_model **pm) {
    mn_model *m = *pm;
    *pm = NULL;
    if (!m) return;
    mn_remote_close(&m->remote);
    mn_kept_close(&m->kept);
    mn_template_free(&m->chat);
    mn_buf_free(&m->open);
    mn_grammar_vocab_close(&m->vocab);
    mn_engine_close(&m->engine);
    mn_encoder_close(&m->encoder);
    mn_net_close(&m->net);
    mn_exec_close(&m->exec);
    pthread_mutex_destroy(&m->step);
    mn_free((void *)(uintptr_t)m->chat_error);
    mn_free(m->name);
    mn_free(m);
}

void mn_model_describe(const mn_model *m, mn_model_info *out) {
    *out = (mn_model_info){.name = m->name,
                           .architecture = m->net->arch->name,
                           .n_vocab = m->net->V,
                           .n_context = m->net->context,
                           .n_layer = m->net->L,
                           .n_embd = m->net->D,
                           .file_bytes = mn_gguf_size(m->net->gguf),
                           .weight_bytes = mn_packfile_bytes(m->net->pack),
                           .parameters = m->net->parameters,
                           .isa = m->exec.k->name,
                           .numerics = m->exec.k->numerics,
                           .threads = mn_team_size(m->exec.team),
                           .embedding = m->net->arch->encoder};
}

void mn_cancel(mn_model *m) {
    atomic_store(&m->cancel, 1);
}
