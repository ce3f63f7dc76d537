/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/event.c - a sentence for each kind of event: a table, and what fills in its fields.
 *
 * {name} is a field of the event, else of its "args"; {n|step} a number with its noun, "1 step";
 * {sure%} a part as percent; {s.} a number of seconds. What stands in [brackets] is left out when a
 * field in it is absent or empty; a "text" of several lines becomes one.
 * bad: somebody should look: red on a terminal and on the page, a warning in robot logs.
 */
#include "fleet/event.h"

#include "base/error.h"

#include <string.h>

#define STEP "{task} {step}: {skill}[ {thing}][ {place}]"

typedef struct sentence {
    const char *kind, *says;
    int bad;
} sentence;

static const sentence sentences[] = {
    /* who is there */
    {"joined", "{robot} has joined"},
    {"skills", "{robot} can do {n|thing}"},
    {"left", "{robot} has left"},
    {"gone", "{robot} stops: {text}"},
    {"lost", "{robot} is lost: {text}", 1},
    {"killed", "{robot} is killed", 1},
    {"brain", "{text}"},
    {"cut", "{robot}, at {task} {step}: {text}"},
    {"trouble", "[{robot}: ]{text}", 1},
    /* tasks */
    {"ask", "{task} is asked for[ by {by}]: {text}"},
    {"planned", "{task} is planned, {steps|step}: {text}"},
    {"replanned", "{task} is planned anew, {steps|step} instead of {replaced}: {text}"},
    {"relieved", "{task} is planned anew ({why}): all ends after {to.} instead of {from.}: {text}"},
    {"invalid", "a plan is not right: {text}"},
    {"model", "{task}: {text}"},
    {"unsure", "{task}: {text}"},
    {"alone", "{task}: {text}", 1},
    {"refused", "[{task} is refused][{robot} refuses a skill]: {text}", 1},
    {"cancel", "{task} is to end: it was cancelled"},
    {"task done", "{task} is done"},
    {"task failed", "{task} has failed[: {text}]", 1},
    {"task", "{task} is {state}[: {text}]"},
    /* steps */
    {"given", "{robot} is given " STEP},
    {"started", "{robot} begins " STEP},
    {"done", "{robot} has done " STEP},
    {"failed", "{robot} has failed at " STEP ", {code}[: {text}]", 1},
    {"confirm", "a person is asked about " STEP " ({robot}): omnesia fleet confirm {task} {step}"},
    {"slow", "{robot} is slow at {task} {step}: {seconds.} so far, {expected.} expected"},
    {"recover lost", "{robot} is lost to {task}: the brain {text} for its {steps|step}"},
    {"recover", "{code} at {task} {step} of {robot}: the brain {text}"},
    /* things */
    {"moved took", "{robot} took {thing} from {from}"},
    {"moved put", "{robot} put {thing} {how} {to}"},
    {"moved", "{thing} moved from {from} to {to}[, by {robot}]"},
    {"fell", "{thing} was in a hand of {robot}: it counts as lying at {to}"},
    {"new", "{thing} is new on the map"},
    {"changed", "{thing} is described anew"},
    {"removed", "{thing} is no longer on the map"},
    {"seen", "{thing} is seen[ at {at}][ by {by}][ by {robot}][, {sure%} sure]"},
    {"missed", "{thing} is not seen at {at}[ by {robot}]: less sure"},
    /* stops */
    {"stop", "[{robot} is][{all} are] stopped[ by {by}]", 1},
    {"resume", "[{robot}][{all}] may move again"},
    {"stops", "{robot} has stopped"},
    {"moves", "{robot} goes on"},
    /* other machines */
    {"bridge", "[{robot} ][{task} ][{thing} ][{key} ][{machine} ]{text}[ to {to}]"},
    {"roboos", "{robot}: {text}"},
    {"ros2", "ROS 2: {text}"},
    {"says", "{robot} says: {text}"},
};
static const sentence other = {"",
                               "{kind}[ {robot}][ {thing}][ {task}][ {step}][ {code}][: {text}]"};

static const char *text_of(const json_t *event, const char *name) {
    const char *const text = json_string_value(json_object_get(event, name));
    return text ? text : "";
}

/* Some kinds say two things: who moved it, how it ended, whether all steps are meant. */
static const sentence *sentence_of(const json_t *event) {
    char kind[64];
    const char *const robot = text_of(event, "robot"), *more = "";
    if (!strcmp(text_of(event, "kind"), "moved") && *robot)
        more = !strcmp(robot, text_of(event, "to"))     ? " took"
               : !strcmp(robot, text_of(event, "from")) ? " put"
                                                        : "";
    else if (!strcmp(text_of(event, "state"), "done"))
        more = " done";
    else if (!strcmp(text_of(event, "state"), "failed"))
        more = " failed";
    else if (json_object_get(event, "steps"))
        more = " lost";
    for (int plain = 0; plain < 2; plain++) {
        snprintf(kind, sizeof kind, "%.40s%s", text_of(event, "kind"), plain ? "" : more);
        for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
            if (!strcmp(sentences[i].kind, kind)) return sentences + i;
    }
    return &other;
}

/* ---- filling in -------------------------------------------------------------------------- */
/* The place of a step that has no thing is also its "thing": said once. */
static const json_t *value_of(const json_t *event, const char *name) {
    const json_t *const args = json_object_get(event, "args");
    const json_t *value = json_object_get(event, name);
    if (!value) value = json_object_get(args, name);
    if (!strcmp(name, "place") && value &&
        json_equal((json_t *)value, json_object_get(event, "thing")))
        return NULL;
    return value;
}

static int put_words(const char *text, mn_buf *out) {
    for (const char *end; *text; text = *end ? end + 1 : end) {
        end = text + strcspn(text, "\n");
        MN_TRY(mn_buf_append(out, text, (size_t)(end - text)));
        if (*end && end[1]) MN_TRY(mn_buf_puts(out, " "));
    }
    return 0;
}

/* A field by what stands in its braces, n characters: 1; 0: there is none. */
static int put_field(const json_t *event, const char *what, size_t n, mn_buf *out) {
    char name[32] = "";
    const size_t own = strcspn(what, "|%.}");
    if (own >= sizeof name) return 0;
    memcpy(name, what, own);
    if (!strcmp(name, "all")) {
        if (*text_of(event, "robot")) return 0;
        MN_TRY(mn_buf_puts(out, "all robots"));
        return 1;
    }
    const json_t *const value = value_of(event, name);
    const double number = json_number_value(value);
    if (what[own] == '|' && json_is_number(value))
        MN_TRY(mn_buf_printf(out, "%.0f %.*s%s", number, (int)(n - own - 1), what + own + 1,
                             number == 1 ? "" : "s"));
    else if (what[own] == '%' && json_is_number(value))
        MN_TRY(mn_buf_printf(out, "%.0f %%", number * 100));
    else if (what[own] == '.' && json_is_number(value))
        MN_TRY(mn_buf_printf(out, "%.*f s", number < 10, number));
    else if (json_is_number(value))
        MN_TRY(mn_buf_printf(out, "%.6g", number));
    else if (json_is_string(value) && *json_string_value(value))
        MN_TRY(put_words(json_string_value(value), out));
    else
        return 0;
    return 1;
}

/* Up to the end, or to what ends an optional part: how far; *whole: all its fields are there. */
static int fill(const json_t *event, const char *says, int *whole, mn_buf *out) {
    const char *p = says;
    *whole = 1;
    while (*p && *p != ']') {
        if (*p == '{') {
            const size_t n = strcspn(p, "}");
            const int there = put_field(event, p + 1, n - 1, out);
            MN_TRY(there);
            *whole &= there;
            p += n + 1;
        } else if (*p == '[') {
            const size_t before = out->len;
            int all;
            const int n = fill(event, p + 1, &all, out);
            MN_TRY(n);
            if (!all) out->len = before, out->data ? out->data[before] = 0 : 0;
            p += n + 2;
        } else {
            const size_t n = strcspn(p, "{[]");
            MN_TRY(mn_buf_append(out, p, n));
            p += n;
        }
    }
    return (int)(p - says);
}

int mn_event_line(const json_t *event, mn_buf *out) {
    int whole;
    if (!json_is_object(event)) return 0;
    const int rc = fill(event, sentence_of(event)->says, &whole, out);
    return rc < 0 ? rc : 0;
}

int mn_event_is_bad(const json_t *event) {
    return json_is_object(event) && sentence_of(event)->bad;
}

int mn_event_put_line(json_t *event) {
    mn_buf line = {0};
    int rc = mn_event_line(event, &line);
    if (rc >= 0 &&
        json_object_set_new(event, "line", json_stringn(line.data ? line.data : "", line.len)) < 0)
        rc = MN_FAIL(MN_ENOMEM, "no memory for the sentence of an event");
    json_object_del(event, "bad");
    if (rc >= 0 && mn_event_is_bad(event) && json_object_set_new(event, "bad", json_true()) < 0)
        rc = MN_FAIL(MN_ENOMEM, "no memory for the sentence of an event");
    mn_buf_free(&line);
    return rc;
}
