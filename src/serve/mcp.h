/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/mcp.h - the Model Context Protocol, as a server of tools: one message in, one answer out.
 *
 * Pure protocol: nothing here knows a socket. cli/mcp.c brings lines of standard input,
 * serve/mcp_http.c bodies of POST /mcp. Two eras are spoken, chosen by each message:
 *
 *   handshake (2024-11-05 to 2025-11-25)   `initialize` agrees on a revision; then ping, tools/list
 *                                          and tools/call. Nothing is asked of who skips it.
 *   envelope (2026-07-28)                  no handshake: params._meta has the revision and what
 *                                          the client can do; server/discover says what there is.
 *                                          Results have a resultType, errors codes of their own.
 *
 * A message is of the second era when its _meta names a revision, or its HTTP head one of that era.
 * No state is kept between messages, but for the revision that `initialize` agreed on, which says
 * whether results are told as structures, too. Over HTTP the head says it again.
 *
 * Tools are rows of one table (serve/mcp_tools.h). What a tool cannot do is a result, for the model
 * to read (isError); what is no message of the protocol is an error of JSON-RPC.
 */
#ifndef MN_SERVE_MCP_H
#define MN_SERVE_MCP_H
#include "base/buf.h"
#include "omnesia.h"

#include <jansson.h>
#include <stddef.h>

enum { MN_MCP_LINE = 16 << 20 }; /* bytes of a message */
#define MN_MCP_TENANTS "tenant/" /* the region's folder of folders of tenants */

/* Of a request's head, as they came; NULL: absent. */
typedef struct mn_mcp_head {
    const char *version, *method, *name; /* MCP-Protocol-Version, Mcp-Method, Mcp-Name */
    const char *twice;                   /* one of them that came more than once */
} mn_mcp_head;

/* Who asks, and what there is. Nothing of it comes from a message. */
typedef struct mn_mcp_peer {
    mn_mem *mem;             /* NULL: there are no tools for memory */
    mn_region *region;       /* NULL: nor for objects */
    mn_scope scope;          /* of memory: filled by the door */
    const char *fleet;       /* its name; NULL: "main" */
    const char *folder;      /* of the region, "x/": its objects are all there are; "": all */
    const mn_mcp_head *head; /* NULL: it came without one */
    int revision;            /* MN_MCP_*: what initialize agreed on; set by mn_mcp_take */
} mn_mcp_peer;

/* Answer a message: appended to `reply`, without a line end; nothing for a notification. Returns
 * the status HTTP has for it: 200, 202 (no answer), 400, 404. */
int mn_mcp_take(mn_mcp_peer *peer, json_t *message, mn_buf *reply);
/* The same of bytes, which may be anything; n beyond MN_MCP_LINE is refused unread. */
int mn_mcp_take_text(mn_mcp_peer *peer, const char *bytes, size_t n, mn_buf *reply);

/* An error that has no message: what a door says. `text` is consumed. */
json_t *mn_mcp_error(int status, const char *code, json_t *text);
/* mcp_head.c: is this a MCP-Protocol-Version with, or without a handshake? Else 0. */
enum {
    MN_MCP_NONE,
    MN_MCP_FIRST,
    MN_MCP_SECOND,
    MN_MCP_STRUCTURED,
    MN_MCP_LAST_SHAKEN,
    MN_MCP_NOW
};
int mn_mcp_revision(const char *name);
const char *mn_mcp_revision_name(int revision); /* NULL beyond the last */
/* MN_EINVAL: head and body disagree, about what. `name`: of the tool; NULL: the method has none. */
int mn_mcp_head_agrees(const mn_mcp_head *head, const char *revision, const char *method,
                       const char *name);

#endif
