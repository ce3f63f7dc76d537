/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/json.h - what commands print for programs: JSON objects, one a line.
 */
#ifndef MN_CLI_JSON_H
#define MN_CLI_JSON_H
#include "base/buf.h"

#include <jansson.h>

/* One line with the object, which is consumed; NULL: there was no memory for it. */
int mn_cli_json(json_t *object, mn_buf *out);

#endif
