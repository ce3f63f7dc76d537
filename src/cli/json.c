/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/json.c - an object, compact, and its line end.
 */
#include "cli/json.h"

#include "base/json.h"

int mn_cli_json(json_t *object, mn_buf *out) {
    const int rc = mn_json_write(object, JSON_COMPACT, out);
    json_decref(object);
    return rc < 0 ? rc : mn_buf_puts(out, "\n");
}
