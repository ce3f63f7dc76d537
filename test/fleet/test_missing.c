/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_missing.c - what the program says when a library that it looks for is not there:
 * one sentence that names the Debian package; and mistakes in a map for ROS 2, which is read
 * without DDS: file, line, key.
 *
 * A library that is missing is played by an empty file of its name, found first.
 */
#include "folder.h"
#include "test.h"

#include "fleet/ros2_inside.h"

#include <unistd.h>

static char said[4000];

static void write_file(const char *name, const char *text, char path[160]) {
    snprintf(path, 160, "%s/%s", folder, name);
    FILE *const f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    fclose(f);
}

/* `omnesia fleet WORDS`, with the folder in front of where libraries are; its exit status. */
static int fleet(const char *words) {
    char line[800];
    snprintf(line, sizeof line,
             "LD_LIBRARY_PATH=%s OMNESIA_ROS2=%s/libomnesia_ros2.so OMNESIA_DATA=%s "
             "timeout 60 %s fleet %s 2>&1 </dev/null",
             folder, folder, folder, getenv("OMNESIA_PROGRAM"), words);
    FILE *const f = popen(line, "r");
    assert_non_null(f);
    said[fread(said, 1, sizeof said - 1, f)] = 0;
    return pclose(f);
}

/* It fails with one line that says so. */
static void says(const char *words, const char *package) {
    char line[500];
    snprintf(line, sizeof line, "--region %s/region %s", folder, words);
    if (!fleet(line)) fail_msg("fleet %s: it works", words);
    if (!strstr(said, package)) fail_msg("fleet %s: no %s in: %s", words, package, said);
    if (strchr(said, '\n') != strrchr(said, '\n'))
        fail_msg("fleet %s: more lines: %s", words, said);
}

static void no_library(void **unused) {
    (void)unused;
    char path[160], words[300];
    write_file("libyaml-0.so.2", "", path);
    write_file("libhiredis.so.0.14", "", path);
    write_file("robot.yaml", "name: r\nbody: arm\n", path);
    snprintf(words, sizeof words, "join --sim --profile %s", path);
    says(words, "Debian 12 has it in the package libyaml-0-2");
    snprintf(words, sizeof words, "sim --world %s \"put the cup on the table\"", path);
    says(words, "Debian 12 has it in the package libyaml-0-2");
    says("bridge redis://127.0.0.1:1", "Debian 12 has it in the package libhiredis0.14");
    snprintf(words, sizeof words, "%s/libyaml-0.so.2", folder);
    assert_int_equal(unlink(words), 0);
}

static void no_dds(void **unused) {
    (void)unused;
    char path[160], words[300];
    write_file("map.yaml", "robots:\n  - name: r\n    frame: base_link\n", path);
    snprintf(words, sizeof words, "ros2 --map %s", path);
    says(words, "Debian's cyclonedds-dev and cyclonedds-tools");
}

/* ---- maps -------------------------------------------------------------------------------- */
static const struct {
    const char *text, *says; /* behind the path of the file */
} wrong[] = {
    {"robots:\n  - frame: base_link\n", ":2: robots/0: name: which robot is it?"},
    {"robots:\n  - name: r\n", ":2: robots/0: odom or frame"},
    {"robots:\n  - name: r\n    frame: f\n  - name: r\n    frame: g\n",
     ":4: robots/1/name: two robots of one name"},
    {"robots:\n  - name: a/b\n    frame: f\n", ":2: robots/0/name: "},
    {"robots:\n  - name: r\n    odom: 7\n", ":3: robots/0/odom: it takes a text"},
    {"robots:\n  - name: r\n    odom: /a//b\n", ":3: robots/0/odom: a topic is"},
    {"robots:\n  - name: r\n    odom: /a b\n", ":3: robots/0/odom: a topic is"},
    {"robots:\n  - name: r\n    frame: f\n    odom_at: [1, 2]\n", ":4: robots/0/odom_at: it takes"},
    {"robots:\n  - name: r\n    frame: f\n    odom_at: [1, 2, x]\n", ":4: robots/0/odom_at"},
    {"robots:\n  - name: r\n    frame: f\n    odometry: /x\n", ":4: robots/0/odometry: unknown"},
    {"robots: 7\n", ":1: robots: it takes a list, of at most 64"},
    {"robots: [7]\n", ":1: robots/0: it takes fields"},
    {"map_frame: map\ntopics: {}\n", ":2: topics: unknown; there are: map_frame robots detections"},
    {"detections:\n  - by: r\n", ":2: detections/0: topic: where are the detections?"},
    {"detections:\n  - topic: /d\n    classes: [1]\n", ":3: detections/0/classes: it takes"},
    {"detections:\n  - topic: /d\n    classes: {a: 1}\n",
     ":3: detections/0/classes: it takes texts"},
    {"map_frame: \"\"\n", ":1: map_frame: it takes a text"},
    {"- 1\n", ":1: it takes fields"},
    {"map_frame: a\nmap_frame: b\n", ":2: map_frame: this key stands here twice"},
    {"map_frame: [a\n", "this is no YAML"},
};

static void maps_that_are_wrong(void **unused) {
    (void)unused;
    mn_ros2_map *const map = malloc(sizeof *map);
    assert_non_null(map);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char path[160], whole[300];
        write_file("wrong.yaml", wrong[i].text, path);
        const int rc = mn_ros2_map_read(path, map);
        if (rc != MN_EINVAL) fail_msg("%d for %s", rc, wrong[i].text);
        snprintf(whole, sizeof whole, "%s%s", *wrong[i].says == ':' ? path : "", wrong[i].says);
        if (!strstr(mn_error_detail(), whole))
            fail_msg("\"%s\" lacks \"%s\"", mn_error_detail(), whole);
        mn_ros2_map_free(map);
    }
    free(map);
}

static void a_map_that_is_right(void **unused) {
    (void)unused;
    char path[160];
    mn_ros2_map *const map = malloc(sizeof *map);
    assert_non_null(map);
    write_file("right.yaml",
               "map_frame: world\nrobots:\n  - name: r\n    odom: /r/odom\n    odom_at: [1, 2, 0]\n"
               "    tf: r/tf\ndetections:\n  - topic: /d\n    by: r\n    classes: {\"41\": cup}\n",
               path);
    assert_ok(mn_ros2_map_read(path, map));
    assert_string_equal(map->map_frame, "world");
    assert_int_equal(map->n_robots, 1);
    assert_true(map->robot[0].own_tf && map->robot[0].has_odom && map->robot[0].odom_at.p[1] == 2);
    assert_string_equal(map->name[0], "rt/r/odom");
    assert_string_equal(map->name[1], "rt/r/tf");
    assert_int_equal(map->camera[0].robot, 0);
    mn_ros2_map_free(map);
    free(map);
}

/* A region tells that it is new once. */
static int begin(void **unused) {
    (void)unused;
    char words[160];
    snprintf(words, sizeof words, "--region %s/region status", folder);
    return fleet(words);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_library), cmocka_unit_test(no_dds),
                                       cmocka_unit_test(maps_that_are_wrong),
                                       cmocka_unit_test(a_map_that_is_right)};
    if (folder_begin("missing", 0)) return 1;
    const int failed = cmocka_run_group_tests(tests, begin, NULL);
    return folder_end() || failed;
}
