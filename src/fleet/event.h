/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/event.h - events of the log as sentences, the same wherever one is read: a terminal, the
 * page, a viewer of robot logs, an agent.
 *
 *     {"kind": "moved", "thing": "cup", "from": "arm", "to": "table", "how": "on", "robot": "arm"}
 *     -> "arm put cup on table"
 */
#ifndef MN_FLEET_EVENT_H
#define MN_FLEET_EVENT_H
#include "base/buf.h"

#include <jansson.h>

/* Appended, one line without its end; "" of what is no event. Texts of others may hold anything. */
int mn_event_line(const json_t *event, mn_buf *out);
int mn_event_is_bad(const json_t *event); /* 1: somebody should look; no other list says so */
/* The event gets its sentence as "line", and "bad": true when somebody should look. */
int mn_event_put_line(json_t *event);

#endif
