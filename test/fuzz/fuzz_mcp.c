/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_mcp.c - any bytes as a message of the protocol, with and without a head of HTTP.
 *
 * The first byte chooses who asks: how far a handshake came, and what a head says. Checked: an
 * answer is one line of JSON with either a result or an error, whose id is null or that of the
 * message; the status is one of four; without an id there is no answer but to what is no message.
 */
#include "folder.h"
#include "serve/mcp.h"

#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *message, size_t n, const mn_buf *reply, int status) {
    json_t *answer = json_loadb(reply->data, reply->len, 0, NULL);
    json_t *asked = json_loadb(message, n, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    json_t *id = json_object_get(answer, "id");
    if (!answer || memchr(reply->data, '\n', reply->len)) abort();
    if (!json_object_get(answer, "result") == !json_object_get(answer, "error")) abort();
    if (!json_is_null(id) && !json_equal(id, json_object_get(asked, "id"))) abort();
    if (json_object_get(answer, "result") && (status != 200 || json_is_null(id))) abort();
    json_decref(answer);
    json_decref(asked);
}

/* One for all inputs; its file goes at once, so that nothing is left of it. */
static mn_region *opened(void) {
    char path[96];
    mn_region *region;
    if (folder_begin("fuzz-mcp", 1) < 0) abort();
    snprintf(path, sizeof path, "%s/region", folder);
    if (mn_region_open(path, 16 << 20, -1, &region) < 0 || folder_end()) abort();
    return region;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const mn_mcp_head heads[] = {{0},
                                        {"2025-06-18", NULL, NULL, NULL},
                                        {"2026-07-28", "tools/call", "object_get", NULL},
                                        {"2026-07-28", "tools/list", "=?base64?YQ==?=", NULL}};
    static mn_region *region;
    if (!size || size > 65536) return 0;
    json_set_alloc_funcs(mn_malloc, mn_free);
    if (!region) region = opened();
    mn_mcp_peer peer = {.region = region,
                        .folder = data[0] & 8 ? "tenant/f/" : "",
                        .scope = {.user = "f"},
                        .head = data[0] & 4 ? &heads[data[0] & 3] : NULL,
                        .revision = data[0] >> 4 & 3};
    mn_buf reply = {0};
    const char *message = (const char *)data + 1;
    const int status = mn_mcp_take_text(&peer, message, size - 1, &reply);
    if (status != 200 && status != 202 && status != 400 && status != 404) abort();
    if (status == 202 && reply.len) abort();
    if (reply.len) check(message, size - 1, &reply, status);
    mn_buf_free(&reply);
    return 0;
}
