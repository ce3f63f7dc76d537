/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/record.h - a record of agents' memory as JSON, the same by every door.
 */
#ifndef MN_SERVE_RECORD_H
#define MN_SERVE_RECORD_H
#include "omnesia.h"

#include <jansson.h>

/* {"id", "ref", "text", "time", "score", "source"}, and what else it has: "session", "speaker",
 * "kind", "agent", "run", "meta", "from", "until", "created", "expired" (RFC 3339; null: unknown).
 * `searched`: it has a score. NULL: no memory. */
json_t *mn_record_json(const mn_record *record, int searched);

#endif
