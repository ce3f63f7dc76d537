/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/profile_roboos.c - the YAML files of RoboOS, as they are, in our form.
 *
 * Facts of its public code that this goes by: a robot's program of tools "DIR/tools.py" is served
 * over MCP by "DIR/tools_mcp.py"; of a configuration, call_type local runs "PATH/skill.py" and
 * remote speaks to "PATH/mcp". A scene is places with what is on them; a place may be on another.
 * What its files do not say (speeds, reach, metres) is the default of the body, or made up here.
 */
#include "base/error.h"
#include "fleet/profile.h"
#include "fleet/yaml.h"

#include <stdio.h>
#include <string.h>

/* Its tools that are skills of ours, by another name. */
static const char *const tools[][2] = {
    {"navigate_to_where", "navigate"},
    {"navigate_to_target", "navigate"},
    {"grasp_object", "grasp"},
    {"grasp_from", "grasp"},
    {"place_to_where", "place"},
    {"place_to_affordance", "place"},
    {"place_to", "place"},
    {"detect_object", "inspect"},
};
enum { TOOLS = sizeof tools / sizeof *tools };

typedef struct file {
    const char *path;
    const json_t *lines;
} file;

static int no_memory(const file *f) {
    return MN_FAIL(MN_ENOMEM, "no memory for what %s says", f->path ? f->path : "a file of RoboOS");
}

/* A text below `from` that has to be one, or may be absent: *out NULL. */
static int text_of(const file *f, const char *where, const json_t *from, const char *field,
                   const char **out) {
    const json_t *const value = json_object_get(from, field);
    char at[128];
    *out = json_string_value(value);
    snprintf(at, sizeof at, "%s%s%s", where, *where ? "/" : "", field);
    if (value && !*out) return mn_yaml_wrong(f->path, f->lines, at, "it takes a text");
    return 0;
}

/* A list of texts; absent: empty. */
static int list_of(const file *f, const char *where, const json_t *from, const char *field,
                   const json_t **out) {
    const json_t *const list = json_object_get(from, field);
    char at[128];
    snprintf(at, sizeof at, "%s%s%s", where, *where ? "/" : "", field);
    *out = list;
    if (list && !json_is_null(list) && !json_is_array(list))
        return mn_yaml_wrong(f->path, f->lines, at, "it takes a list of names");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!json_is_string(json_array_get(list, i)))
            return mn_yaml_wrong(f->path, f->lines, at, "entry %zu is no name", i + 1);
    return 0;
}

/* ---- robots -------------------------------------------------------------------------------- */
static int add_skill(json_t *skills, json_t *skill) {
    for (size_t i = 0; skill && i < json_array_size(skills); i++)
        if (json_equal(json_array_get(skills, i), skill)) return json_decref(skill), 0;
    return json_array_append_new(skills, skill);
}

const char *mn_profile_roboos_skill(const char *tool) {
    for (int k = 0; k < TOOLS; k++)
        if (!strcmp(tool, tools[k][0])) return tools[k][1];
    return NULL;
}

/* The names it lists, as skills of ours where there are such. */
static int skills_listed(json_t *skills, const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *const ours =
            mn_profile_roboos_skill(json_string_value(json_array_get(list, i)));
        if (ours && add_skill(skills, json_string(ours)) != 0) return -1;
    }
    return 0;
}

/* "DIR/tools.py" is served by "DIR/tools_mcp.py". */
static json_t *served_by(const char *program) {
    const size_t n = strlen(program);
    const int py = n > 3 && !strcmp(program + n - 3, ".py");
    return json_pack("{s:[s,s%+]}", "command", "python3", program, n - (py ? 3u : 0u), "_mcp.py");
}

static int can_drive(const json_t *robot, const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!strncmp(json_string_value(json_array_get(list, i)), "navigate", 8)) return 1;
    return !json_array_size(list) &&
           json_array_size(json_object_get(robot, "navigate_position")) > 1;
}

/* What is said in it of body, skills and place, as a profile. */
static int robot_fields(const json_t *robot, const char *type, const char *program,
                        const json_t *list, const char *at, json_t *to) {
    const json_t *const places = json_object_get(robot, "navigate_position");
    const char *const body = type && strstr(type, "dual")     ? "dual_arm"
                             : type && strstr(type, "single") ? "arm"
                             : type && strstr(type, "wheel")  ? "wheels"
                                                              : "robot";
    json_t *const skills = json_array();
    int bad = json_object_set_new(to, "skills", skills) != 0;
    bad |= json_object_set_new(to, "body", json_string(body)) != 0;
    bad |= type && json_object_set_new(to, "type", json_string(type)) != 0;
    bad |= json_object_set_new(to, "speed", json_real(can_drive(robot, list) ? 0.5 : 0)) != 0;
    if (!bad) bad |= skills_listed(skills, list) != 0;
    if (!bad && program) bad |= add_skill(skills, served_by(program)) != 0;
    bad |= list && json_object_set_new(to, "tools", json_deep_copy(list)) != 0;
    bad |= json_is_array(places) && json_object_set_new(to, "places", json_deep_copy(places)) != 0;
    bad |= at && json_object_set_new(to, "at", json_string(at)) != 0;
    return bad;
}

/* One robot with its profile's names of fields. */
static int robot_of(const file *f, const char *where, const json_t *robot, json_t *to) {
    const char *name, *type, *program = NULL, *at, *state;
    const json_t *list = NULL, *places;
    MN_TRY(text_of(f, where, robot, "robot_name", &name));
    MN_TRY(text_of(f, where, robot, "robot_type", &type));
    MN_TRY(text_of(f, where, robot, "robot_state", &state));
    MN_TRY(text_of(f, where, robot, "current_position", &at));
    MN_TRY(list_of(f, where, robot, "navigate_position", &places));
    if (json_is_string(json_object_get(robot, "robot_tools")))
        MN_TRY(text_of(f, where, robot, "robot_tools", &program));
    else
        MN_TRY(list_of(f, where, robot, "robot_tools", &list));
    if (!list) MN_TRY(list_of(f, where, robot, "robot_tool", &list));
    if (!name) return mn_yaml_wrong(f->path, f->lines, where, "a robot has a robot_name");
    if (json_object_set_new(to, "name", json_string(name)) != 0) return no_memory(f);
    return robot_fields(robot, type, program, list, at, to) ? no_memory(f) : 0;
}

/* robot: {name, call_type, path} of a configuration. */
static int config_of(const file *f, const json_t *robot, json_t *to) {
    const char *name, *how, *path;
    MN_TRY(text_of(f, "robot", robot, "name", &name));
    MN_TRY(text_of(f, "robot", robot, "call_type", &how));
    MN_TRY(text_of(f, "robot", robot, "path", &path));
    const int local = how && !strcmp(how, "local");
    if (!how || (!local && strcmp(how, "remote") != 0))
        return mn_yaml_wrong(f->path, f->lines, "robot/call_type", "it takes local or remote");
    if (!path) return mn_yaml_wrong(f->path, f->lines, "robot", "it has no path");
    char whole[1024];
    if (snprintf(whole, sizeof whole, "%s%s", path, local ? "/skill.py" : "/mcp") >=
        (int)sizeof whole)
        return mn_yaml_wrong(f->path, f->lines, "robot/path", "a path of %zu bytes", strlen(path));
    const char *const last = strrchr(path, '/');
    if (!name) name = local ? (last && last[1] ? last + 1 : path) : "robot";
    json_t *const skill = local ? json_pack("{s:[s,s]}", "command", "python3", whole)
                                : json_pack("{s:s}", "url", whole);
    json_t *const made =
        json_pack("{s:s, s:s, s:[o]}", "name", name, "body", "robot", "skills", skill);
    const int rc = made && json_object_update(to, made) == 0 ? 0 : no_memory(f);
    json_decref(made);
    return rc;
}

static int several(const file *f, const json_t *list, json_t *robots) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        char where[48];
        json_t *const to = json_object();
        snprintf(where, sizeof where, "robot/%zu", i);
        if (json_array_append_new(robots, to) != 0) return no_memory(f);
        MN_TRY(robot_of(f, where, json_array_get(list, i), to));
    }
    return 0;
}

int mn_profile_roboos(const char *path, const json_t *from, const json_t *lines, json_t **robots) {
    const file f = {path, lines};
    const json_t *const robot = json_object_get(from, "robot");
    int rc;
    *robots = NULL;
    if (!robot && !json_object_get(from, "robot_name")) return 0;
    json_t *const made = json_array();
    if (!made) return no_memory(&f);
    if (json_is_array(robot)) {
        rc = several(&f, robot, made);
    } else {
        json_t *const to = json_object();
        rc = json_array_append_new(made, to) != 0 ? no_memory(&f)
             : robot                              ? config_of(&f, robot, to)
                                                  : robot_of(&f, "", from, to);
    }
    if (rc < 0) {
        json_decref(made);
        return rc;
    }
    *robots = made;
    return 1;
}
