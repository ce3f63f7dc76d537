/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/json.c - an object, compact, and its line end.
 */
#include "cli/json.h"

#include "base/alloc.h"
#include "base/error.h"

int mn_cli_json(json_t *object, mn_buf *out) {
    char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!line) return MN_FAIL(MN_ENOMEM, "no memory for a JSON object");
    const int rc = mn_buf_printf(out, "%s\n", line);
    mn_free(line);
    return rc;
}
