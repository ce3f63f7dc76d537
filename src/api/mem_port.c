/* SPDX-License-Identifier: Apache-2.0
 *
 * api/mem_port.c - placeholder until the formats land.
 */
#include "api/mem.h"
#include "base/error.h"
int mn_mem_import(mn_mem *mem, const mn_scope *scope, const char *path, const char *format,
                  const mn_progress *progress, void (*wrong)(void *user, const char *line),
                  void *user, mn_carry *out) {
    return MN_FAIL(MN_EUNSUPPORTED, "not yet");
}
int64_t mn_mem_export(mn_mem *mem, const mn_scope *scope, const char *path, const char *format,
                      const mn_progress *progress) {
    return MN_FAIL(MN_EUNSUPPORTED, "not yet");
}
