/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_ask.c - any bytes as the JSON body of a request, read by every route's fields.
 *
 * Then messages are made plain and a grammar is chosen; and the bytes are taken for the text of a
 * model that calls functions, whole and byte by byte, which must tell the same.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "serve/ask.h"
#include "serve/tools.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as(json_t *json, unsigned route) {
    static const mn_request standard = {.temp = 0.8F};
    const char *param = NULL;
    mn_fields f;
    mn_fields_standard(&standard, &f);
    if (mn_fields_read(json, route, &f, &param) < 0) {
        /* Whoever refuses names the field, unless the body is no object. */
        if (!param && json_is_object(json)) abort();
        return;
    }
    if (!(f.temp >= 0 && f.temp <= 100) || f.n < 1 || f.n > 64) abort();
    char at[64] = "";
    json_t *plain = NULL;
    mn_ask ask = {0};
    if (f.messages && mn_ask_messages(f.messages, &plain, at) < 0 && !*at) abort();
    if (f.tools) ask.functions = json_loads("[{\"function\":{\"name\":\"f\"}}]", 0, NULL);
    if (mn_ask_grammar(&f, &ask, &param) < 0 && !param) abort();
    json_decref(plain);
    mn_ask_free(&ask);
}

static int put_text(void *user, const char *text, size_t n) {
    return mn_buf_append(user, text, n);
}

static int put_call(void *user, const char *name, const char *arguments) {
    return mn_buf_printf(user, "\x01%s\x02%s\x03", name, arguments);
}

static void call(const char *text, size_t n, size_t step, json_t *functions, mn_buf *told) {
    mn_tools t = {.functions = functions};
    const mn_tools_out out = {put_text, put_call, told};
    for (size_t at = 0; at < n; at += step)
        if (mn_tools_take(&t, text + at, n - at < step ? n - at : step, &out) < 0) abort();
    if (mn_tools_end(&t, &out) < 0) abort();
    mn_tools_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    json_set_alloc_funcs(mn_malloc, mn_free);
    json_t *json = size < 65536 ? json_loadb(text, size, JSON_DECODE_ANY, NULL) : NULL;
    for (unsigned route = 1; json && route <= MN_IN_RESPONSES; route *= 2) read_as(json, route);
    json_decref(json);
    if (size > 4096) return 0;
    mn_buf one = {0}, two = {0};
    json_t *functions = json_loads("[{\"function\":{\"name\":\"f\"}}]", 0, NULL);
    call(text, size, size + 1, functions, &one);
    call(text, size, 1, functions, &two);
    if (one.len != two.len || (one.len && memcmp(one.data, two.data, one.len))) abort();
    mn_buf_free(&one);
    mn_buf_free(&two);
    json_decref(functions);
    return 0;
}
