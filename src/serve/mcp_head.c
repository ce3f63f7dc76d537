/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/mcp_head.c - revisions of the protocol, and heads of HTTP that say what bodies say again.
 *
 * Whoever stands between client and server routes by the head, so a body that says something else
 * is refused. A value that HTTP cannot carry comes as "=?base64?..?=".
 */
#include "serve/mcp.h"

#include "base/error.h"

#include <openssl/evp.h>
#include <string.h>

/* In the order of MN_MCP_*. */
static const char *const revisions[] = {"",           "2024-11-05", "2025-03-26", "2025-06-18",
                                        "2025-11-25", "2026-07-28", NULL};

int mn_mcp_revision(const char *name) {
    for (int i = MN_MCP_FIRST; name && i <= MN_MCP_NOW; i++)
        if (strcmp(revisions[i], name) == 0) return i;
    return MN_MCP_NONE;
}

const char *mn_mcp_revision_name(int revision) {
    return revision > MN_MCP_NOW ? NULL : revisions[revision];
}

/* Does the value of a field say `text`? */
static int says(const char *value, const char *text) {
    enum { BEGIN = 9, END = 2, MOST = 1024 };
    unsigned char plain[MOST + 1];
    const size_t n = value ? strlen(value) : 0;
    if (!value) return 0;
    if (n < BEGIN + END || strncmp(value, "=?base64?", BEGIN) != 0 ||
        strcmp(value + n - END, "?=") != 0)
        return strcmp(value, text) == 0;
    const size_t coded = n - BEGIN - END;
    if (coded > MOST || coded % 4) return 0;
    const int bytes = EVP_DecodeBlock(plain, (const unsigned char *)value + BEGIN, (int)coded);
    size_t pad = 0; /* which is decoded as zero bytes */
    while (pad < 2 && pad < coded && value[BEGIN + coded - 1 - pad] == '=') pad++;
    return bytes >= 0 && (size_t)bytes - pad == strlen(text) &&
           memcmp(plain, text, strlen(text)) == 0;
}

int mn_mcp_head_agrees(const mn_mcp_head *head, const char *revision, const char *method,
                       const char *name) {
    const struct {
        const char *field, *value, *text, *what;
    } all[] = {{"MCP-Protocol-Version", head->version, revision, "the revision in params._meta"},
               {"Mcp-Method", head->method, method, "the method"},
               {"Mcp-Name", head->name, name, "params.name"}};
    if (head->twice) return MN_FAIL(MN_EINVAL, "%s stands twice in the head", head->twice);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i].text || says(all[i].value, all[i].text)) continue;
        return MN_FAIL(MN_EINVAL, "%s is %s%.64s, and %s of the body is %.64s", all[i].field,
                       all[i].value ? "" : "not there", all[i].value ? all[i].value : "",
                       all[i].what, all[i].text);
    }
    return 0;
}
