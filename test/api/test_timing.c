/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_timing.c - what one tenant computed, no other can find by how long it waits.
 *
 * An attacker asks a prompt of 8, 32 or 128 tokens that the victim has asked, and one that nobody
 * has; from the two times to a first token he guesses which is which. How often he is right, over
 * all pairs, is the area under his ROC curve: one half when there is nothing to see. The same by
 * the victim itself is the control: it must see it. Prompts lie in memory, or on disk alone. The
 * full form (test/soak.h) counts 2,000 probes; its planted bug gives both one tenant.
 */
#include "test.h"

#include "api/model.h"
#include "folder.h"
#include "model/golden.h"
#include "soak.h"

enum { QUICK = 90, FULL = 2000, CHANCE = 4 /* letters that prompts of its own begin with, too */ };

static mn_region *region;
static mn_model *model;
static unsigned long state;

static void make_prompt(char *out, size_t cap, int tokens) {
    size_t at = 0;
    for (int i = 0; i < tokens; i++)
        at += (size_t)snprintf(out + at, cap - at, "%c", 'a' + (int)(soak_random(&state) % 26));
}

static double ask(const char *prompt, const uint8_t *tenant, int *cached) {
    mn_request r = mn_request_default();
    mn_stats stats;
    r.prompt = prompt;
    r.raw = 1;
    r.tenant = tenant;
    r.max_tokens = 1;
    assert_ok(mn_answer(model, &r, &stats));
    if (cached) *cached = stats.cached_tokens;
    return stats.first_token_ms;
}

/* The share of pairs (known, unknown) in which the known one was answered sooner. */
static double area(const double *known, const double *unknown, int n) {
    double right = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            right += known[i] < unknown[k] ? 1 : known[i] == unknown[k] ? 0.5 : 0;
    return right / n / n;
}

/* One probe: the victim asks, then the attacker asks the same and something new. */
static void probe(int i, int length, const uint8_t *attacker, double *known, double *unknown) {
    static const uint8_t victim[32] = {1};
    char a[256], b[256];
    int cached;
    make_prompt(a, sizeof a, length);
    make_prompt(b, sizeof b, length);
    ask(a, victim, NULL);
    if (i % 4 == 3) mn_region_shrink(region, 0);      /* to disk */
    const int first = (int)(soak_random(&state) & 1); /* neither is always the later one */
    if (first) *unknown = ask(b, attacker, NULL);
    *known = ask(a, attacker, &cached);
    if (!first) *unknown = ask(b, attacker, NULL);
    if (attacker[0] != victim[0] && cached > CHANCE)
        fail_msg("probe %d found %d tokens of another tenant", i, cached);
}

static double attack(const uint8_t *attacker, const int *lengths, int probes) {
    static double known[FULL], unknown[FULL];
    for (int i = 0; i < probes; i++) probe(i, lengths[i % 3], attacker, known + i, unknown + i);
    return area(known, unknown, probes);
}

static void other_tenants_see_nothing(void **unused) {
    (void)unused;
    const uint8_t other[32] = {2}, same[32] = {1};
    const int full = soak_asked() && !soak_planted(), n = full ? FULL : QUICK;
    soak s = soak_begin(1);
    state = soak_seed(s.first);
    static const int longest[] = {128, 128, 128}, lengths[] = {8, 32, 128};
    const double control = attack(same, longest, n / 3),
                 seen = attack(soak_planted() ? same : other, lengths, n);
    print_message("control %.3f, across tenants %.3f, %d probes\n", control, seen, n);
    if (control < (full ? 0.99 : 0.85))
        fail_msg("the control sees it in %.3f of the pairs only", control);
    const double most = full ? 0.03 : 0.15; /* three times what chance makes of so many */
    if (seen < 0.5 - most || seen > 0.5 + most) fail_msg("the area is %.3f", seen);
    if (full) soak_end(&s, n);
}

static int setup(void **unused) {
    (void)unused;
    if (folder_begin("timing", 1) < 0) return -1;
    char path[128];
    snprintf(path, sizeof path, "%s/region", folder);
    assert_ok(mn_region_open(path, 256 << 20, 1 << 30, &region));
    mn_buf file = golden_path("tiny-llama.gguf");
    assert_ok(
        mn_model_open(file.data, &(mn_model_options){.threads = 1, .region = region}, &model));
    mn_buf_free(&file);
    return 0;
}

static int teardown(void **unused) {
    (void)unused;
    mn_model_close(&model);
    mn_region_close(&region);
    return folder_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(other_tenants_see_nothing)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
