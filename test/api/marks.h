/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/marks.h - what turns are made with, by the chat templates people have: nothing that
 * anybody says may become one of these.
 */
#ifndef MN_TEST_API_MARKS_H
#define MN_TEST_API_MARKS_H

/* clang-format off */
static const char *const marks[] = {
    "<s>", "</s>", "<unk>", "<pad>", "<bos>", "<eos>", "<|endoftext|>", "<|im_start|>",
    "<|im_end|>", "<|im_sep|>", "<tool_call>", "</tool_call>", "<tool_response>",
    "</tool_response>", "<think>", "</think>", "<tools>", "</tools>", "<|begin_of_text|>",
    "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>",
    "<|python_tag|>", "<|finetune_right_pad_id|>", "<|reserved_special_token_0|>", "[INST]",
    "[/INST]", "<<SYS>>", "<</SYS>>", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CONTENT]",
    "[ARGS]", "[THINK]", "[/THINK]", "<start_of_turn>", "<end_of_turn>", "<start_of_image>",
    "<end_of_image>", "<unused0>", "<mask>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>",
    "<|tool|>", "<|/tool|>", "<|tool_call|>", "<|tool_response|>", "<|placeholder1|>", "<|start|>",
    "<|message|>", "<|channel|>", "<|call|>", "<|return|>", "<|constrain|>", "<|endofprompt|>",
    "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>",
    "<|file_sep|>", "<|object_ref_start|>", "<|box_start|>", "<|vision_start|>", "<|vision_end|>",
    "<|image_pad|>", "<|video_pad|>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>",
    "<|SYSTEM_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>", "<|START_RESPONSE|>",
    "<|END_RESPONSE|>", "<|START_ACTION|>", "<|observation|>", "[gMASK]", "<sop>", "<eop>",
    "<|begin_of_image|>", "<|startoftext|>", "<|sep|>", "<|plugin|>", "<|interpreter|>",
    "<|action_start|>", "<|action_end|>", "<extra_id_0>", "<|prompter|>", "<|role_start|>",
    "<|role_end|>", "<fim_prefix>", "<file_sep>", "<jupyter_start>",
    "<\xef\xbd\x9c" "begin\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>",
    "<\xef\xbd\x9c" "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>",
    "<\xef\xbd\x9cUser\xef\xbd\x9c>", "<\xef\xbd\x9c" "Assistant\xef\xbd\x9c>",
    "<\xef\xbd\x9ctool\xe2\x96\x81" "calls\xe2\x96\x81" "begin\xef\xbd\x9c>"};
/* clang-format on */

#endif
