/* SPDX-License-Identifier: Apache-2.0
 *
 * test/model/template_golden.h - files of make_template_golden.py, row by row: a template, the
 * names it is rendered with, and what jinja2 made of them (or that it failed).
 */
#ifndef MN_TEST_MODEL_TEMPLATE_GOLDEN_H
#define MN_TEST_MODEL_TEMPLATE_GOLDEN_H
#include "base/file.h"
#include "model/template.h"

#include <jansson.h>

/* The row's template, or `source` where that is not NULL, rendered with context row.context. */
static inline int golden_render(const json_t *row, const json_t *contexts, const char *source,
                                size_t n, mn_rendered *out) {
    const json_t *own = json_object_get(row, "template");
    const json_int_t at = json_integer_value(json_object_get(row, "context"));
    char *context = json_dumps(json_array_get(contexts, (size_t)at), JSON_COMPACT);
    mn_template *t;
    int rc = mn_template_compile(source ? source : json_string_value(own),
                                 source ? n : json_string_length(own), &t);
    if (rc >= 0) rc = mn_template_render_json(t, context, strlen(context), 1722000000, out);
    mn_template_free(&t);
    free(context);
    return rc;
}

/* 1: as expected, else both are shown. */
static inline int golden_row(const json_t *row, int line, const mn_rendered *out, int rc) {
    const json_t *text = json_object_get(row, "text"), *name = json_object_get(row, "name");
    const json_t *source = json_object_get(row, "template");
    const char *got = rc >= 0 ? out->text.data : mn_error_detail();
    const int same =
        text ? rc >= 0 && json_string_length(text) == out->text.len &&
                   (!out->text.len || memcmp(json_string_value(text), got, out->text.len) == 0)
             : rc < 0;
    if (!same)
        fprintf(stderr, "line %d %s\n  template: %.300s\n  wanted:   %.600s\n  got (%d): %.600s\n",
                line, name ? json_string_value(name) : "", source ? json_string_value(source) : "",
                json_string_value(text ? text : json_object_get(row, "error")), rc, got);
    return same;
}

/* All rows of the file at path; source[0..n) in place of their templates when not NULL. */
static inline void golden_check(const char *path, const char *source, size_t n) {
    mn_buf file = {0};
    json_t *contexts = NULL;
    int line = 0, wrong = 0;
    assert_ok(mn_file_read(path, 64 << 20, &file));
    for (char *at = file.data, *end; *at; at = end + 1) {
        end = strchr(at, '\n');
        json_t *row = json_loadb(at, (size_t)(end - at), JSON_ALLOW_NUL, NULL);
        assert_non_null(row);
        mn_rendered out = {0};
        if (!contexts) {
            contexts = json_incref(json_object_get(row, "contexts"));
        } else {
            const int rc = golden_render(row, contexts, source, n, &out);
            wrong += !golden_row(row, ++line, &out, rc);
        }
        mn_rendered_free(&out);
        json_decref(row);
    }
    mn_buf_free(&file);
    json_decref(contexts);
    print_message("%d of %d rows as jinja2 has them\n", line - wrong, line);
    assert_true(line > 0 && wrong == 0);
}

#endif
