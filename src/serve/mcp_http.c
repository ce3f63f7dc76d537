/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/mcp_http.c - POST /mcp: a message of the protocol as the body of a request.
 *
 * Whose memory it is, no message says: serve/scope.h. A tenant's objects lie in a folder of its
 * own. The answer is plain JSON; nothing is streamed, and no session is kept.
 */
#include "serve/mcp.h"

#include "base/error.h"
#include "serve/route.h"
#include "serve/routes.h"
#include "serve/scope.h"
#include "serve/server.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One that came more than once: two readers might take another one each. */
static const char *twice(const mn_http_head *head) {
    static const char *const names[] = {"MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int count = 0;
        for (int k = 0; k < head->n; k++) count += strcasecmp(head->field[k].name, names[i]) == 0;
        if (count > 1) return names[i];
    }
    return NULL;
}

/* Is "application/json" among what is accepted? Who says nothing takes anything. */
static int accepts_json(const char *accept) {
    static const char *const good[] = {"application/json", "application/*", "*/*"};
    while (accept && *accept) {
        accept += strspn(accept, ", \t");
        const size_t n = strcspn(accept, ",; \t");
        for (size_t i = 0; i < sizeof good / sizeof *good; i++)
            if (n == strlen(good[i]) && strncasecmp(accept, good[i], n) == 0) return 1;
        accept += strcspn(accept, ",");
    }
    return !accept;
}

int mn_mcp_work(mn_exchange *x) {
    const mn_mcp_head head = {mn_http_field(&x->head, "mcp-protocol-version"),
                              mn_http_field(&x->head, "mcp-method"),
                              mn_http_field(&x->head, "mcp-name"), twice(&x->head)};
    char folder[2 * MN_TENANT_BYTES + sizeof MN_MCP_TENANTS + 1] = "";
    mn_asker asker;
    mn_mcp_peer peer = {.mem = x->server->options.mem,
                        .region = x->server->options.model.region,
                        .folder = folder,
                        .head = &head};
    if (!accepts_json(mn_http_field(&x->head, "accept")))
        return mn_reply_error(x, 406, NULL, "not_acceptable",
                              "the answer is application/json; Accept must allow it");
    const int rc = mn_asker_read(x, NULL, &asker);
    if (rc < 0) return mn_reply_failure(x, rc, NULL, mn_error_detail());
    peer.scope = asker.scope;
    if (*asker.tenant) snprintf(folder, sizeof folder, "%s%s/", MN_MCP_TENANTS, asker.tenant);
    mn_buf_clear(&x->reply);
    x->status = mn_mcp_take(&peer, x->json, &x->reply);
    x->type = x->reply.len ? "application/json" : NULL;
    if (x->status == 400 && !x->reply.len)
        return mn_reply_error(x, 400, NULL, "invalid_request",
                              "method is missing: answers are not taken, nothing was asked");
    return 0;
}
