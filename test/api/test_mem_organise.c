/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_mem_organise.c - omnesia.h: what is added is organised behind the caller's back, by
 * a thread or when asked; edges of an entity; what an export has.
 */
#include "mem_bed.h"
#include "until.h"

#include <stdatomic.h>
#include <unistd.h>

static mn_mem *opened_with(const char *organise, int background) {
    const mn_mem_options how = {.model = "none", .organise = organise, .background = background};
    mn_mem *m = NULL;
    assert_ok(mn_mem_open(place, &how, &m));
    return m;
}

static void by_a_thread(void **s) {
    (void)s;
    mn_mem *worker = opened_with("zep", 1);
    const mn_record r = {
        .text = "I live in Rome.", .n = 15, .speaker = "Ann", .time = "2023-05-01"};
    int64_t id;
    assert_ok(mn_mem_add(worker, &ann, &r, 1, &id));
    found f = {.n = 0};
    wait_until((f = (found){.n = 0},
                mn_mem_find(worker, &ann, &(mn_find){.kind = "edge"}, keep_found, &f)) > 0);
    assert_non_null(strstr(f.text, "I live in Rome."));
    mn_mem_close(&worker);
}

/* ---- a store that goes ----------------------------------------------------------------------- */
static atomic_int told;
static char said[300];
static int hear(void *user, const char *line) {
    (void)user;
    snprintf(said, sizeof said, "%s", line);
    return (int)atomic_fetch_add(&told, 1) * 0;
}

/* Somebody moves the folder of an open store: it is said once, nothing is kept where nobody would
 * find it, also when another one is at its place, and all is well when it is back. */
static void goes_away(void **s) {
    (void)s;
    const mn_mem_options how = {.model = "none", .background = 1, .tell = hear};
    const mn_record r = {.text = "The hare sleeps.", .n = 16};
    char away[200];
    int64_t id;
    mn_mem *worker = NULL, *other = NULL;
    mn_mem_close(&mem);
    assert_ok(mn_mem_open(place, &how, &worker));
    assert_ok(mn_mem_add(worker, &ann, &r, 1, &id));
    snprintf(away, sizeof away, "%s-away", folder);
    assert_int_equal(rename(folder, away), 0);
    wait_until(atomic_load(&told));
    assert_non_null(strstr(said, "is gone"));
    assert_fails(mn_mem_add(worker, &ann, &r, 1, &id), MN_EIO, "is gone");
    assert_fails(mn_mem_find(worker, &ann, &(mn_find){.query = "hare"}, NULL, NULL), MN_EIO,
                 "gone");
    assert_ok(mn_mem_open(place, &(mn_mem_options){.model = "none"}, &other));
    assert_fails(mn_mem_add(worker, &ann, &r, 1, &id), MN_EIO, "is gone");
    mn_mem_close(&other);
    assert_int_equal(folder_end(), 0);
    usleep(1500000); /* it has looked again */
    assert_int_equal(atomic_load(&told), 1);
    assert_int_equal(rename(away, folder), 0);
    assert_ok(mn_mem_add(worker, &ann, &r, 1, &id));
    mn_mem_close(&worker);
    mem = opened_with(NULL, 0);
}

/* ---- when somebody asks ---------------------------------------------------------------------- */
static void when_asked(void **s) {
    (void)s;
    add_record(&ann,
               (mn_record){.text = "I live in Rome.", .speaker = "Ann", .time = "2023-05-01"});
    add_record(&ann,
               (mn_record){.text = "I moved to Oslo.", .speaker = "Ann", .time = "2024-05-01"});
    mn_mem_close(&mem);
    mem = opened_with("zep", 0);
    assert_int_equal(mn_mem_embed(mem, 0, NULL), 0); /* nobody asked for these when they came */
    assert_int_equal(mn_mem_embed(mem, 1, NULL), 2);
    assert_int_equal(mn_mem_embed(mem, 1, NULL), 0);
    assert_non_null(strstr(FOUND(&ann, .kind = "edge", .ref = "ANN"), "Rome"));
    assert_null(strstr(FOUND(&ann, .kind = "edge", .ref = "ANN", .as_of = "2024-06-01"), "Rome"));
    refuses(&ann, (mn_find){.kind = "edge", .ref = "Zoe"}, MN_ENOENT, "no entity");
    refuses(&bob, (mn_find){.kind = "edge", .ref = "Ann"}, MN_ENOENT, "no entity");
}

/* Vectors by name of what was done; how many. */
static int count_vectors(void *user, const char *what, uint64_t done, uint64_t total) {
    (void)total;
    if (strcmp(what, "making vectors") == 0) *(uint64_t *)user = done;
    return 0;
}

/* What is organised again keeps the vectors it has, and what is made of it gets its own. */
static void with_vectors(void **s) {
    (void)s;
    char model[1024];
    uint64_t made = 0;
    const mn_progress p = {count_vectors, &made};
    snprintf(model, sizeof model, "%s/test/model/data/tiny-bert/model.safetensors",
             getenv("OMNESIA_SOURCE"));
    const mn_mem_options plain = {.model = model}, how = {.model = model, .organise = "mem0"};
    add_record(&ann, (mn_record){.text = "I live in Rome.", .speaker = "Ann"});
    mn_mem_close(&mem);
    assert_ok(mn_mem_open(place, &plain, &mem));
    assert_int_equal(mn_mem_embed(mem, 0, &p), 1);
    assert_int_equal(made, 1);
    mn_mem_close(&mem);
    assert_ok(mn_mem_open(place, &how, &mem));
    assert_int_equal(mn_mem_embed(mem, 1, &p), 1); /* one was organised, and */
    assert_string_equal(FOUND(&ann, .kind = "fact"), "2 I live in Rome.");
    assert_int_equal(made, 1); /* the fact alone got a vector */
    made = 0;
    assert_int_equal(mn_mem_embed(mem, 0, &p), 0);
    assert_int_equal(made, 0);
}

/* A model that cannot be had: everything is organised, by words. */
static void without_the_model(void **s) {
    (void)s;
    const mn_mem_options how = {.model = "/nowhere/model.safetensors", .organise = "mem0"};
    add_record(&ann, (mn_record){.text = "I live in Rome.", .speaker = "Ann"});
    mn_mem_close(&mem);
    assert_ok(mn_mem_open(place, &how, &mem));
    assert_int_equal(mn_mem_embed(mem, 1, NULL), 1);
    assert_string_equal(FOUND(&ann, .kind = "fact"), "2 I live in Rome.");
}

static void refusals(void **s) {
    (void)s;
    static const struct {
        const char *name, *why;
    } row[] = {{"zap", "no organiser \"zap\""}, {"mem0:", "name is missing"}};
    for (size_t i = 0; i < 2; i++) {
        const mn_mem_options how = {.model = "none", .organise = row[i].name};
        mn_mem *m = NULL;
        assert_fails(mn_mem_open(place, &how, &m), MN_EINVAL, row[i].why);
        assert_null(m);
    }
    /* A model that is not there: everything waits, and is still what was said. */
    mn_mem_close(&mem);
    mem = opened_with("mem0:/nowhere/model.gguf", 0);
    add_record(&ann, (mn_record){.text = "I live in Rome.", .speaker = "Ann"});
    assert_true(mn_mem_embed(mem, 0, NULL) < 0);
    assert_string_equal(FOUND(&ann, .query = "Rome"), "1 I live in Rome.");
    mn_mem_close(&mem);
    mem = opened_with("mem0", 0);
    assert_int_equal(mn_mem_embed(mem, 0, NULL), 1);
    assert_string_equal(FOUND(&ann, .kind = "fact"), "2 I live in Rome.");
}

/* What organisers made is made again from what was said: it is in no file. */
static void exports(void **s) {
    (void)s;
    char path[200];
    mn_carry did;
    snprintf(path, sizeof path, "%s/out.jsonl", folder);
    mn_mem_close(&mem);
    mem = opened_with("mem0", 0);
    add_record(&ann, (mn_record){.text = "I live in Rome.", .speaker = "Ann"});
    assert_int_equal(mn_mem_embed(mem, 0, NULL), 1);
    assert_int_equal(mn_mem_export(mem, &ann, path, NULL, NULL), 1);
    assert_ok(mn_mem_import(mem, &bob, path, NULL, NULL, NULL, NULL, &did));
    assert_int_equal(did.added, 1);
    assert_int_equal(mn_mem_embed(mem, 0, NULL), 1); /* what came in is organised */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, mem_begin, mem_end)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(by_a_thread),       TEST(goes_away), TEST(when_asked), TEST(with_vectors),
        TEST(without_the_model), TEST(refusals),  TEST(exports)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
