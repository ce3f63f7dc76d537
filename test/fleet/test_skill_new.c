/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_skill_new.c - skeletons of skills are written, built, and called for real: the
 * shared object in the process that serves it (this program, as "serve FILE"), Python as it is, and
 * the one for ROS 2 with a fake rclpy.
 */
#include "fleet/hosts.h"

#include "base/child.h"
#include "base/file.h"
#include "fleet/skill_host.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], self[4096];

static const char *in_folder(const char *name) {
    static char path[2][256];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static void write_text(const char *name, const char *text) {
    FILE *const f = fopen(in_folder(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int ran(const char *const *argv) {
    mn_child *child;
    int status = -1;
    assert_ok(mn_child_start(argv, NULL, &child));
    assert_int_equal(mn_child_wait(child, 60000, &status), 1);
    if (status) print_error("%s\n", mn_child_said(child));
    mn_child_end(&child);
    return status;
}

static void build(const char *name) {
    char c[256], so[256];
    snprintf(c, sizeof c, "%s/%s.c", folder, name);
    snprintf(so, sizeof so, "%s/%s.so", folder, name);
    const char *const argv[] = {"cc",         "-std=c11", "-O2",     "-Wall", "-Wextra",
                                "-Wpedantic", "-Werror",  "-shared", "-fPIC", "-o",
                                so,           c,          NULL};
    assert_int_equal(ran(argv), 0);
}

static mn_skill_host *open_so(const char *name) {
    mn_skill_host *h;
    const char *const argv[] = {self, "serve", in_folder(name), NULL};
    assert_ok(mn_skill_host_program(argv, &h));
    return h;
}

static mn_skill_host *open_py(const char *name) {
    mn_skill_host *h;
    const char *const argv[] = {"python3", in_folder(name), NULL};
    assert_ok(mn_skill_host_program(argv, &h));
    return h;
}

/* It works, tells progress, is stopped, and works again. */
static void try_skeleton(mn_skill_host *h, const char *name) {
    mn_skill_end end = {.ok = 0};
    double progress = -1;
    if (mn_skill_host_wait(h, 20000) != 1) fail_msg("%s", mn_error_detail());
    host_start(h, name, "{\"times\": 1}");
    host_end(h, &end, &progress);
    assert_end(&end, "", "");
    assert_true(progress == 1);
    assert_true(json_is_array(json_object_get(end.result, "seen")));
    host_do(h, name, "{\"times\": 1000}", &end);
    assert_end(&end, "arguments", "1000 is out of range");
    host_start(h, name, "{\"times\": 100}");
    progress = -1;
    for (const uint64_t until = mn_clock_ns() + 20000000000u; progress <= 0;) {
        uint64_t again;
        struct pollfd p = {.fd = h->ops->fd(h), .events = POLLIN};
        assert_int_equal(h->ops->look(h, mn_clock_ns(), &again, &progress, &end), 0);
        assert_true(mn_clock_ns() < until);
        poll(&p, 1, 50);
    }
    h->ops->cancel(h);
    host_end(h, &end, NULL);
    assert_end(&end, "cancelled", "stopped");
    host_do(h, name, "{\"times\": 1}", &end);
    assert_end(&end, "", "");
    mn_skill_end_free(&end);
    h->ops->close(&h);
}

static void a_skeleton_in_c(void **state) {
    (void)state;
    mn_buf said = {.limit = 0};
    assert_ok(mn_skill_new("wave", "c", NULL, folder, &said));
    assert_non_null(strstr(said.data, "wave.c"));
    assert_non_null(strstr(said.data, "-o wave.so"));
    mn_buf_free(&said);
    build("wave");
    try_skeleton(open_so("wave.so"), "wave");
}

static void a_skeleton_in_python(void **state) {
    (void)state;
    mn_buf said = {.limit = 0};
    /* A name that Python has itself: its own comes first. */
    assert_ok(mn_skill_new("inspect", "python", NULL, folder, &said));
    assert_non_null(strstr(said.data, "[python3, inspect.py]"));
    mn_buf_free(&said);
    try_skeleton(open_py("inspect.py"), "inspect");
}

static void a_skeleton_for_ros(void **state) {
    (void)state;
    static const char *const row[][3] = {{"well", "", "at 1.5"},
                                         {"reject", "rejected", "does not take the goal"},
                                         {"abort", "aborted", "status 6"}};
    char python[4096], log[256];
    mn_buf said = {.limit = 0};
    snprintf(python, sizeof python, "%s/test/fleet/fake_ros", getenv("OMNESIA_SOURCE"));
    snprintf(log, sizeof log, "%s/ros.log", folder);
    setenv("PYTHONPATH", python, 1);
    setenv("FAKE_ROS", log, 1);
    assert_ok(mn_skill_new("drive", "ros2", "nav2_msgs/action/NavigateToPose", folder, &said));
    mn_buf_free(&said);
    const char *const compile[] = {"python3", "-m", "py_compile", in_folder("drive.py"), NULL};
    assert_int_equal(ran(compile), 0);
    mn_skill_host *h = open_py("drive.py");
    mn_skill_end end = {.ok = 0};
    char args[128];
    double progress = -1;
    for (size_t i = 0; i < 3; i++) {
        snprintf(args, sizeof args, "{\"goal\": {\"how\": \"%s\", \"pose\": {\"x\": 1.5}}}",
                 row[i][0]);
        host_start(h, "drive", args);
        host_end(h, &end, i ? NULL : &progress);
        assert_end(&end, row[i][1], row[i][2]);
    }
    assert_true(progress == 0.5);
    host_do(h, "drive", "{\"goal\": {\"where\": 1}}", &end);
    assert_end(&end, "arguments", "no field where");
    static const char *const stops[] = {"slow", "late"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(args, sizeof args, "{\"goal\": {\"how\": \"%s\"}}", stops[i]);
        host_start(h, "drive", args);
        for (const uint64_t until = mn_clock_ns() + 20000000000u;;) { /* until it has begun */
            uint64_t again;
            mn_buf text = {.limit = 0};
            struct pollfd p = {.fd = h->ops->fd(h), .events = POLLIN};
            assert_int_equal(h->ops->look(h, mn_clock_ns(), &again, &progress, &end), 0);
            assert_ok(mn_file_read(log, 1 << 20, &text));
            const int begun = strstr(text.data, stops[i]) != NULL && (i || progress == 0.5);
            mn_buf_free(&text);
            if (begun) break;
            assert_true(mn_clock_ns() < until);
            poll(&p, 1, 10);
        }
        h->ops->cancel(h);
        host_end(h, &end, NULL);
        assert_end(&end, "cancelled", "stopped");
    }
    mn_buf text = {.limit = 0};
    assert_ok(mn_file_read(log, 1 << 20, &text));
    assert_non_null(strstr(text.data, "client NavigateToPose navigate_to_pose\n"));
    assert_non_null(strstr(text.data, "goal well 1.5\n"));
    assert_non_null(strstr(text.data, "cancel slow\n")); /* the robot was told */
    assert_null(strstr(text.data, "cancel well"));
    mn_buf_free(&text);
    h->ops->close(&h);
    setenv("FAKE_ROS_ABSENT", "1", 1);
    h = open_py("drive.py");
    host_start(h, "drive", "{\"goal\": {}}");
    host_end(h, &end, NULL);
    assert_end(&end, "no_server", "nobody serves navigate_to_pose");
    mn_skill_end_free(&end);
    h->ops->close(&h);
    /* What takes too long is given up, and the robot is told. */
    unsetenv("FAKE_ROS_ABSENT");
    const char *const quicker[] = {"sed", "-i", "s/^LIMIT = 120/LIMIT = 0.2/",
                                   in_folder("drive.py"), NULL};
    assert_int_equal(ran(quicker), 0);
    h = open_py("drive.py");
    host_do(h, "drive", "{\"goal\": {\"how\": \"slow\"}}", &end);
    assert_end(&end, "timeout", "had not ended after 0.2 s");
    assert_ok(mn_file_read(log, 1 << 20, &text));
    const char *const first = strstr(text.data, "cancel slow\n");
    assert_non_null(strstr(first + 1, "cancel slow\n"));
    mn_buf_free(&text);
    mn_skill_end_free(&end);
    h->ops->close(&h);
    unsetenv("PYTHONPATH");
}

static void names_are_checked_and_nothing_is_overwritten(void **state) {
    (void)state;
    mn_buf said = {.limit = 0}, text = {.limit = 0};
    static const char *const bad[] = {"", "Wave", "2wave", "../wave", "wa ve", "w\xc3\xa4ve"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(mn_skill_new(bad[i], "c", NULL, folder, &said), MN_EINVAL,
                     "no name of a skill");
    assert_fails(mn_skill_new("fly", "cobol", NULL, folder, &said), MN_EINVAL, "'cobol'");
    static const char *const actions[] = {NULL,        "x",         "nav2_msgs/msg/Pose",
                                          "a/action/", "/action/X", "a/action/X\nimport os",
                                          "A/action/X"};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        assert_fails(mn_skill_new("fly", "ros2", actions[i], folder, &said), MN_EINVAL,
                     "no action");
    write_text("mine.py", "mine");
    assert_fails(mn_skill_new("mine", "python", NULL, folder, &said), MN_EBUSY, "is there already");
    assert_ok(mn_file_read(in_folder("mine.py"), 100, &text));
    assert_string_equal(text.data, "mine");
    assert_int_equal(said.len, 0);
    mn_buf_free(&text);
    mn_buf_free(&said);
}

static const char odd[] =
    "#include <stdio.h>\n#include <stdlib.h>\n#include \"omnesia_skill.h\"\n"
    "static int loud(const omnesia_skill_call *c) { printf(\"hello\\n\"); fflush(stdout);\n"
    "    return !c->text(c, \"a\", \"\")[0]; }\n"
    "static int crash(const omnesia_skill_call *c) { (void)c; abort(); }\n"
    "static int bad(const omnesia_skill_call *c) { c->result(c, \"[1]\"); return 0; }\n"
    "static int deaf(const omnesia_skill_call *c) { (void)c; for (volatile int i = 1; i;) {}\n    "
    "return 0; }\n"
    "#define M \"{\\\"inputSchema\\\": {\\\"properties\\\": {\\\"a\\\": {}}}, \\\"_meta\\\": \"\\\n"
    "    \"{\\\"omnesia/skill\\\": {\\\"seconds\\\": 0, \\\"limit\\\": 1}}}\"\n"
    "const omnesia_skill omnesia_skills[] = {{1, \"loud\", M, loud}, {1, \"crash\", M, crash},\n"
    "    {1, \"bad\", M, bad}, {1, \"deaf\", M, deaf}, {0, 0, 0, 0}};\n";

static void what_it_does_ends_its_process_alone(void **state) {
    (void)state;
    write_text("odd.c", odd);
    build("odd");
    mn_skill_host *h = open_so("odd.so");
    mn_skill_end end = {.ok = 0};
    host_do(h, "loud", "{\"a\": \"b\"}", &end);
    assert_end(&end, "", "");
    host_do(h, "loud", "{}", &end);
    assert_end(&end, "failed", "loud returned 1");
    host_do(h, "crash", "{}", &end);
    assert_end(&end, "crashed", "signal 6");
    host_do(h, "bad", "{}", &end);
    assert_end(&end, "garbage", "no object");
    host_do(h, "deaf", "{}", &end);
    assert_end(&end, "hung", "deaf had not ended after 1 s");
    host_start(h, "deaf", "{}");
    h->ops->cancel(h);
    host_end(h, &end, NULL);
    assert_end(&end, "cancelled", "stopped");
    host_do(h, "loud", "{\"a\": \"b\"}", &end);
    assert_end(&end, "", "");
    mn_skill_end_free(&end);
    h->ops->close(&h);
}

static void what_is_no_shared_object_of_skills(void **state) {
    (void)state;
    static const char *const row[][3] = {
        {"none", "int x;\n", "has no omnesia_skills"},
        {"newer",
         "#include \"omnesia_skill.h\"\nconst omnesia_skill omnesia_skills[] = {{7, 0, 0, 0}};\n",
         "is of format 7"},
        {"empty",
         "#include \"omnesia_skill.h\"\nconst omnesia_skill omnesia_skills[] = {{1, 0, 0, 0}};\n",
         "no name, no manifest"},
        {"json",
         "#include \"omnesia_skill.h\"\nstatic int r(const omnesia_skill_call *c) { return !c; }\n"
         "const omnesia_skill omnesia_skills[] = {{1, \"x\", \"{\", r}};\n",
         "manifest of x is no JSON"},
        {"schema",
         "#include \"omnesia_skill.h\"\nstatic int r(const omnesia_skill_call *c) { return !c; }\n"
         "const omnesia_skill omnesia_skills[] = {{1, \"x\", \"{}\", r}};\n",
         "skill x: inputSchema"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.c", row[i][0]);
        write_text(name, row[i][1]);
        build(row[i][0]);
        snprintf(name, sizeof name, "%s.so", row[i][0]);
        mn_skill_host *h = open_so(name);
        assert_fails(mn_skill_host_wait(h, 20000), MN_EIO, row[i][2]);
        h->ops->close(&h);
    }
    mn_skill_host *h = open_so("absent.so");
    assert_fails(mn_skill_host_wait(h, 20000), MN_EIO, "cannot load");
    h->ops->close(&h);
}

int main(int argc, char **argv) {
    if (argc == 3 && !strcmp(argv[1], "serve")) {
        const int rc = mn_skill_serve(argv[2], 0, 1);
        if (rc < 0) fprintf(stderr, "%s\n", mn_error_detail());
        return rc < 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_skeleton_in_c),
        cmocka_unit_test(a_skeleton_in_python),
        cmocka_unit_test(a_skeleton_for_ros),
        cmocka_unit_test(names_are_checked_and_nothing_is_overwritten),
        cmocka_unit_test(what_it_does_ends_its_process_alone),
        cmocka_unit_test(what_is_no_shared_object_of_skills),
    };
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    strcpy(folder, "/tmp/omnesia-skill-XXXXXX");
    setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
    if (n < 0 || !mkdtemp(folder)) return 1;
    const int rc = cmocka_run_group_tests(tests, NULL, NULL);
    const char *const clean[] = {"rm", "-rf", folder, NULL};
    (void)ran(clean);
    return rc;
}
