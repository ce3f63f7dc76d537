/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/org/zep.h - what the two files of this organiser share.
 */
#ifndef MN_AGENT_ORG_ZEP_H
#define MN_AGENT_ORG_ZEP_H
#include "agent/org.h"

/* The ops that bring the communities of a graph up to what its edges say now. */
int mn_zep_communities(mn_org *c, mn_ops *ops);

#endif
