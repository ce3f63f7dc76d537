/* SPDX-License-Identifier: Apache-2.0
 *
 * base/json.h - JSON as text.
 *
 * json_dumps is not for us: it goes on behind a piece that there was no memory for, and gives out
 * memory of Jansson's allocator, which is the host's choice when we are a library.
 */
#ifndef MN_BASE_JSON_H
#define MN_BASE_JSON_H
#include "base/buf.h"

#include <jansson.h>

/* Append JSON, with flags of Jansson. Fails as mn_buf_append does, and then nothing was appended;
 * MN_ENOMEM also for NULL. */
int mn_json_write(const json_t *json, size_t flags, mn_buf *out);
/* The same as a text for mn_free; NULL: no memory. */
char *mn_json_text(const json_t *json, size_t flags);

#endif
