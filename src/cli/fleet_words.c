/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/fleet_words.c - a fleet in words: a robot, an event, how many there are of what.
 */
#include "base/error.h"
#include "cli/fleet_view.h"

#include <string.h>
#include <time.h>

enum { DAYS = 30 }; /* times of day of 1970 are those of a simulation, which begins at 0 */

static const char *text_of(const json_t *o, const char *name) {
    const char *const text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

int mn_fleet_put(mn_buf *out, const char *text, int width) {
    const size_t before = out->len;
    int n = 0;
    MN_TRY(mn_buf_show(out, text, strlen(text), " "));
    for (size_t i = before; i < out->len; i++) n += ((unsigned char)out->data[i] & 0xc0) != 0x80;
    return mn_buf_printf(out, "%*s ", width > n ? width - n : 0, "");
}

int mn_fleet_put_names(const json_t *list, mn_buf *out) {
    const json_t *one;
    size_t i;
    json_array_foreach((json_t *)list, i, one) {
        const char *const name = json_string_value(one);
        if (i) MN_TRY(mn_buf_puts(out, ", "));
        MN_TRY(mn_buf_show(out, name ? name : "?", name ? strlen(name) : 1, " "));
    }
    return 0;
}

int mn_fleet_put_count(int64_t n, const char *noun, mn_buf *out) {
    return mn_buf_printf(out, "%lld %s%s", (long long)n, noun, n == 1 ? "" : "s");
}

int mn_fleet_put_call(const json_t *call, mn_buf *out) {
    const char *const skill = text_of(call, "skill");
    const char *name;
    json_t *value;
    MN_TRY(mn_buf_show(out, skill, strlen(skill), " "));
    json_object_foreach(json_object_get(call, "args"), name, value) {
        const char *const text = json_string_value(value);
        if (!text) continue;
        MN_TRY(mn_buf_puts(out, " "));
        MN_TRY(mn_buf_show(out, text, strlen(text), " "));
    }
    return 0;
}

int mn_fleet_put_facts(const json_t *status, mn_buf *out) {
    const json_t *const robots = json_object_get(status, "robots"), *one;
    size_t i, left = 0, lost = 0;
    json_array_foreach((json_t *)robots, i, one) {
        left += strcmp(text_of(one, "state"), "left") == 0;
        lost += strcmp(text_of(one, "state"), "lost") == 0;
    }
    MN_TRY(mn_fleet_put_count((int64_t)(json_array_size(robots) - left), "robot", out));
    if (lost) MN_TRY(mn_buf_printf(out, " (%zu lost)", lost));
    MN_TRY(mn_buf_puts(out, ", "));
    MN_TRY(mn_fleet_put_count(json_integer_value(json_object_get(status, "things")), "thing", out));
    return mn_buf_puts(out, json_object_get(status, "brain") ? ", a brain" : ", no brain");
}

int mn_fleet_put_stop(const json_t *stop, mn_buf *out) {
    const json_t *const robots = json_object_get(stop, "robots");
    const char *const by = text_of(stop, "by");
    if (json_array_size(robots)) {
        MN_TRY(mn_fleet_put_names(robots, out));
        MN_TRY(mn_buf_puts(out, json_array_size(robots) == 1 ? " is" : " are"));
    } else {
        MN_TRY(mn_buf_puts(out, "all robots are"));
    }
    MN_TRY(mn_buf_puts(out, " STOPPED"));
    if (!*by || !strcmp(by, "somebody")) return 0;
    MN_TRY(mn_buf_puts(out, " by "));
    return mn_buf_show(out, by, strlen(by), " ");
}

/* ---- robots ------------------------------------------------------------------------------ */
static int put_doing(const json_t *call, mn_buf *out) {
    const double progress = json_number_value(json_object_get(call, "progress"));
    MN_TRY(mn_fleet_put_call(call, out));
    MN_TRY(mn_buf_printf(out, " (%s", text_of(call, "step")));
    if (progress > 0) MN_TRY(mn_buf_printf(out, ", %.0f %%", progress * 100));
    return mn_buf_puts(out, ")");
}

int mn_fleet_robot_line(const json_t *robot, int number, mn_buf *out) {
    const json_t *const call = json_object_get(robot, "call"), *const holds =
                                                                   json_object_get(robot, "holds");
    const double battery = json_number_value(json_object_get(robot, "battery"));
    const char *const at = text_of(robot, "at"), *const doing = text_of(call, "state");
    const char *comma = "";
    MN_TRY(mn_buf_printf(out, "(%d) ", number));
    MN_TRY(mn_fleet_put(out, text_of(robot, "name"), 10));
    MN_TRY(mn_fleet_put(out, text_of(robot, "state"), 7));
    if (json_object_get(robot, "battery") && battery >= 0)
        MN_TRY(mn_buf_printf(out, "battery %3.0f %%  ", battery * 100));
    if (strcmp(doing, "running") == 0 || strcmp(doing, "given") == 0) {
        MN_TRY(put_doing(call, out));
        comma = ", ";
    }
    if (*at) {
        MN_TRY(mn_buf_printf(out, "%sat ", comma));
        MN_TRY(mn_buf_show(out, at, strlen(at), " "));
        comma = ", ";
    }
    if (json_array_size(holds)) {
        MN_TRY(mn_buf_printf(out, "%shas ", comma));
        MN_TRY(mn_fleet_put_names(holds, out));
    }
    while (out->len && out->data[out->len - 1] == ' ') out->data[--out->len] = 0;
    return 0;
}

/* ---- events ------------------------------------------------------------------------------ */
int mn_fleet_event_line(const json_t *event, mn_buf *out) {
    const json_int_t us = json_integer_value(json_object_get(event, "t"));
    const time_t t = (time_t)(us / 1000000);
    const char *const text = text_of(event, "line"), *const says =
                                                         *text ? text : text_of(event, "kind");
    struct tm local;
    char clock[16] = "";
    if (t < DAYS * 86400)
        MN_TRY(mn_buf_printf(out, "%7.1f s ", (double)us * 1e-6));
    else if (localtime_r(&t, &local) && strftime(clock, sizeof clock, "%H:%M:%S", &local))
        MN_TRY(mn_buf_printf(out, "%s ", clock));
    if (json_object_get(event, "there")) { /* it happened at another machine */
        const char *const home = text_of(event, "home");
        MN_TRY(mn_buf_show(out, home, strlen(home), " "));
        MN_TRY(mn_buf_puts(out, ": "));
    }
    return mn_buf_show(out, says, strlen(says), " ");
}
