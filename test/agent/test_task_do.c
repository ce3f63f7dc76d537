/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_task_do.c - plans as records: calls in JSON, hostile ones too; rows that somebody
 * else wrote; two handles and several processes that change one tree at once; what is said of it.
 */
#include "test.h"

#include "api/mem_bed.h"
#include "base/alloc.h"

#include <jansson.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static char answer[1 << 16];

static int try_call(mn_mem *m, const mn_scope *who, const char *json) {
    char *out = NULL;
    const int rc = mn_task_do(m, who, json, &out);
    snprintf(answer, sizeof answer, "%s", out ? out : "");
    assert_true((rc < 0) == (out == NULL));
    mn_free_text(out);
    return rc;
}
static const char *told(const char *json) {
    assert_ok(try_call(mem, &ann, json));
    return answer;
}
static int64_t id_told(const char *json) {
    json_t *const o = json_loads(told(json), 0, NULL);
    const int64_t id = json_integer_value(json_object_get(json_object_get(o, "task"), "id"));
    json_decref(o);
    assert_true(id > 0);
    return id;
}
#define CALL(...) (snprintf(call, sizeof call, __VA_ARGS__), call)
static char call[4096];

static void says(const char *json, const char *part) {
    if (!strstr(told(json), part)) fail_msg("%s: %s lacks %s", json, answer, part);
}

static void a_plan_is_kept(void **state) {
    (void)state;
    const int64_t root = id_told("{\"do\":\"new\",\"slot\":\"Trip\",\"text\":\"in May\"}");
    const int64_t dates =
        id_told(CALL("{\"do\":\"step\",\"parent\":%lld,\"slot\":\"Dates\"}", (long long)root));
    const int64_t hotel =
        id_told(CALL("{\"do\":\"step\",\"parent\":%lld,\"slot\":\"Hotel\",\"deps\":[%lld]}",
                     (long long)root, (long long)dates));
    says(CALL("{\"do\":\"done\",\"id\":%lld,\"text\":\"3 to 9\"}", (long long)dates),
         "\"flagged\":[");
    mn_mem_close(&mem);
    mem = mem_opened();
    says(CALL("{\"do\":\"prompt\",\"id\":%lld}", (long long)hotel), "- Dates (done): 3 to 9");
    says(CALL("{\"do\":\"rollback\",\"id\":%lld}", (long long)dates),
         "\"status\":\"pending\",\"version\":3");
    says(CALL("{\"do\":\"show\",\"id\":%lld}", (long long)root), "Trip: in May");
    says("{\"do\":\"list\"}", "\"pending\":3");
    assert_non_null(strstr(FOUND(&ann, .query = "3 to 9", .k = 5), "Trip") ? "" : answer);
    /* Another user has none of it, and no number reaches it. */
    assert_ok(try_call(mem, &bob, "{\"do\":\"list\"}"));
    assert_string_equal(answer, "{\"trees\":[]}");
    assert_fails(try_call(mem, &bob, CALL("{\"do\":\"done\",\"id\":%lld}", (long long)hotel)),
                 MN_ENOENT, "there is no task");
    assert_fails(
        try_call(mem, &bob,
                 CALL("{\"do\":\"step\",\"parent\":%lld,\"slot\":\"x\"}", (long long)root)),
        MN_ENOENT, "there is no task");
    assert_fails(try_call(mem, &(mn_scope){.user = ""}, "{\"do\":\"list\"}"), MN_EINVAL, "no user");
    assert_fails(mn_task_do(mem, NULL, "{\"do\":\"list\"}", &(char *){NULL}), MN_EINVAL,
                 "no scope");
}

static void what_is_wrong_is_named(void **state) {
    (void)state;
    static const struct {
        const char *json;
        int code;
        const char *text;
    } wrong[] = {
        {"", MN_EINVAL, "no JSON object"},
        {"[]", MN_EINVAL, "no JSON object"},
        {"{}", MN_EINVAL, "\"do\" is missing"},
        {"{\"do\":7}", MN_EINVAL, "\"do\" is missing"},
        {"{\"do\":\"lst\"}", MN_EINVAL, "did you mean list"},
        {"{\"do\":\"new\"}", MN_EINVAL, "new needs slot"},
        {"{\"do\":\"new\",\"slot\":\"\"}", MN_EINVAL, "slot has 0 bytes"},
        {"{\"do\":\"new\",\"slot\":3}", MN_EINVAL, "slot must be a string"},
        {"{\"do\":\"new\",\"slot\":\"a\",\"txt\":\"\"}", MN_EINVAL, "did you mean text"},
        {"{\"do\":\"new\",\"slot\":\"a\\u0000b\"}", MN_EINVAL, "no JSON object"},
        {"{\"do\":\"new\",\"do\":\"list\"}", MN_EINVAL, "no JSON object"},
        {"{\"do\":\"step\",\"parent\":99999,\"slot\":\"a\"}", MN_ENOENT, "there is no task #99999"},
        {"{\"do\":\"step\",\"parent\":-1,\"slot\":\"a\"}", MN_EINVAL, "parent is -1"},
        {"{\"do\":\"step\",\"parent\":1e3,\"slot\":\"a\"}", MN_EINVAL, "must be a whole number"},
        {"{\"do\":\"step\",\"parent\":9223372036854775807,\"slot\":\"a\"}", MN_EINVAL,
         "it takes 1 to"},
        {"{\"do\":\"show\",\"form\":\"png\"}", MN_EINVAL, "it takes tree|list|svg"},
        {"{\"do\":\"say\",\"text\":\"x\",\"ops\":[1]}", MN_EINVAL, "must be an object"},
        {"{\"do\":\"say\",\"text\":\"x\",\"ops\":[{\"intent\":\"eat\"}]}", MN_EINVAL,
         "not \"eat\""},
        {"{\"do\":\"say\",\"text\":\"x\",\"ops\":[{\"intent\":\"update\",\"task\":\"Nowhere\"}]}",
         MN_ENOENT, "no task named \"Nowhere\""},
        {"{\"do\":\"say\",\"text\":\"x\",\"model\":\"/nowhere/at-all.gguf\"}", MN_ENOENT,
         "nowhere"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_fails(try_call(mem, &ann, wrong[i].json), wrong[i].code, wrong[i].text);
    says("{\"do\":\"list\"}", "{\"trees\":[]}");
    const int64_t record = add_text(&ann, "no task");
    assert_fails(try_call(mem, &ann, CALL("{\"do\":\"done\",\"id\":%lld}", (long long)record)),
                 MN_ENOENT, "there is no task");
    const int64_t root = id_told("{\"do\":\"new\",\"slot\":\"a\"}");
    assert_fails(try_call(mem, &ann,
                          CALL("{\"do\":\"step\",\"parent\":%lld,\"slot\":\"b\",\"deps\":[%lld]}",
                               (long long)root, (long long)record)),
                 MN_ENOENT, "to build on");
    const int64_t other = id_told("{\"do\":\"new\",\"slot\":\"another tree\"}");
    says(CALL("{\"do\":\"step\",\"parent\":%lld,\"slot\":\"b\",\"deps\":[%lld]}", (long long)root,
              (long long)other),
         "\"dropped\":[");
    assert_fails(try_call(mem, &ann,
                          CALL("{\"do\":\"update\",\"id\":%lld,\"text\":\"x\",\"version\":4}",
                               (long long)root)),
                 MN_ECONFLICT, "has version 1 by now, not 4");
}

/* ---- rows of strangers ---------------------------------------------------------------------- */
static int64_t add_row(const char *session, const char *slot, const char *meta) {
    return add_record(
        &ann,
        (mn_record){.text = slot, .ref = slot, .kind = "task", .session = session, .meta = meta});
}
#define U(c) "000000000000000" c
#define STATE(uid, parent, more) \
    "{\"task\":{\"uid\":\"" U(uid) "\",\"parent\":\"" U(parent) "\"" more "}}"

static void links_of_strangers_are_refused_or_left_out(void **state) {
    (void)state;
    const int64_t a = add_row("s1", "a", STATE("1", "2", "")),
                  b = add_row("s1", "b", STATE("2", "1", ""));
    assert_fails(try_call(mem, &ann, CALL("{\"do\":\"show\",\"id\":%lld}", (long long)a)),
                 MN_ECORRUPT,
                 CALL("#%lld and #%lld are above each other", (long long)a, (long long)b));
    const int64_t c = add_row("s2", "c", STATE("3", "f", ",\"deps\":[\"" U("4") "\"]"));
    add_row("s2", "d", STATE("4", "5", ",\"deps\":[\"" U("6") "\"]"));
    says(CALL("{\"do\":\"show\",\"id\":%lld}", (long long)c), "c\\n"); /* not of the same tree */
    const int64_t top = add_row("s3", "top", STATE("7", "f", ""));
    add_row("s3", "e", STATE("8", "7", ",\"deps\":[\"" U("9") "\"]"));
    add_row("s3", "f", STATE("9", "7", ",\"deps\":[\"" U("8") "\"]"));
    assert_fails(try_call(mem, &ann, CALL("{\"do\":\"show\",\"id\":%lld}", (long long)top)),
                 MN_ECORRUPT, "in a circle");
    static const char *const odd[] = {
        "",
        "{}",
        "[]",
        "{\"task\":7}",

        "{\"task\":{\"deps\":{},\"version\":-1}}",
        "{\"task\":{\"status\":\"eaten\",\"prior\":99,\"version\":99999999999}}"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        const int64_t id = add_row("s4", "odd", odd[i]);
        says(CALL("{\"do\":\"done\",\"id\":%lld,\"text\":\"x\"}", (long long)id),
             "\"status\":\"done\"");
        says(CALL("{\"do\":\"rollback\",\"id\":%lld}", (long long)id), "\"status\":\"pending\"");
    }
}

static void what_is_no_json_is_refused_and_stays(void **state) {
    (void)state;
    static const char *const bad[] = {"not json", "{\"task\":{\"uid\":\"zz\"}}",
                                      "{\"task\":{\"deps\":[7]}}"};
    static const char *const why[] = {"is no JSON", "is no uid", "is no uid"};
    for (int i = 0; i < 3; i++) {
        char session[16];
        snprintf(session, sizeof session, "bad%d", i);
        const int64_t id = add_row(session, "broken", bad[i]);
        assert_fails(try_call(mem, &ann, CALL("{\"do\":\"done\",\"id\":%lld}", (long long)id)),
                     MN_ECORRUPT, why[i]);
    }
}

static void a_forgotten_parent_leaves_a_root(void **state) {
    (void)state;
    const int64_t root = id_told("{\"do\":\"new\",\"slot\":\"a\"}");
    const int64_t b =
        id_told(CALL("{\"do\":\"step\",\"parent\":%lld,\"slot\":\"b\"}", (long long)root));
    const int64_t c =
        id_told(CALL("{\"do\":\"step\",\"parent\":%lld,\"slot\":\"c\",\"deps\":[]}", (long long)b));
    const mn_find gone = {.id = root};
    assert_int_equal(mn_mem_forget(mem, &ann, &gone, 0), 1);
    const int64_t d =
        id_told(CALL("{\"do\":\"step\",\"parent\":%lld,\"slot\":\"d\",\"deps\":[%lld]}",
                     (long long)b, (long long)c));
    says(CALL("{\"do\":\"prompt\",\"id\":%lld}", (long long)d), "Task: b\\n> d (pending)");
    says(CALL("{\"do\":\"show\",\"id\":%lld}", (long long)b), "c\\n");
}

static void it_is_carried_to_another_store(void **state) {
    (void)state;
    char file[200], other[200];
    snprintf(file, sizeof file, "%s/out.jsonl", folder);
    snprintf(other, sizeof other, "%s/other.db", folder);
    const int64_t root = id_told("{\"do\":\"new\",\"slot\":\"moved\"}");
    const int64_t b =
        id_told(CALL("{\"do\":\"step\",\"parent\":%lld,\"slot\":\"b\"}", (long long)root));
    id_told(CALL("{\"do\":\"step\",\"parent\":%lld,\"slot\":\"c\",\"deps\":[%lld]}",
                 (long long)root, (long long)b));
    told(CALL("{\"do\":\"done\",\"id\":%lld,\"text\":\"yes\"}", (long long)b));
    assert_true(mn_mem_export(mem, &ann, file, "jsonl", NULL) > 0);
    mn_mem *there = NULL;
    mn_carry carry;
    assert_ok(mn_mem_open(other, &(mn_mem_options){.model = "none"}, &there));
    for (int i = 0; i < 5; i++) { /* numbers are others there */
        const mn_record r = {.text = "x", .n = 1};
        assert_ok(mn_mem_add(there, &ann, &r, 1, NULL));
    }
    assert_ok(mn_mem_import(there, &ann, file, "jsonl", NULL, NULL, NULL, &carry));
    assert_ok(try_call(there, &ann, "{\"do\":\"show\"}"));
    const char *const tree = strstr(answer, "moved");
    assert_non_null(tree);
    assert_non_null(strstr(tree, "b: yes\\n"));
    assert_non_null(strstr(tree, "c ← #"));
    mn_mem_close(&there);
}

/* ---- at once -------------------------------------------------------------------------------- */
enum { WRITERS = 4, EACH = 40 };
static int64_t shared_root, shared_task;

static void *write_steps(void *opaque) {
    mn_mem *const m = opaque;
    char line[160], *out;
    for (int i = 0; i < EACH; i++) {
        snprintf(line, sizeof line, "{\"do\":\"step\",\"parent\":%lld,\"slot\":\"s%d\"}",
                 (long long)shared_root, i);
        if (mn_task_do(m, &ann, line, &out) < 0) return "step";
        mn_free_text(out);
        snprintf(line, sizeof line, "{\"do\":\"update\",\"id\":%lld,\"text\":\"%d %p %d\"}",
                 (long long)shared_task, (int)getpid(), opaque, i);
        if (mn_task_do(m, &ann, line, &out) < 0) return "update";
        mn_free_text(out);
    }
    return NULL;
}

static void no_update_is_lost(void **state) {
    (void)state;
    pthread_t thread[2];
    void *wrong;
    mn_mem *two = mem_opened();
    shared_root = id_told("{\"do\":\"new\",\"slot\":\"shared\"}");
    shared_task =
        id_told(CALL("{\"do\":\"step\",\"parent\":%lld,\"slot\":\"x\"}", (long long)shared_root));
    mn_mem_close(&mem);
    pid_t child[WRITERS - 2];
    for (int i = 0; i < WRITERS - 2; i++)
        if ((child[i] = fork()) == 0) {
            mn_mem *const own = mem_opened();
            _exit(write_steps(own) != NULL);
        }
    mem = mem_opened();
    pthread_create(thread, NULL, write_steps, mem);
    pthread_create(thread + 1, NULL, write_steps, two);
    for (int i = 0; i < 2; i++) {
        pthread_join(thread[i], &wrong);
        if (wrong) fail_msg("%s", (const char *)wrong);
    }
    for (int i = 0; i < WRITERS - 2; i++) {
        int status;
        waitpid(child[i], &status, 0);
        assert_int_equal(status, 0);
    }
    json_t *const o = json_loads(told("{\"do\":\"list\"}"), 0, NULL);
    const json_t *one = NULL, *tree;
    size_t i;
    json_array_foreach(json_object_get(o, "trees"), i,
                       tree) if (json_integer_value(json_object_get(tree, "id")) == shared_root)
        one = tree;
    assert_int_equal(json_integer_value(json_object_get(one, "pending")), 2 + WRITERS * EACH);
    json_decref(o);
    /* Each change is a version, and all of them can be taken back. */
    for (int n = 0; n < WRITERS * EACH; n++)
        told(CALL("{\"do\":\"rollback\",\"id\":%lld}", (long long)shared_task));
    assert_non_null(strstr(answer, "\"text\":\"\""));
    assert_non_null(strstr(answer, CALL("\"version\":%d", 1 + 2 * WRITERS * EACH)));
    assert_fails(
        try_call(mem, &ann, CALL("{\"do\":\"rollback\",\"id\":%lld}", (long long)shared_task)),
        MN_ENOENT, "nothing else before");
    mn_mem_close(&two);
}

/* ---- what is said --------------------------------------------------------------------------- */
static void what_is_said_is_done(void **state) {
    (void)state;
    const int64_t root = id_told("{\"do\":\"new\",\"slot\":\"Party\"}");
#define SAY(words) CALL("{\"do\":\"say\",\"id\":%lld,\"text\":\"" words "\"}", (long long)root)
    says(SAY("The budget is 300 euros. The place: the old barn"),
         "\"slot\":\"Budget\",\"text\":\"300 euros\"");
    says(SAY("Actually make the budget 400 euros"), "\"text\":\"400 euros\"");
    says(SAY("Undo that"), "\"text\":\"300 euros\"");
    says(SAY("What is the budget?"), "\"intent\":\"check\"");
    says(CALL("{\"do\":\"show\",\"id\":%lld}", (long long)root), "Budget: 300 euros");
    says(SAY("The place is the town hall and the budget is 500"), "town hall");
    const char *const before = told(CALL("{\"do\":\"show\",\"id\":%lld}", (long long)root));
    char kept[2048];
    snprintf(kept, sizeof kept, "%s", before);
    told(SAY("Set the budget to 700, and set the place to the lake"));
    snprintf(kept, sizeof kept, "%s", told(CALL("{\"do\":\"show\",\"id\":%lld}", (long long)root)));
    says(SAY("Go back"), "\"ask\":\"Which one shall go back?"); /* two changed at once */
    assert_string_equal(kept, told(CALL("{\"do\":\"show\",\"id\":%lld}", (long long)root)));
    says(SAY("Set the budget to 900. Go back to how Xyzzy was, undo it all"), "\"ops\"");
    says(CALL("{\"do\":\"say\",\"id\":%lld,\"text\":\"x\",\"ops\":[{\"intent\":\"update\",\"task\":"
              "\"budget\","
              "\"text\":\"1\"},{\"intent\":\"ask\",\"text\":\"how much?\"}]}",
              (long long)root),
         "\"ask\":\"how much?\"");
    says(CALL("{\"do\":\"show\",\"id\":%lld}", (long long)root), "Budget: ");
    assert_null(strstr(answer, "Budget: 1\\n")); /* what asks back changes nothing at all */
    says("{\"do\":\"say\",\"text\":\"Add a cake after the place\"}", "\"slot\":\"Cake\"");
}

static void the_table_tells_itself(void **state) {
    (void)state;
    char *out = NULL;
    assert_ok(mn_task_do(NULL, NULL, "{\"do\":\"verbs\"}", &out));
    json_t *const o = json_loads(out, 0, NULL), *verb;
    size_t i;
    assert_true(json_array_size(json_object_get(o, "verbs")) >= 10);
    json_array_foreach(json_object_get(o, "verbs"), i, verb) {
        assert_true(json_is_object(json_object_get(verb, "takes")));
        assert_true(json_is_object(json_object_get(verb, "gives")));
    }
    json_decref(o);
    mn_free_text(out);
    assert_fails(mn_task_do(NULL, NULL, "{\"do\":\"list\"}", &out), MN_EINVAL, "no store");
}

static void memory_may_end_anywhere(void **state) {
    (void)state;
    const int64_t root = id_told("{\"do\":\"new\",\"slot\":\"oom\"}");
    const int64_t leaf =
        id_told(CALL("{\"do\":\"step\",\"parent\":%lld,\"slot\":\"leaf\"}", (long long)root));
    json_set_alloc_funcs(mn_malloc, mn_free);
    for (long n = 1; n < 5000; n++) {
        char *out = NULL;
        CALL("{\"do\":\"update\",\"id\":%lld,\"text\":\"%ld\"}", (long long)leaf, n);
        mn_alloc_fail_after(n);
        const int rc = mn_task_do(mem, &ann, call, &out);
        const int failed = mn_alloc_fail_left() <= 0;
        mn_alloc_fail_after(0);
        mn_free_text(out);
        assert_true(failed || rc >= 0);
        if (!failed) break;
    }
    /* A task whose state could not be read for want of memory is not written as one without. */
    says(CALL("{\"do\":\"show\",\"id\":%lld}", (long long)root), "oom\\n└─ #");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_plan_is_kept),
        cmocka_unit_test(a_forgotten_parent_leaves_a_root),
        cmocka_unit_test(it_is_carried_to_another_store),
        cmocka_unit_test(no_update_is_lost),
        cmocka_unit_test(what_is_said_is_done),
        cmocka_unit_test(the_table_tells_itself),
        cmocka_unit_test(memory_may_end_anywhere),
        cmocka_unit_test(what_is_no_json_is_refused_and_stays),
        cmocka_unit_test(links_of_strangers_are_refused_or_left_out),
    };
    return cmocka_run_group_tests(tests, mem_begin, mem_end);
}
