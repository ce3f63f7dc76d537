/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/roboos_skill.c - tools of a robot of RoboOS as skills, calls as sentences, answers as ends.
 */
#include "base/error.h"
#include "base/json.h"
#include "fleet/profile.h"
#include "fleet/roboos_in.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { LIMIT = 300 /* s a robot may think and work */, SENTENCE = 16 << 10 };

/* In an answer of free text: it did not work. */
static const char *const bad_starts[] = {"fail", "error", "unable", "cannot", "can't", "not found"};
static const char *const bad_words[] = {"failed to",
                                        "has failed",
                                        "have failed",
                                        "unable to",
                                        "could not",
                                        "couldn't",
                                        "was not able",
                                        "not successful",
                                        "unsuccessful",
                                        "error:",
                                        "maximum number of attempts",
                                        "\"success\": false"};
enum {
    STARTS = sizeof bad_starts / sizeof *bad_starts,
    WORDS = sizeof bad_words / sizeof *bad_words
};

static int no_memory(void) {
    return MN_FAIL(MN_ENOMEM, "no memory for a robot of RoboOS");
}

static const char *tool_name(const json_t *tool) {
    const json_t *const function = json_object_get(tool, "function");
    const char *const name = json_string_value(json_object_get(function ? function : tool, "name"));
    return name ? name : "";
}

/* The manifest of ours that this tool is; NULL: none. */
static json_t *ours(const char *tool) {
    const char *const other = mn_profile_roboos_skill(tool);
    for (int i = 0; mn_skill_known[i]; i++) {
        json_t *const k = json_loads(mn_skill_known[i], 0, NULL);
        if (k && !strcmp(json_string_value(json_object_get(k, "name")), other ? other : tool))
            return k;
        json_decref(k);
    }
    return NULL;
}

int roboos_tools_check(const json_t *record, const json_t **tools) {
    *tools = json_object_get(record, "robot_tool");
    if (!json_is_object(record)) return MN_FAIL(MN_EINVAL, "its record is no object of JSON");
    if (!json_is_array(*tools) || json_array_size(*tools) > ROBOOS_TOOLS)
        return MN_FAIL(MN_EINVAL, "its robot_tool is no list of %d tools or fewer", ROBOOS_TOOLS);
    for (size_t i = 0; i < json_array_size(*tools); i++)
        if (!*tool_name(json_array_get(*tools, i)))
            return MN_FAIL(MN_EINVAL, "its tool %zu has no name", i + 1);
    return 0;
}

int roboos_profile(const roboos_robot *r, json_t **out) {
    int drives = 0, grips = 0;
    const json_t *tool;
    size_t i;
    json_array_foreach(r->tools, i, tool) {
        json_t *const k = ours(tool_name(tool));
        const char *const name = k ? json_string_value(json_object_get(k, "name")) : "";
        drives |= !strcmp(name, "navigate");
        grips |= !strcmp(name, "grasp") || !strcmp(name, "place");
        json_decref(k);
    }
    json_t *const p =
        json_pack("{s:s, s:s, s:s, s:f, s:[], s:[]}", "name", r->name, "body", "robot", "about",
                  "a robot of RoboOS", "speed", drives ? 0.5 : 0.0, "hands", "skills");
    if (!p || (grips && json_array_append_new(json_object_get(p, "hands"), json_string("hand")))) {
        json_decref(p);
        return no_memory();
    }
    const int rc = mn_profile_check(NULL, p, NULL);
    if (rc < 0)
        json_decref(p);
    else
        *out = p;
    return rc;
}

/* ---- the host ---------------------------------------------------------------------------- */
/* One of ours by name; what it makes is believed: its answers are words, nothing is to be seen. */
static json_t *manifest(const json_t *tool) {
    const char *const name = tool_name(tool);
    const json_t *const schema = json_object_get(tool, "input_schema");
    const char *about =
        json_string_value(json_object_get(json_object_get(tool, "function"), "description"));
    json_t *const k = ours(name);
    if (!k)
        return json_pack("{s:s, s:s, s:o, s:{s:{s:i, s:i}}}", "name", name, "description",
                         about ? about : "", "inputSchema",
                         json_is_object(schema) ? json_deep_copy(schema)
                                                : json_pack("{s:s}", "type", "object"),
                         "_meta", "omnesia/skill", "seconds", 10, "limit", LIMIT);
    json_t *const m = json_object_get(json_object_get(k, "_meta"), "omnesia/skill");
    if (json_number_value(json_object_get(m, "limit")) < LIMIT)
        json_object_set_new(m, "limit", json_integer(LIMIT));
    json_object_del(m, "verify");
    return k;
}

static int list(mn_skill_host *h, json_t **manifests) {
    const roboos_robot *const r = (roboos_robot *)h;
    json_t *const all = json_array();
    const json_t *tool;
    size_t i;
    json_array_foreach(r->tools, i, tool) {
        if (json_array_append_new(all, manifest(tool))) {
            json_decref(all);
            return no_memory();
        }
    }
    *manifests = all;
    return all ? 0 : no_memory();
}

static const char *arg(const json_t *args, const char *name) {
    const char *const text = json_string_value(json_object_get(args, name));
    return text ? text : "";
}

static int say(const char *skill, const json_t *args, mn_buf *out) {
    const char *const thing = arg(args, "thing"), *const place = arg(args, "place");
    if (!strcmp(skill, "navigate")) return mn_buf_printf(out, "Navigate to the %s.", place);
    if (!strcmp(skill, "grasp")) return mn_buf_printf(out, "Grasp the %s.", thing);
    if (!strcmp(skill, "place")) return mn_buf_printf(out, "Place the %s on the %s.", thing, place);
    if (!strcmp(skill, "hand_over"))
        return mn_buf_printf(out, "Hand the %s over to %s.", thing, arg(args, "to"));
    if (!strcmp(skill, "open")) return mn_buf_printf(out, "Open the %s.", place);
    if (!strcmp(skill, "close")) return mn_buf_printf(out, "Close the %s.", place);
    if (!strcmp(skill, "inspect")) return mn_buf_printf(out, "Look at the %s.", place);
    MN_TRY(mn_buf_printf(out, "Use the tool %s", skill));
    if (json_object_size(args)) {
        MN_TRY(mn_buf_puts(out, " with "));
        MN_TRY(mn_json_write(args, JSON_COMPACT, out));
    }
    return mn_buf_puts(out, ".");
}

static int give(roboos_robot *r) {
    char channel[MN_NAME + 16];
    mn_buf text = {0};
    json_t *const task = json_pack("{s:s, s:s, s:s, s:s}", "task_id", r->id, "task",
                                   r->sentence.data, "order", "false", "order_flag", "false");
    int rc = task ? mn_json_write(task, JSON_COMPACT, &text)
                  : MN_FAIL(MN_EINVAL, "what %s is to do is no text", r->name);
    snprintf(channel, sizeof channel, "roboos_to_%s", r->name);
    const char *const busy[] = {"HSET", "AGENT_BUSY", r->name, "1", NULL};
    if (rc >= 0) rc = roboos_ask(r->x, ROBOOS_NOTHING, r->name, busy);
    const char *const publish[] = {"PUBLISH", channel, text.data, NULL};
    if (rc >= 0) rc = roboos_ask(r->x, ROBOOS_NOTHING, r->name, publish);
    mn_buf_free(&text);
    json_decref(task);
    return rc;
}

static int start(mn_skill_host *h, const char *skill, const json_t *args, uint64_t now) {
    roboos_robot *const r = (roboos_robot *)h;
    (void)now;
    if (r->runs) return MN_FAIL(MN_EBUSY, "%s has not answered the task before", r->name);
    mn_buf_clear(&r->sentence);
    MN_TRY(say(skill, args, &r->sentence));
    if (r->sentence.len > SENTENCE)
        return MN_FAIL(MN_EINVAL, "a task of %zu bytes; at most %d", r->sentence.len, SENTENCE);
    snprintf(r->id, sizeof r->id, "omnesia-%08x-%u", (unsigned)r->x->life, ++r->tasks);
    MN_TRY(give(r));
    r->runs = 1;
    r->ended = 0;
    return 0;
}

static int look(mn_skill_host *h, uint64_t now, uint64_t *again, double *progress,
                mn_skill_end *end) {
    roboos_robot *const r = (roboos_robot *)h;
    *progress = -1;
    (void)now;
    (void)again; /* it is stepped all the time */
    if (!r->ended) return 0;
    *end = r->end;
    r->end = (mn_skill_end){.ok = 0};
    r->runs = r->ended = 0;
    return 1;
}

static void cancel(mn_skill_host *h) {
    (void)h; /* RoboOS has no word for it: it is awaited */
}
static int fd(mn_skill_host *h) {
    (void)h;
    return -1;
}
static void close_it(mn_skill_host **h) {
    roboos_robot *const r = (roboos_robot *)*h;
    mn_skill_end_free(&r->end);
    r->runs = r->ended = 0;
    *h = NULL;
}

static const mn_skill_host_ops ops = {.name = "roboos",
                                      .list = list,
                                      .start = start,
                                      .look = look,
                                      .cancel = cancel,
                                      .fd = fd,
                                      .close = close_it};

void roboos_host_init(roboos_robot *r) {
    r->host.ops = &ops;
}

/* ---- answers ----------------------------------------------------------------------------- */
void roboos_end(roboos_robot *r, const char *code, const char *text) {
    const char *const busy[] = {"HSET", "AGENT_BUSY", r->name, "0", NULL};
    if (!r->runs || r->ended) return;
    r->ended = 1;
    (void)mn_skill_end_set(&r->end, code, "%s", text);
    (void)roboos_ask(r->x, ROBOOS_NOTHING, r->name, busy);
}

static int says_no(const char *text) {
    text += strspn(text, " \t\r\n\"'*#");
    for (int i = 0; i < STARTS; i++)
        if (!strncasecmp(text, bad_starts[i], strlen(bad_starts[i]))) return 1;
    for (; *text; text++)
        for (int i = 0; i < WORDS; i++)
            if (!strncasecmp(text, bad_words[i], strlen(bad_words[i]))) return 1;
    return 0;
}

/* The end that an answer is. */
static void end_by(roboos_robot *r, const json_t *result) {
    mn_buf text = {0};
    char shown[1024] = "";
    int no = json_is_false(result) || json_is_false(json_object_get(result, "success")) ||
             json_object_get(result, "error") != NULL;
    if (json_is_string(result)) {
        const char *const words = json_string_value(result);
        no = says_no(words);
        mn_buf_puts(&text, words);
    } else
        mn_json_write(result, JSON_COMPACT | JSON_ENCODE_ANY, &text);
    size_t n = text.len < sizeof shown - 1 ? text.len : sizeof shown - 1;
    while (n && n < text.len && (text.data[n] & 0xC0) == 0x80) n--; /* no half of a letter */
    if (n) memcpy(shown, text.data, n);
    mn_buf_free(&text);
    roboos_end(r, no ? "failed" : "", shown);
}

void roboos_answer(roboos_robot *r, const char *text, size_t n) {
    json_t *const m = n <= ROBOOS_RECORD ? json_loadb(text, n, 0, NULL) : NULL;
    const json_t *const result = json_object_get(m, "subtask_result");
    const json_t *const id = json_object_get(m, "task_id");
    const char *const who = json_string_value(json_object_get(m, "robot_name"));
    const char *const what = json_string_value(json_object_get(m, "subtask_handle"));
    /* Without an id it is known by what it was. */
    const int mine = r->runs && !r->ended &&
                     (json_is_string(id) ? !strcmp(json_string_value(id), r->id)
                                         : what && !strcmp(what, r->sentence.data));
    if (!json_is_object(m))
        roboos_tell(r->x, r->name, "it answered what is no object of JSON");
    else if (!result || json_is_null(result) || !who || strcmp(who, r->name))
        roboos_tell(r->x, r->name, "it answered without its robot_name and a subtask_result");
    else if (!mine)
        roboos_tell(r->x, r->name, "it answered a task that it does not have");
    else
        end_by(r, result);
    json_decref(m);
}
