/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_mem_unknown.c - what is not known of somebody is told without a model that writes:
 * minilm-l6 where it is, and nothing without it.
 */
#include "folder.h"
#include "test.h"

#include "omnesia.h"

static const mn_scope ann = {.user = "ann"}, bob = {.user = "bob"};

static int setup(void **s) {
    (void)s;
    return folder_begin("mem-unknown", 0);
}
static int teardown(void **s) {
    (void)s;
    return folder_end();
}

static mn_mem *memory(const char *model) {
    static const char *const texts[] = {
        "My uncle Felix bakes a dark rye bread every Sunday.", "Felix rides an old Dutch bicycle.",
        "My aunt Greta bakes sourdough bread and sells it.", "Greta plays the cello in a quartet."};
    char path[256];
    mn_mem *mem;
    snprintf(path, sizeof path, "%s/memory.db", folder);
    assert_ok(mn_mem_open(path, &(mn_mem_options){.model = model}, &mem));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const mn_record r = {.text = texts[i], .n = strlen(texts[i]), .speaker = "Ann"};
        assert_ok(mn_mem_add(mem, &ann, &r, 1, NULL));
    }
    return mem;
}

/* What rows say of it: unknown, or not. */
static void told(mn_mem *mem, const mn_scope *who, const char *question, int unknown) {
    double near = -1;
    const int rc = mn_mem_unknown(mem, who, question, &near);
    if (rc != unknown) fail_msg("\"%s\": %d, %.3f", question, rc, near);
    assert_true(near >= 0 && near <= 1.0001);
}

static void with_vectors(void **s) {
    (void)s;
    mn_mem *mem = memory(NULL);
    mn_model *model;
    if (mn_model_open("minilm-l6", &(mn_model_options){.no_pull = 1}, &model) < 0) {
        mn_mem_close(&mem);
        skip();
    }
    mn_model_close(&model);
    told(mem, &ann, "Which bread does my uncle Felix bake?", 0);
    told(mem, &ann, "Which instrument does my aunt Greta play?", 0);
    told(mem, &ann, "Which instrument does my uncle Felix play?", 1); /* somebody else plays */
    told(mem, &ann, "What is my uncle Felix's rent?", 1);
    told(mem, &ann, "Which bread does my cousin Ida bake?", 1); /* nobody named her */
    told(mem, &ann, "Which bread do I bake?", 0);               /* who speaks is not looked at */
    told(mem, &bob, "Which bread does my uncle Felix bake?", 1);
    assert_ok(mn_mem_unknown(mem, &ann, "Which bread does my uncle Felix bake?", NULL));
    assert_fails(mn_mem_unknown(mem, &(mn_scope){0}, "What is my uncle's rent?", NULL), MN_EINVAL,
                 "user");
    mn_mem_close(&mem);
}

static void words_alone_tell_nothing(void **s) {
    (void)s;
    mn_mem *mem = memory("none");
    told(mem, &ann, "What is my uncle Felix's rent?", 0);
    mn_mem_close(&mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(with_vectors, setup, teardown),
        cmocka_unit_test_setup_teardown(words_alone_tell_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
