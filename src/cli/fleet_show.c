/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/fleet_show.c - what came of a verb, for people: the text that says it best, else its members,
 * one a line.
 */
#include "base/json.h"
#include "cli/fleet.h"
#include "cli/fleet_view.h"
#include "cli/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STANDARD = 50 }; /* events of a history, when nothing else is asked for */

static int put_text(mn_buf *out, const char *text) {
    const size_t n = strlen(text);
    MN_TRY(mn_buf_show(out, text, n, "\n"));
    return n && text[n - 1] != '\n' ? mn_buf_puts(out, "\n") : 0;
}

int mn_cli_fleet_json(const json_t *result, mn_buf *out) {
    MN_TRY(mn_json_write(result, JSON_COMPACT | JSON_REAL_PRECISION(15), out));
    return mn_buf_puts(out, "\n");
}

int mn_cli_fleet_say(const json_t *event) {
    const int terminal = isatty(STDOUT_FILENO), bad = json_is_true(json_object_get(event, "bad"));
    const int red = terminal && bad && mn_screen_colour();
    int columns = 0, rows;
    mn_buf line = {0}, out = {0};
    if (terminal) mn_screen_size(&columns, &rows);
    int rc = mn_fleet_event_line(event, &line);
    if (rc >= 0 && red) rc = mn_buf_puts(&out, "\033[31m");
    if (rc >= 0 && terminal) rc = mn_cli_wrap(line.data, columns, 9, &out);
    if (rc >= 0 && !terminal) rc = mn_buf_puts(&out, line.data);
    if (rc >= 0) rc = mn_buf_puts(&out, red ? "\033[0m\n" : "\n");
    if (rc >= 0) rc = mn_cli_write(out.data, out.len);
    mn_buf_free(&line);
    mn_buf_free(&out);
    return rc;
}

static int put_events(const json_t *events, mn_buf *out) {
    const json_t *one;
    size_t i;
    json_array_foreach((json_t *)events, i, one) {
        MN_TRY(mn_fleet_event_line(one, out));
        MN_TRY(mn_buf_puts(out, "\n"));
    }
    return 0;
}

static int put_robots(const json_t *robots, mn_buf *out) {
    const json_t *one;
    size_t i;
    json_array_foreach((json_t *)robots, i, one) {
        MN_TRY(mn_fleet_robot_line(one, (int)i + 1, out));
        MN_TRY(mn_buf_puts(out, "\n"));
    }
    return 0;
}

/* What a model was asked for a task, below it. */
static int put_model(const json_t *texts, mn_buf *out) {
    json_t *one;
    size_t i;
    json_array_foreach((json_t *)texts, i, one) {
        const char *const text = json_string_value(one);
        if (!text) continue;
        MN_TRY(mn_buf_puts(out, "     "));
        MN_TRY(mn_buf_show(out, text, strlen(text), " "));
        MN_TRY(mn_buf_puts(out, "\n"));
    }
    return 0;
}

static int put_tasks(const json_t *tasks, mn_buf *out) {
    const json_t *one;
    size_t i;
    json_array_foreach((json_t *)tasks, i, one) {
        const char *const text = mn_cli_text_at(one, "text"), *const why =
                                                                  mn_cli_text_at(one, "why");
        const json_int_t steps = json_integer_value(json_object_get(one, "steps"));
        MN_TRY(mn_buf_printf(out, "%-4s %-9s ", mn_cli_text_at(one, "id"),
                             mn_cli_text_at(one, "state")));
        if (steps)
            MN_TRY(mn_buf_printf(out, "%lld of ",
                                 (long long)json_integer_value(json_object_get(one, "done"))));
        if (steps) MN_TRY(mn_fleet_put_count(steps, "step", out));
        if (steps) MN_TRY(mn_buf_puts(out, "  "));
        if (text) MN_TRY(mn_buf_show(out, text, strlen(text), " "));
        if (why && strcmp(mn_cli_text_at(one, "state"), "failed") == 0) {
            MN_TRY(mn_buf_puts(out, ": "));
            MN_TRY(mn_buf_show(out, why, strlen(why), " "));
        }
        MN_TRY(mn_buf_puts(out, "\n"));
        MN_TRY(put_model(json_object_get(one, "model"), out));
    }
    return 0;
}

/* Who stands, and what lets him go on. */
static int put_stop(const json_t *stop, mn_buf *out) {
    const json_t *const robots = json_object_get(stop, "robots");
    const char *const one = json_string_value(json_array_get(robots, 0));
    MN_TRY(mn_fleet_put_stop(stop, out));
    MN_TRY(mn_buf_puts(out, ": until `omnesia fleet resume"));
    if (one && json_array_size(robots) == 1) MN_TRY(mn_buf_puts(out, " "));
    if (one && json_array_size(robots) == 1) MN_TRY(mn_buf_show(out, one, strlen(one), " "));
    return mn_buf_puts(out, "`\n");
}

static int put_status(mn_cli_fleet *f) {
    const json_t *const r = f->v.result, *const stop = json_object_get(r, "stop");
    const json_t *const robots = json_object_get(r, "robots"), *const tasks =
                                                                   json_object_get(r, "tasks");
    const char *const damaged = mn_cli_text_at(r, "damaged");
    MN_TRY(mn_buf_printf(&f->out, "fleet %s: ", mn_cli_text_at(r, "fleet")));
    MN_TRY(mn_fleet_put_facts(r, &f->out));
    MN_TRY(mn_buf_puts(&f->out,
                       json_object_get(r, "brain") ? "\n" : ": `omnesia fleet brain` is one\n"));
    if (stop) MN_TRY(put_stop(stop, &f->out));
    MN_TRY(put_robots(robots, &f->out));
    MN_TRY(put_tasks(tasks, &f->out));
    if (!damaged) return 0;
    MN_TRY(mn_buf_puts(&f->out, "damaged:\n"));
    return put_text(&f->out, damaged);
}

/* What has one thing to say says it as a sentence: "t3 is cancelled". */
static int put_sentence(const json_t *r, mn_buf *out) {
    static const struct {
        const char *member, *says;
    } all[] = {
        {"cancelled", " is cancelled"},   {"confirmed", " may be done"},
        {"refused", " will not be done"}, {"stopped", ": stopped until `omnesia fleet resume`"},
        {"resumed", ": free to move"},    {"removed", " is no longer on the map"},
        {"robot", " has left the fleet"}};
    const char *const thing = mn_cli_text_at(r, "thing"), *const at = mn_cli_text_at(r, "at");
    const char *const file = mn_cli_text_at(r, "file");
    if (thing) {
        MN_TRY(mn_buf_show(out, thing, strlen(thing), " "));
        MN_TRY(mn_buf_puts(out, at ? " is at " : " is on the map"));
        if (at) MN_TRY(mn_buf_show(out, at, strlen(at), " "));
        return mn_buf_puts(out, "\n") < 0 ? MN_ENOMEM : 1;
    }
    if (file) {
        MN_TRY(mn_fleet_put_count(json_integer_value(json_object_get(r, "written")), "event", out));
        return mn_buf_printf(out, " written to %s\n", file) < 0 ? MN_ENOMEM : 1;
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *const name = mn_cli_text_at(r, all[i].member);
        if (!name) continue;
        MN_TRY(mn_buf_show(out, name, strlen(name), " "));
        return mn_buf_printf(out, "%s\n", all[i].says) < 0 ? MN_ENOMEM : 1;
    }
    return 0;
}

/* "known 2" */
static int put_members(const json_t *result, mn_buf *out) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)result, name, value) {
        if (json_is_string(value))
            MN_TRY(mn_buf_printf(out, "%s ", name));
        else if (json_is_integer(value))
            MN_TRY(mn_buf_printf(out, "%s %lld\n", name, (long long)json_integer_value(value)));
        if (json_is_string(value)) MN_TRY(put_text(out, json_string_value(value)));
    }
    return 0;
}

int mn_cli_fleet_show(mn_cli_fleet *f) {
    const char *const whole[] = {"tree", "text", "answer", "said"};
    const json_t *const r = f->v.result;
    if (json_object_get(r, "fleet") && json_object_get(r, "robots")) return put_status(f);
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (mn_cli_text_at(r, whole[i])) {
            MN_TRY(put_text(&f->out, mn_cli_text_at(r, whole[i])));
            return strcmp(whole[i], "answer") == 0
                       ? put_events(json_object_get(r, "events"), &f->out)
                       : 0;
        }
    if (json_object_get(r, "events")) {
        const size_t n = json_array_size(json_object_get(r, "events"));
        const size_t most = f->o->limit ? strtoul(f->o->limit, NULL, 10) : STANDARD;
        if (!n) fprintf(stderr, "omnesia: there are no such events\n");
        if (n && n == most)
            fprintf(stderr, "omnesia: there may be more: --after %lld\n",
                    (long long)json_integer_value(json_object_get(r, "next")));
        return put_events(json_object_get(r, "events"), &f->out);
    }
    const int said = put_sentence(r, &f->out);
    return said ? (said < 0 ? said : 0) : put_members(r, &f->out);
}
