/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/verbs.c - from words to a call of a door, and what came back.
 */
#include "cli/verbs.h"

#include "base/alloc.h"
#include "base/json.h"
#include "cli/mem.h"

#include <stdlib.h>
#include <string.h>

static json_t *field_of(const mn_cli_verbs *v, const char *name) {
    return json_object_get(json_object_get(json_object_get(v->verb, "takes"), "properties"), name);
}

int mn_cli_verbs_takes(const mn_cli_verbs *v, const char *field) {
    return field_of(v, field) != NULL;
}

int mn_cli_verbs_put(mn_cli_verbs *v, const char *name, json_t *value) {
    if (value && json_object_set_new(v->call, name, value) == 0) return 0;
    return MN_FAIL(MN_EINVAL, "%s is no UTF-8", name);
}

int mn_cli_verbs_number(const char *word, int64_t *out) {
    char *end;
    if (*word == '#') word++;
    *out = strtoll(word, &end, 10);
    return *word >= '0' && *word <= '9' && !*end && *out > 0;
}

int mn_cli_verbs_word(mn_cli_verbs *v, const char *name, const char *word) {
    const char *const type = mn_cli_text_at(field_of(v, name), "type");
    int64_t id;
    char *end;
    if (!type || strcmp(type, "string") == 0) return mn_cli_verbs_put(v, name, json_string(word));
    if (strcmp(type, "integer") == 0) {
        const int zero = strcmp(word, "0") == 0; /* of what may be 0; else the library says so */
        if (!mn_cli_verbs_number(word, &id) && !zero && strcmp(name, "id") != 0)
            return MN_FAIL(MN_CLI_USAGE, "%s: %s is no whole number", name, word);
        if (!mn_cli_verbs_number(word, &id) && !zero)
            return MN_FAIL(MN_CLI_USAGE, "%s is no number of a %s: `omnesia %s show` has them",
                           word, v->command, v->command);
        return mn_cli_verbs_put(v, name, json_integer(id));
    }
    if (strcmp(type, "number") == 0) {
        const double number = strtod(word, &end);
        if (end == word || *end) return MN_FAIL(MN_CLI_USAGE, "%s: %s is no number", name, word);
        return mn_cli_verbs_put(v, name, json_real(number));
    }
    json_t *const value = json_loads(word, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    if (!value) return MN_FAIL(MN_CLI_USAGE, "%s: that is no JSON: %.60s", name, word);
    return mn_cli_verbs_put(v, name, value);
}

/* All words that are left, as one text. */
static int put_rest(mn_cli_verbs *v, const char *name, int n, const char *const *words) {
    mn_buf text = {0};
    int rc = mn_cli_mem_text(n, words, &text);
    while (text.len && text.data[text.len - 1] == '\n') text.data[--text.len] = 0;
    if (rc >= 0) rc = mn_cli_verbs_word(v, name, text.data ? text.data : "");
    mn_buf_free(&text);
    return rc;
}

int mn_cli_verbs_words(mn_cli_verbs *v, int n, const char *const *words) {
    const char *names = mn_cli_text_at(v->verb, "words");
    int i = 0;
    while (names && *names && i < n) {
        char name[32];
        const size_t length = strcspn(names, " ");
        const int rest = *names == '*';
        snprintf(name, sizeof name, "%.*s", (int)length - rest, names + rest);
        names += length + (names[length] == ' ');
        if (rest) return put_rest(v, name, n - i, words + i);
        MN_TRY(mn_cli_verbs_word(v, name, words[i++]));
    }
    if (i < n)
        return MN_FAIL(MN_CLI_USAGE, "%s %s: \"%s\" is one word too many; see `omnesia %s --help`",
                       v->command, mn_cli_text_at(v->verb, "name"), words[i], v->command);
    return 0;
}

static int ask(const mn_cli_verbs *v, void *user, const json_t *what, json_t **result) {
    char *text = mn_json_text(what, JSON_COMPACT), *answer = NULL;
    if (!text) return MN_FAIL(MN_ENOMEM, "no memory for a call");
    const int rc = v->door(user, text, &answer);
    mn_free(text);
    *result = rc < 0 ? NULL : json_loads(answer, 0, NULL);
    mn_free_text(answer);
    if (rc >= 0 && !*result) return MN_FAIL(MN_ENOMEM, "no memory for a result");
    return rc;
}

int mn_cli_verbs_ask(mn_cli_verbs *v, void *user) {
    json_decref(v->result);
    return ask(v, user, v->call, &v->result);
}

int mn_cli_verbs_find(mn_cli_verbs *v, const char *name) {
    json_t *one, *const what = json_pack("{s:s}", "do", "verbs");
    size_t i, n = 0;
    const char *names[40];
    const int rc = ask(v, NULL, what, &v->all);
    json_decref(what);
    MN_TRY(rc);
    json_array_foreach(json_object_get(v->all, "verbs"), i, one) {
        const char *const known = mn_cli_text_at(one, "name");
        if (!v->local && json_is_true(json_object_get(one, "local"))) continue;
        if (n < sizeof names / sizeof *names) names[n++] = known;
        if (strcmp(known, name) == 0) v->verb = one;
    }
    v->call = json_pack("{s:s}", "do", name);
    if (v->verb) return v->call ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a call");
    const char *const near = mn_opt_nearest(name, names, n);
    if (near)
        return MN_FAIL(MN_CLI_USAGE, "%s %s: did you mean `%s %s`?", v->command, name, v->command,
                       near);
    return MN_FAIL(MN_CLI_USAGE, "%s %s: see `omnesia %s --help` for what there is", v->command,
                   name, v->command);
}

void mn_cli_verbs_free(mn_cli_verbs *v) {
    json_decref(v->all);
    json_decref(v->call);
    json_decref(v->result);
}
