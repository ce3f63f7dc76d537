/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/test_task.c - `omnesia task`: what each verb prints, what is refused and how it ends;
 * that every verb of the library has its words in the help, and each of its fields a way to be
 * given; and that docs/TASKS.md says what the library says.
 */
#include "test.h"

#include "cli/run.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/walk.h"
#include "omnesia.h"

#include <jansson.h>

static char bed[64];

static int make_bed(void **state) {
    (void)state;
    strcpy(bed, "/tmp/omnesia-task-XXXXXX");
    assert_non_null(mkdtemp(bed));
    setenv("OMNESIA_DATA", bed, 1);
    setenv("OMNESIA_REGION", "none", 1);
    setenv("OMNESIA_USER", "anna", 1);
    return 0;
}
static int drop_bed(void **state) {
    (void)state;
    mn_walk_remove(bed);
    return 0;
}

static void says(const char *words, int status, const char *out, const char *err) {
    const cli_run r = run(words);
    if (r.status != status || !strstr(r.out, out) || (err ? !strstr(r.err, err) : *r.err))
        fail_msg("%s: status %d, said \"%s\" \"%s\"", words, r.status, r.out, r.err);
}

static void a_plan_from_beginning_to_end(void **state) {
    (void)state;
    says("task list", 0, "", NULL);
    says("task show", 0, "no tasks yet", NULL);
    says("task new Trip two weeks in May", 0, "#1 Trip: two weeks in May (pending)\n", NULL);
    says("task step 1 Dates", 0, "#2 Dates (pending)\n", NULL);
    says("task step '#1' Hotel near the station --on 2", 0,
         "#3 Hotel: near the station (pending)\n", NULL);
    says("task step 1 Museum --beside 3", 0, "#4 Museum", NULL);
    says("task done 2 3 to 9 May", 0, "#2 Dates: 3 to 9 May (done)\nto look at again: #3\n", NULL);
    says("task fail 4 </dev/null", 0, "#4 Museum (failed)", NULL);
    says("task prompt 3", 0, "It builds on:\n- Dates (done): 3 to 9 May\n", NULL);
    says("task replace 2 Month June", 0, "#", NULL);
    says("task show", 0, "Dates: 3 to 9 May (replaced by #", NULL);
    says("task show 1", 0, "∥ #3", NULL);
    says("task rollback 4", 0, "#4 Museum (pending)\n", NULL);
    says("task rollback 4", 1, "", "#4 has been nothing else before");
    says("task update 4 x --if-version 9", 1, "", "has version 3 by now, not 9");
    says("task list", 0, "0 done, 4 pending, 0 failed, 1 flagged", NULL);
    says("task list --json", 0, "\"pending\":4", NULL);
    says("task show 1 --json", 0, "{\"tasks\":[{\"id\":1,\"slot\":\"Trip\"", NULL);
    says("task show --user bob", 0, "no tasks yet", NULL);
    says("task show 1 --user bob", 1, "", "there is no task #1 of bob");
}

static void what_was_said(void **state) {
    (void)state;
    says("task new Party --user carl", 0, "Party", NULL);
    says("task say 'The budget is 300 euros' --user carl", 0, "Budget: 300 euros (pending)", NULL);
    says("task say 'Actually make the budget 400' --user carl", 0, "Budget: 400", NULL);
    says("task say 'Undo that' --user carl", 0, "Budget: 300 euros", NULL);
    says("task say 'Go back' --user carl", 0, "Which one shall go back?", NULL);
    says("task say x --ops '[{\"intent\":\"new\",\"slot\":\"Cake\"}]' --user carl", 0, "Cake",
         NULL);
    says("task say x --ops '{' --user carl", 2, "", "that is no JSON");
    says("task say x -m /nowhere/at-all.gguf --user carl", 1, "", "/nowhere/at-all.gguf");
}

static void what_is_refused(void **state) {
    (void)state;
    says("task", 2, "", "task needs a verb");
    says("task shwo", 2, "", "did you mean `task show`?");
    says("task write x", 2, "", "task write: see `omnesia task --help`");
    says("task done x", 2, "", "x is no number of a task");
    says("task done 99999", 1, "", "there is no task #99999");
    says("task new", 1, "", "new needs slot");
    says("task rollback 1 2", 2, "", "\"2\" is one word too many");
    says("task list --on 3", 2, "", "task list takes no --on");
    says("task step 1 x --on a,b", 2, "", "it takes numbers of tasks");
    says("task step 1 x --on 1", 1, "", "it is a part of it");
    says("task show --svg /tmp/never.svg", 1, "", "give its id");
}

static void a_picture(void **state) {
    char words[160], path[96];
    mn_buf svg = {0};
    (void)state;
    snprintf(path, sizeof path, "%s/plan.svg", bed);
    snprintf(words, sizeof words, "task show 1 --svg %s", path);
    says(words, 0, "", NULL);
    assert_ok(mn_file_read(path, 1 << 20, &svg));
    assert_non_null(strstr(svg.data, "<svg xmlns"));
    assert_non_null(strstr(svg.data, "Hotel"));
    assert_non_null(strstr(svg.data, "class=\"a flag\""));
    mn_buf_free(&svg);
}

/* The library's table is what the doors have. */
static void no_door_lacks_a_verb(void **state) {
    static const char *const ways[] = {"id",     "parent",  "slot",  "text", "deps",
                                       "beside", "version", "role",  "ops",  "model",
                                       "budget", "form",    "after", "limit"};
    char *text = NULL;
    size_t i;
    json_t *verb, *field;
    const char *name;
    mn_buf doc = {0};
    char path[512];
    (void)state;
    snprintf(path, sizeof path, "%s/docs/TASKS.md", getenv("OMNESIA_SOURCE"));
    assert_ok(mn_task_do(NULL, NULL, "{\"do\":\"verbs\"}", &text));
    assert_ok(mn_file_read(path, 1 << 20, &doc));
    json_t *const all = json_loads(text, 0, NULL);
    mn_free_text(text);
    const cli_run help = run("task --help");
    json_array_foreach(json_object_get(all, "verbs"), i, verb) {
        char row[64];
        const char *const called = json_string_value(json_object_get(verb, "name"));
        snprintf(row, sizeof row, "| `%s` |", called);
        const int local = json_is_true(json_object_get(verb, "local"));
        if (!local) assert_non_null(strstr(help.out, called));
        if (!strstr(doc.data, row)) fail_msg("docs/TASKS.md has no row %s", row);
        assert_non_null(strstr(doc.data, json_string_value(json_object_get(verb, "about"))));
        json_object_foreach(json_object_get(json_object_get(verb, "takes"), "properties"), name,
                            field) {
            size_t k = 0;
            while (k < sizeof ways / sizeof *ways && strcmp(ways[k], name) != 0) k++;
            if (!local) assert_true(k < sizeof ways / sizeof *ways);
            const char *const about = json_string_value(json_object_get(field, "description"));
            if (!strstr(doc.data, about)) fail_msg("docs/TASKS.md lacks %s: %s", name, about);
        }
    }
    json_decref(all);
    mn_buf_free(&doc);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_from_beginning_to_end),
        cmocka_unit_test(what_was_said),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(a_picture),
        cmocka_unit_test(no_door_lacks_a_verb),
    };
    return cmocka_run_group_tests(tests, make_bed, drop_bed);
}
