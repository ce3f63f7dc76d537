/* SPDX-License-Identifier: Apache-2.0
 *
 * api/mem_unknown.c - is a question about somebody of whom nothing is known that could answer it?
 *
 * Only of people who are not there to speak ("my uncle Felix", agent/kin.h): of the records that
 * name them, MOST at most, the nearest to the question by cosine, as it is asked by one who has
 * them in mind ("Which bread does she bake?"). Below NEAR, nothing is known. It costs a search for
 * the name and the vectors of the records that have it, no model that writes.
 */
#include "agent/kin.h"
#include "agent/words.h"
#include "api/mem.h"

#include "base/alloc.h"

#include <string.h>

enum { MOST = 100 };
static const double NEAR = 0.32; /* docs/QUALITY.md: memgen-S, seeds 1 to 6 */

/* Texts that name them, a NUL behind each. */
typedef struct named {
    const char *name;
    mn_buf texts;
    int rc;
} named;

/* Is `name` a word of the text, with whatever ending? */
static int has_word(const char *text, size_t n, const char *name) {
    mn_words wanted = mn_words_of(name, strlen(name));
    if (!mn_words_next(&wanted)) return 0;
    for (mn_words w = mn_words_of(text, n); mn_words_next(&w);)
        if (w.n == wanted.n && memcmp(w.word, wanted.word, w.n) == 0) return 1;
    return 0;
}

static int take(void *user, const mn_record *r) {
    named *const to = user;
    if (!has_word(r->text, r->n, to->name)) return 0;
    to->rc = mn_buf_append(&to->texts, r->text, r->n);
    if (to->rc >= 0) to->rc = mn_buf_append(&to->texts, "", 1);
    return to->rc < 0;
}

/* The best cosine of the question and one of the texts; 0: none is alike. */
static int nearest_of(mn_mem *m, const float *question, const mn_buf *texts, double *out) {
    float *const v = mn_malloc((size_t)m->dim * sizeof *v);
    if (!v) return MN_FAIL(MN_ENOMEM, "no memory for a vector");
    *out = 0;
    for (const char *at = texts->data, *end = at + texts->len; at < end; at += strlen(at) + 1) {
        double cosine = 0;
        if (!mn_mem_vector(m, at, strlen(at), v)) continue;
        for (int d = 0; d < m->dim; d++) cosine += (double)question[d] * (double)v[d];
        if (cosine > *out) *out = cosine;
    }
    mn_free(v);
    return 0;
}

static int look(mn_mem *m, const mn_scope *scope, const mn_kin *kin, double *nearest) {
    const mn_find what = {.query = kin->name.data, .k = MOST};
    named to = {.name = kin->name.data, .texts = {.what = "what is known of somebody"}};
    float *question = NULL;
    mn_who who;
    MN_TRY(mn_mem_who(scope, &who));
    int rc = mn_mem_sense(m, &who, kin->text.data, &question);
    if (rc >= 0 && question) {
        rc = mn_mem_find(m, scope, &what, take, &to);
        if (to.rc < 0) rc = to.rc;
        if (rc >= 0) rc = nearest_of(m, question, &to.texts, nearest);
    }
    const int asked = question != NULL; /* without a vector of it nothing can be told */
    mn_free(question);
    mn_buf_free(&to.texts);
    return rc < 0 ? rc : asked && *nearest < NEAR;
}

int mn_mem_unknown(mn_mem *m, const mn_scope *scope, const char *question, double *near) {
    double nearest = 1;
    mn_kin kin = {.name = {.what = "a name"}, .text = {.what = "a question"}};
    int rc = mn_kin_of(question, &kin);
    if (rc > 0) rc = look(m, scope, &kin, &nearest);
    mn_kin_free(&kin);
    if (near) *near = nearest;
    return rc;
}
