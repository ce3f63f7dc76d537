/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/org/mem0.h - the running summary of what is known in one place (org/mem0_summary.c).
 */
#ifndef MN_AGENT_ORG_MEM0_H
#define MN_AGENT_ORG_MEM0_H
#include "agent/org.h"

/* The summary as it is now; row->id 0: there is none. */
int mn_mem0_summary(mn_org *c, mn_row *out);
/* Written anew by a model when enough facts have come since. */
int mn_mem0_summarise(mn_org *c, mn_ops *ops);

#endif
