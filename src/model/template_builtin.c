/* SPDX-License-Identifier: Apache-2.0
 *
 * model/template_builtin.c - chat templates for files that carry none, written from the formats
 * that the models' makers publish.
 *
 * Each row: name, the special token that tells a vocabulary made for it (NULL: chosen by
 * architecture only), the architectures (words between spaces), the template. The first row that
 * fits is chosen; tokens come before architectures, because one architecture carries many formats.
 */
#include "model/template.h"

#include <string.h>

typedef struct builtin {
    const char *name, *token, *architectures, *source;
} builtin;

static const char chatml[] = "{% for m in messages %}<|im_start|>{{ m.role }}\n"
                             "{{ m.content }}<|im_end|>\n"
                             "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
                             "{% endif %}";

/* No system role: its text opens the first turn of the user. */
static const char gemma[] =
    "{{ bos_token }}{% set ns = namespace(system='') %}"
    "{% for m in messages %}"
    "{% if m.role == 'system' %}{% set ns.system = m.content | trim + '\\n\\n' %}"
    "{% else %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
    "{{ ns.system + m.content | trim }}<end_of_turn>\n"
    "{% set ns.system = '' %}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n"
    "{% endif %}";

static const char llama2[] =
    "{% set ns = namespace(system='') %}{% for m in messages %}"
    "{% if m.role == 'system' %}{% set ns.system = '<<SYS>>\\n' + m.content | trim + "
    "'\\n<</SYS>>\\n\\n' %}"
    "{% elif m.role == 'user' %}{{ bos_token }}[INST] {{ ns.system + m.content | trim }} [/INST]"
    "{% set ns.system = '' %}"
    "{% else %} {{ m.content | trim }} {{ eos_token }}{% endif %}{% endfor %}";

static const char llama3[] =
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n"
    "{% endif %}";

static const char mistral[] =
    "{{ bos_token }}{% set ns = namespace(system='') %}{% for m in messages %}"
    "{% if m.role == 'system' %}{% set ns.system = m.content + '\\n\\n' %}"
    "{% elif m.role == 'user' %}[INST] {{ ns.system + m.content }} [/INST]"
    "{% set ns.system = '' %}"
    "{% else %} {{ m.content | trim }}{{ eos_token }}{% endif %}{% endfor %}";

static const char phi3[] = "{% for m in messages %}{{ '<|' + m.role + '|>' }}\n"
                           "{{ m.content }}<|end|>\n"
                           "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n"
                           "{% endif %}";

static const char zephyr[] = "{% for m in messages %}{{ '<|' + m.role + '|>' }}\n"
                             "{{ m.content }}{{ eos_token }}\n"
                             "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n"
                             "{% endif %}";

static const builtin builtins[] = {
    {"chatml", "<|im_start|>", " qwen2 qwen3 ", chatml},
    {"gemma", "<start_of_turn>", " gemma gemma2 gemma3 ", gemma},
    {"llama3", "<|start_header_id|>", "", llama3},
    {"phi3", "<|end|>", " phi3 ", phi3},
    {"mistral", "[INST]", "", mistral},
    {"zephyr", "<|assistant|>", "", zephyr},
    {"llama2", NULL, "", llama2},
};
enum { N_BUILTINS = sizeof builtins / sizeof *builtins };

const char *mn_template_builtin(const char *name) {
    for (int i = 0; i < N_BUILTINS; i++)
        if (strcmp(builtins[i].name, name) == 0) return builtins[i].source;
    return NULL;
}

const char *mn_template_choose(const char *architecture,
                               int (*is_special)(void *user, const char *text), void *user) {
    for (int i = 0; i < N_BUILTINS; i++)
        if (builtins[i].token && is_special(user, builtins[i].token)) return builtins[i].name;
    const size_t n = architecture ? strlen(architecture) : 0;
    for (int i = 0; i < N_BUILTINS && n; i++)
        for (const char *at = builtins[i].architectures; (at = strstr(at, architecture)); at += n)
            if (at > builtins[i].architectures && at[-1] == ' ' && at[n] == ' ')
                return builtins[i].name;
    return NULL;
}
