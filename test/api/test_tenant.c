/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_tenant.c - rows are shared within a tenant, with all where an operator said so, and
 * with nobody else; the bytes of answers are the same (SmolLM2).
 */
#include "test.h"

#include "api/model.h"
#include "folder.h"

enum { FEW = 16 /* tokens that a template begins every prompt with */ };
static const uint8_t alice[32] = {1}, bob[32] = {2};
static mn_region *region;
static mn_model *model;
static char words[6000], said[1024];

static int hear(void *user, const char *text, size_t n) {
    (void)user;
    strncat(said, text, n);
    return 0;
}

static mn_stats ask(const char *system, const char *prompt, const uint8_t *tenant) {
    mn_request r = mn_request_default();
    mn_stats stats;
    said[0] = 0;
    r.system = system;
    r.prompt = prompt;
    r.tenant = tenant;
    r.temp = 0;
    r.max_tokens = 8;
    r.on_text = hear;
    assert_ok(mn_answer(model, &r, &stats));
    return stats;
}

static int setup(void **unused) {
    (void)unused;
    if (folder_begin("tenant", 1) < 0) return -1;
    char path[128];
    snprintf(path, sizeof path, "%s/region", folder);
    assert_ok(mn_region_open(path, 256 << 20, 0, &region));
    assert_ok(mn_model_open("smollm2-135m", &(mn_model_options){.region = region}, &model));
    for (int i = 0; i < 300; i++) sprintf(words + strlen(words), "%d apples, ", i);
    return 0;
}

static int teardown(void **unused) {
    (void)unused;
    mn_model_close(&model);
    mn_region_close(&region);
    return folder_end();
}

static void tenants_do_not_share(void **unused) {
    (void)unused;
    char first[sizeof said];
    assert_int_equal(ask(words, "How many?", alice).cached_tokens, 0);
    strcpy(first, said);
    assert_int_equal(ask(words, "How many?", bob).cached_tokens, 0);
    assert_string_equal(said, first);
    assert_int_equal(ask(words, "How many?", NULL).cached_tokens, 0);
    assert_string_equal(said, first);
    const mn_stats again = ask(words, "How many?", alice);
    assert_int_equal(again.cached_tokens, again.prompt_tokens - 1);
    assert_string_equal(said, first);
}

static void what_an_operator_opens_is_shared_up_to_its_end(void **unused) {
    (void)unused;
    char other[sizeof words], first[2][sizeof said];
    strcpy(other, words);
    memcpy(other, "Count", 5);
    assert_true(ask(other, "Say one.", alice).cached_tokens < FEW);
    strcpy(first[0], said);
    assert_true(ask(other, "Say two.", bob).cached_tokens < FEW);
    strcpy(first[1], said);

    const int open = mn_model_share(model, other);
    assert_ok(open);
    assert_true(open > 1000 && open % 64 == 0);
    assert_true(ask(other, "Say one.", alice).cached_tokens < FEW); /* it had them as its own */
    assert_string_equal(said, first[0]);
    assert_int_equal(ask(other, "Say two.", bob).cached_tokens, open);
    assert_string_equal(said, first[1]);
    const mn_stats a = ask(other, "Say one.", alice), b = ask(other, "Say two.", bob);
    assert_int_equal(a.cached_tokens, a.prompt_tokens - 1); /* also behind its end */
    assert_int_equal(b.cached_tokens, b.prompt_tokens - 1);
}

static void who_names_no_tenant_shares_what_is_open_and_not_what_follows(void **unused) {
    (void)unused;
    char other[sizeof words];
    strcpy(other, words);
    memcpy(other, "Weigh", 5);
    const int open = mn_model_share(model, other);
    assert_ok(open);
    const mn_stats own = ask(other, "A secret of mine: blue.", NULL);
    assert_true(own.cached_tokens < FEW);
    assert_int_equal(ask(other, "A secret of mine: blue.", bob).cached_tokens, open);
    assert_int_equal(ask(other, "A secret of mine: blue.", alice).cached_tokens, open);
    assert_int_equal(ask(words, "How many?", bob).cached_tokens > open, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tenants_do_not_share),
        cmocka_unit_test(what_an_operator_opens_is_shared_up_to_its_end),
        cmocka_unit_test(who_names_no_tenant_shares_what_is_open_and_not_what_follows),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
