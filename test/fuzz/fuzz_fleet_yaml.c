/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_fleet_yaml.c - any bytes as YAML: JSON or one sentence that begins with the name.
 * What came out is read again from its own text as the same, each line is one of the text, and the
 * profile that it may be is right, or wrong in words.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "fleet/profile.h"
#include "fleet/yaml.h"

#include <stdint.h>
#include <string.h>

static void check(int good) {
    if (!good) __builtin_trap();
}

static void lines_are_there(json_t *lines, size_t n) {
    const char *key;
    json_t *line;
    json_object_foreach(lines, key, line) {
        check(json_integer_value(line) >= 1 && json_integer_value(line) <= (json_int_t)n);
        check(mn_yaml_line(lines, key) == (int)json_integer_value(line));
    }
}

static void same_again(const json_t *was) {
    mn_buf text = {0};
    json_t *is = NULL;
    check(mn_json_write(was, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII, &text) == 0);
    const int pairs = strstr(text.data, "\\uD") != NULL; /* surrogates are no YAML */
    const int rc = mn_yaml_parse("again", text.data, text.len, &is, NULL);
    check(pairs || (rc == 0 && json_equal(was, is)));
    json_decref(is);
    mn_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    json_t *json = NULL, *lines = NULL, *robots = NULL;
    size_t rows = 2; /* as many breaks, and the end may lie behind the last */
    if (mn_yaml_parse("fuzz", (const char *)data, n, &json, &lines) < 0) {
        check(!json && !lines && !strncmp(mn_error_detail(), "fuzz", 4));
        return 0;
    }
    for (size_t i = 0; i < n; i++) /* also U+0085, U+2028, U+2029 */
        rows += data[i] == '\n' || data[i] == '\r' || data[i] == 0x85 || (data[i] & 0xfe) == 0xa8;
    lines_are_there(lines, rows);
    same_again(json);
    const int roboos = mn_profile_roboos("fuzz", json, lines, &robots);
    for (size_t i = 0; roboos > 0 && i < json_array_size(robots); i++)
        if (mn_profile_check("fuzz", json_array_get(robots, i), NULL) < 0)
            check(!strncmp(mn_error_detail(), "fuzz", 4));
    if (roboos == 0 && mn_profile_check("fuzz", json, lines) < 0)
        check(!strncmp(mn_error_detail(), "fuzz", 4));
    json_decref(robots);
    json_decref(lines);
    json_decref(json);
    return 0;
}
