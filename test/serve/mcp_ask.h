/* SPDX-License-Identifier: Apache-2.0
 *
 * test/serve/mcp_ask.h - messages of MCP as literals: a request, a call of a tool, and the same in
 * the era that has no handshake.
 */
#ifndef TEST_SERVE_MCP_ASK_H
#define TEST_SERVE_MCP_ASK_H

#define NOW                                                                  \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"," \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define ASK(id, method, params) \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":{" params "}}"
#define CALL(tool, arguments) \
    ASK("1", "tools/call", "\"name\":\"" tool "\",\"arguments\":{" arguments "}")
#define CALL_NOW(tool, arguments) \
    ASK("1", "tools/call", NOW ",\"name\":\"" tool "\",\"arguments\":{" arguments "}")

#endif
