/* SPDX-License-Identifier: Apache-2.0
 *
 * api/messages.h - a conversation as clients send it, in the form templates read.
 *
 *   content: null or absent -> ""; an array of parts -> the texts of them, joined
 *   tool_calls[].function.arguments: a string of JSON -> what it says
 *
 * A template that has no word for tools gets them in plain text: what may be called, and how, in
 * the system message; calls as <tool_call>{"name": .., "arguments": {..}}</tool_call>, the form
 * most small models know (Qwen's, Hermes'); results as <tool_response> of a user.
 */
#ifndef MN_API_MESSAGES_H
#define MN_API_MESSAGES_H
#include "base/buf.h"

/* messages, tools (may be NULL): JSON arrays; recalled (may be NULL) goes before the text of the
 * last question. Appends {"messages": .., "tools": ..,
 * "add_generation_prompt": true, "bos_token": .., "eos_token": ..}. MN_EINVAL names the message. */
int mn_messages_context(const char *messages, const char *tools, const char *recalled,
                        int template_has_tools, const char *begin, const char *end, mn_buf *out);

#endif
