/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_call.c - finding built-ins by name and binding arguments to their parameters.
 */
#include "model/jinja.h"

#include <string.h>

static const mn_jrow *find(const mn_jrow *rows, const mn_jstr *name) {
    for (; rows->name; rows++)
        if (mn_jstr_is(name, rows->name)) return rows;
    return NULL;
}

const mn_jrow *mn_jfilter_find(const mn_jstr *name) {
    const mn_jrow *row = find(mn_jfilters_text, name);
    return row ? row : find(mn_jfilters_list, name);
}

const mn_jrow *mn_jtest_find(const mn_jstr *name) {
    return find(mn_jtests, name);
}

const mn_jrow *mn_jfunction_find(const mn_jstr *name) {
    return find(mn_jfunctions, name);
}

const mn_jrow *mn_jmethod_find(mn_jkind kind, const mn_jstr *name) {
    switch (kind) {
    case MN_JSTR: return find(mn_jmethods_text, name);
    case MN_JLIST: return find(mn_jmethods_list, name);
    case MN_JTUPLE: return find(mn_jmethods_tuple, name);
    case MN_JDICT: return find(mn_jmethods_dict, name);
    case MN_JLOOP: return find(mn_jmethods_loop, name);
    default: return NULL;
    }
}

/* The index of a name in "old new count"; -1: not there. */
static int parameter(const char *params, const mn_jstr *name) {
    int i = 0;
    for (const char *p = params; *p; i++) {
        const size_t n = strcspn(p, " ");
        if (n == name->n && memcmp(p, name->p, n) == 0) return i;
        p += n;
        p += *p == ' ';
    }
    return -1;
}

static int count(const char *params) {
    int n = *params != 0;
    for (const char *p = params; *p; p++) n += *p == ' ';
    return n;
}

static int bind(mn_jrun *r, const mn_jrow *row, mn_jcall *call) {
    const int n = count(row->params);
    if (call->pos->n > (size_t)n)
        return mn_jfail(r, "%s takes %d arguments, not %zu", row->name, n, call->pos->n);
    for (size_t i = 0; i < call->pos->n; i++) call->arg[i] = call->pos->item[i];
    for (size_t i = 0; i < call->named->n; i++) {
        const mn_jstr *name = call->named->pair[i].key.s;
        const int at = parameter(row->params, name);
        if (at < 0 || call->arg[at].kind != MN_JMISSING)
            return mn_jfail(r, "%s does not take '%.*s' here", row->name,
                            name->n < 60 ? (int)name->n : 60, name->p);
        call->arg[at] = call->named->pair[i].value;
    }
    for (int i = 0; i < row->required; i++)
        if (call->arg[i].kind == MN_JMISSING)
            return mn_jfail(r, "%s needs %d arguments (%s)", row->name, row->required, row->params);
    return 0;
}

int mn_jcall_row(mn_jrun *r, const mn_jrow *row, mn_jval self, mn_jlist *pos, mn_jdict *named,
                 mn_jval *out) {
    mn_jcall call = {.self = self, .pos = pos, .named = named};
    MN_TRY(mn_jenter(r));
    if (row->params) MN_TRY(bind(r, row, &call));
    MN_TRY(row->fn(r, &call, out));
    r->depth--;
    return 0;
}

int mn_jarg_int(const mn_jrun *r, mn_jval v, int64_t fallback, int64_t *out) {
    *out = fallback;
    if (v.kind == MN_JMISSING || v.kind == MN_JNONE) return 0;
    if (v.kind != MN_JINT && v.kind != MN_JBOOL)
        return mn_jfail(r, "expected a whole number, not a %s", mn_jkind_name(v));
    *out = v.i;
    return 0;
}

int mn_jarg_str(const mn_jrun *r, mn_jval v, const mn_jstr *fallback, const mn_jstr **out) {
    *out = fallback;
    if (v.kind == MN_JMISSING || v.kind == MN_JNONE) return 0;
    if (v.kind != MN_JSTR) return mn_jfail(r, "expected a string, not a %s", mn_jkind_name(v));
    *out = v.s;
    return 0;
}
