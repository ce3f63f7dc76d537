/* SPDX-License-Identifier: Apache-2.0
 *
 * api/mem_port.c - omnesia.h, records in and out of files: agent/port.h in the shape users see.
 */
#include "agent/port.h"
#include "api/mem.h"

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
