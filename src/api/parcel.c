/* SPDX-License-Identifier: Apache-2.0
 *
 * api/parcel.c - omnesia.h, what is cached as a file: out of one region, into another.
 */
#include "kv/parcel.h"
#include "api/model.h"

#include "base/error.h"

#include <string.h>

typedef struct carrying {
    const mn_progress *progress;
    const char *what;
} carrying;

static int report(void *user, uint64_t done, uint64_t total) {
    const carrying *w = user;
    const mn_progress *p = w->progress;
    return p && p->report ? p->report(p->user, w->what, done, total) : 0;
}

static void say(const mn_kv_carried *c, mn_carried *out) {
    _Static_assert(sizeof *c == sizeof *out, "one shape under two names");
    memcpy(out, c, sizeof *out);
}

/* What the region has of a request, held by a session. */
static int held_by(mn_model *m, const mn_request *r, mn_session **out) {
    mn_buf ids = {.what = "the prompt"};
    int coming;
    int rc = mn_prompt_encode(m, r, 0, &ids);
    const int32_t *id = (const int32_t *)(const void *)ids.data;
    const int n = (int)(ids.len / sizeof *id);
    if (rc >= 0) rc = mn_session_open(m, r->context, r->kv_q8, out);
    if (rc >= 0) rc = n ? mn_seq_match((*out)->seq, id, n, &coming) : 0;
    if (rc == 0)
        rc = MN_FAIL(MN_ENOENT, "nothing of this prompt is cached: run it once, then export it");
    mn_buf_free(&ids);
    return rc;
}

int mn_region_export(mn_region *region, mn_model *m, const mn_request *r, const char *path,
                     const mn_progress *progress, mn_carried *out) {
    carrying w = {progress, "exporting"};
    const mn_kv_progress how = {report, &w};
    mn_kv_carried c = {0};
    mn_session *s = NULL;
    int rc = m ? held_by(m, r, &s) : 0;
    if (rc >= 0) rc = mn_kv_export(region, s ? mn_seq_name(s->seq) : 0, path, &how, &c);
    mn_session_close(&s);
    say(&c, out);
    return rc;
}

int mn_region_import(mn_region *region, const char *path, const mn_progress *progress,
                     mn_carried *out) {
    carrying w = {progress, "importing"};
    const mn_kv_progress how = {report, &w};
    mn_kv_carried c;
    const int rc = mn_kv_import(region, path, &how, &c);
    say(&c, out);
    return rc;
}
