/* SPDX-License-Identifier: Apache-2.0
 *
 * api/mem_port.c - omnesia.h, records in and out of files, and from store to store: agent/port.h
 * and agent/migrate.h in the shape users see.
 */
#include "agent/migrate.h"
#include "agent/port.h"
#include "api/mem.h"
#include "base/hash.h"

static mn_port_told told_of(const mn_progress *progress) {
    return (mn_port_told){.report = progress ? progress->report : NULL,
                          .report_user = progress ? progress->user : NULL};
}

int mn_mem_import(mn_mem *m, const mn_scope *scope, const char *path, const char *format,
                  const mn_progress *progress, void (*wrong)(void *user, const char *line),
                  void *user, mn_carry *out) {
    mn_who who;
    mn_port_sum sum = {0};
    mn_port_told told = told_of(progress);
    if (out) *out = (mn_carry){0};
    MN_TRY(mn_mem_who(scope, &who));
    told.wrong = wrong;
    told.wrong_user = user;
    const int rc = mn_port_import(m->notes, &who, path, format, &told, &sum);
    if (out) *out = (mn_carry){sum.added, sum.there, sum.wrong, sum.skipped};
    if (sum.added) mn_mem_tell(m, scope, "added", 0);
    return rc;
}

int64_t mn_mem_export(mn_mem *m, const mn_scope *scope, const char *path, const char *format,
                      const mn_progress *progress) {
    mn_who who;
    const mn_port_told told = told_of(progress);
    MN_TRY(mn_mem_who(scope, &who));
    return mn_port_export(m->notes, &who, path, format, &told);
}

static int contents_json(const mn_contents *c, mn_buf *out) {
    char hex[65];
    mn_hash_hex(c->digest, hex);
    return mn_buf_printf(out,
                         "{\"users\":%lld,\"rows\":%lld,\"vectors\":%lld,\"links\":%lld,"
                         "\"digest\":\"%s\"}",
                         (long long)c->pieces[MN_PART_owner], (long long)c->pieces[MN_PART_record],
                         (long long)c->pieces[MN_PART_vector], (long long)c->pieces[MN_PART_link],
                         hex);
}

int mn_mem_migrate(const char *from, const char *to, const mn_progress *p, char **result) {
    const mn_migrate_told told = {p ? p->report : NULL, p ? p->user : NULL};
    mn_contents contents;
    mn_buf where = {0}, where_to = {0}, said = {0};
    *result = NULL;
    int rc = mn_mem_place(from, &where);
    if (rc >= 0) rc = mn_mem_place(to, &where_to);
    if (rc >= 0) rc = mn_migrate(where.data, where_to.data, &told, &contents);
    if (rc >= 0) rc = contents_json(&contents, &said);
    mn_buf_free(&where);
    mn_buf_free(&where_to);
    if (rc >= 0)
        *result = said.data;
    else
        mn_buf_free(&said);
    return rc;
}
