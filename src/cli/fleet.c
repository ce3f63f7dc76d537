/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/fleet.c - `omnesia fleet`: robots that share one world. Most verbs are those of mn_fleet_do
 * (cli/verbs.h); `watch` and `demo` are made of them.
 */
#include "cli/fleet.h"

#include "base/alloc.h"
#include "base/json.h"
#include "cli/fleet_view.h"
#include "cli/objects.h"

#include <stdio.h>
#include <string.h>

int mn_cli_fleet_door(void *user, const char *call, char **answer) {
    const mn_cli_fleet *const f = user;
    return mn_fleet_do(f ? f->fleet : NULL, call, answer);
}

int mn_cli_fleet_ask(mn_cli_fleet *f, json_t *call, json_t **result) {
    mn_cli_verbs v = {.door = mn_cli_fleet_door, .call = call};
    const int rc = mn_cli_verbs_ask(&v, f);
    *result = json_incref(v.result);
    mn_cli_verbs_free(&v);
    return rc;
}

/* ---- from options to a call -------------------------------------------------------------- */
static int put_options(mn_cli_fleet *f, const char *verb) {
    const mn_cli_fleet_options *const o = f->o;
    const struct {
        const char *option, *field, *value;
    } words[] = {{"model", "model", o->model},
                 {"endpoint", "model", o->endpoint},
                 {"profile", "path", o->profile},
                 {"world", "path", o->world},
                 {"map", "path", o->map},
                 {"name", "name", o->name},
                 {"robot", "robot", o->robot},
                 {"thing", "thing", o->thing},
                 {"task", "task", o->task},
                 {"kind", "kind", o->kind},
                 {"as-of", "as_of", o->as_of},
                 {"place", "place", o->place},
                 {"how", "how", o->how},
                 {"mcap", "mcap", o->mcap},
                 {"kill", "kill", o->kill},
                 {"machine", "machine", o->machine},
                 {"ros2", "action", o->ros2},
                 {"folder", "folder", o->folder},
                 {"robots", "robots", o->robots},
                 {"seed", "seed", o->seed},
                 {"at", "at", o->at},
                 {"fail", "fail", o->fail},
                 {"pace", "pace", o->pace},
                 {"patience", "patience", o->patience},
                 {"domain", "domain", o->domain},
                 {"after", "after", o->after},
                 {"limit", "limit", o->limit},
                 {"by", "by", o->by},
                 {"hz", "hz", o->hz},
                 {"c", "language", o->c ? "c" : NULL},
                 {"python", "language", o->python ? "python" : NULL}};
    const struct {
        const char *option, *field;
        int given;
    } flags[] = {{"confirm", "confirm", o->confirm},
                 {"no", "no", o->no},
                 {"why", "why", o->why},
                 {"groups", "groups", o->groups},
                 {"sim", "simulated", o->simulated},
                 {"roboos", "roboos", o->roboos}};
    if (o->endpoint && strncmp(o->endpoint, "http://", 7) && strncmp(o->endpoint, "https://", 8))
        return MN_FAIL(MN_CLI_USAGE, "--endpoint %s: http://host:port/v1#model is one",
                       o->endpoint);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!words[i].value) continue;
        if (!mn_cli_verbs_takes(&f->v, words[i].field))
            return MN_FAIL(MN_CLI_USAGE, "fleet %s takes no --%s", verb, words[i].option);
        MN_TRY(mn_cli_verbs_word(&f->v, words[i].field, words[i].value));
    }
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (!flags[i].given) continue;
        if (!mn_cli_verbs_takes(&f->v, flags[i].field))
            return MN_FAIL(MN_CLI_USAGE, "fleet %s takes no --%s", verb, flags[i].option);
        MN_TRY(mn_cli_verbs_put(&f->v, flags[i].field, json_true()));
    }
    return 0;
}

/* ---- running it -------------------------------------------------------------------------- */
/* That it has begun, once: what goes on until it is ended says how. */
static void say_begun(mn_cli_fleet *f) {
    const struct {
        const char *verb, *is;
    } all[] = {{"brain", "this is the brain of"},
               {"join", "a robot is in"},
               {"bridge", "this is a bridge of"},
               {"ros2", "this joins ROS 2 and"}};
    const char *const verb = mn_cli_text_at(f->v.verb, "name");
    for (size_t i = 0; verb && i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i].verb, verb) != 0) continue;
        fprintf(stderr, "omnesia: %s the fleet %s; Ctrl-C ends it\n", all[i].is,
                f->o->fleet ? f->o->fleet : "main");
    }
}

/* While something runs: its events, as lines. */
static int tell(void *user, const char *event) {
    mn_cli_fleet *const f = user;
    if (!f->begun && !f->o->json) say_begun(f);
    f->begun = 1;
    if (event && !f->o->json) {
        json_t *const json = json_loads(event, 0, NULL);
        mn_cli_fleet_say(json);
        json_decref(json);
    } else if (event) {
        mn_buf text = {0};
        if (mn_buf_printf(&text, "%s\n", event) >= 0) mn_cli_write(text.data, text.len);
        mn_buf_free(&text);
    }
    return mn_cli_fleet_ended();
}

/* Simulations and skeletons of skills need no region. */
static int open_fleet(mn_cli_fleet *f, int alone) {
    const mn_fleet_options how = {.name = f->o->fleet, .pull = f->o->pull, .tell = tell, .user = f};
    if (!alone) MN_TRY(mn_cli_region_open("fleet", f->o->region, &f->region));
    return mn_fleet_open(f->region, &how, &f->fleet);
}

static int finish(mn_cli_fleet *f, const char *verb) {
    const char *const task = mn_cli_text_at(f->v.result, "task");
    if (strcmp(verb, "do") == 0 && task && !f->o->no_wait) return mn_cli_fleet_wait(f, task, NULL);
    /* A simulation ends with one JSON object, whatever was told before. */
    if (f->o->json || strcmp(verb, "sim") == 0)
        MN_TRY(mn_cli_fleet_json(f->v.result, &f->out));
    else
        MN_TRY(mn_cli_fleet_show(f));
    const int rc = f->out.len ? mn_cli_write(f->out.data, f->out.len) : 0;
    return rc >= 0 && json_is_false(json_object_get(f->v.result, "reached")) ? 1 : rc;
}

static int run_verb(mn_cli_fleet *f, int n, const char *const *words) {
    MN_TRY(mn_cli_verbs_find(&f->v, words[0]));
    MN_TRY(mn_cli_verbs_words(&f->v, n - 1, words + 1));
    MN_TRY(put_options(f, words[0]));
    MN_TRY(open_fleet(f, strcmp(words[0], "sim") == 0 || strcmp(words[0], "skill") == 0));
    mn_cli_fleet_catch();
    MN_TRY(mn_cli_verbs_ask(&f->v, f));
    return finish(f, words[0]);
}

static int run(const void *options, int n_words, const char *const *words) {
    mn_cli_fleet f = {.o = options,
                      .v = {.command = "fleet", .local = 1, .door = mn_cli_fleet_door},
                      .out = {.what = "the result"}};
    int rc;
    if (!n_words)
        return MN_FAIL(MN_CLI_USAGE, "fleet needs a verb: demo shows one; brain, join and do make "
                                     "one of your own");
    if (strcmp(words[0], "watch") == 0 || strcmp(words[0], "demo") == 0) {
        rc = open_fleet(&f, 0);
        if (rc >= 0)
            rc = *words[0] == 'w' ? mn_cli_fleet_watch(&f)
                                  : mn_cli_fleet_demo(&f, n_words - 1, words + 1);
    } else {
        rc = run_verb(&f, n_words, words);
    }
    mn_fleet_close(&f.fleet);
    mn_region_close(&f.region);
    mn_cli_verbs_free(&f.v);
    mn_buf_free(&f.out);
    return rc;
}

/* ---- the table --------------------------------------------------------------------------- */
#define AT(field)                      offsetof(mn_cli_fleet_options, field)
#define TEXT(name, value, field, help) MN_CLI_WORD(name, value, AT(field), help)
#define FLAG(name_, field, help_) \
    { .kind = MN_OPT_FLAG, .name = name_, .no_env = 1, .offset = AT(field), .help = help_ }

static const mn_opt rows[] = {
    MN_CLI_TEXT("fleet", "NAME", AT(fleet), "another fleet than \"main\""),
    {.kind = MN_OPT_TEXT,
     .letter = 'm',
     .name = "model",
     .value = "MODEL",
     .no_env = 1,
     .offset = AT(model),
     .help = "brain, sim, demo: this model plans; default: rules"},
    TEXT("endpoint", "URL", endpoint,
         "brain, sim, demo: a model behind http://host/v1#model plans"),
    TEXT(
        "patience", "SECONDS", patience,
        "brain, sim: so long that model may take for a plan, a quarter of it for one of steps that "
        "failed; default: 60"),
    FLAG("pull", pull, "brain, sim: fetch that model when it is missing"),
    FLAG("groups", groups,
         "brain, sim: steps of one order number end before the next begin, as in RoboOS"),
    TEXT("profile", "FILE", profile, "join: what the robot is (YAML)"),
    TEXT("name", "NAME", name, "join: another name than the profile's"),
    FLAG("sim", simulated, "join, world: the body, or the world, is simulated"),
    TEXT("pace", "N", pace,
         "join, demo: a simulated body is so many times faster; default: 1, of the demo 4"),
    TEXT("hz", "N", hz, "join: states a second, up to 1000; default: 4"),
    TEXT("fail", "P", fail, "join, sim: how likely a simulated skill fails, 0 to 1"),
    TEXT("seed", "N", seed, "join, sim: of all that is left to chance"),
    TEXT("world", "FILE", world, "sim, demo: a world (YAML); default: a kitchen"),
    TEXT("robots", "N", robots, "sim: so many; default: those of the world"),
    TEXT("kill", "ROBOT", kill, "sim, demo: this one dies in the middle of its first step"),
    FLAG("dashboard", dashboard, "demo: `omnesia serve` shows it on a page, too"),
    TEXT("at", "SECONDS", at, "sim: it dies then"),
    FLAG("confirm", confirm, "do: a person is asked before each step"),
    FLAG("no", no, "confirm: the step shall not be done"),
    FLAG("why", why, "task: why each step is there, and why that robot does it"),
    FLAG("no-wait", no_wait, "do: do not wait for its end"),
    TEXT("by", "NAME", by, "do, stop: who asks"),
    TEXT("robot", "NAME", robot, "history: of this robot"),
    TEXT("thing", "NAME", thing, "history: of this thing"),
    TEXT("task", "ID", task, "history: of this task"),
    TEXT("kind", "KIND", kind, "history: events of this kind"),
    TEXT("after", "N", after, "history: from this number on"),
    TEXT("limit", "N", limit, "history: so many at most; default: 50"),
    TEXT("mcap", "FILE", mcap, "history: all of it as MCAP, for viewers of robot logs"),
    TEXT("as-of", "TIME", as_of, "recall: as it was then: 14:05, 2026-11-27 14:30"),
    TEXT("place", "NAME", place,
         "see: this was looked at as a whole: what was not seen there is less sure"),
    TEXT("how", "HOW", how, "move: on (the default) or in"),
    TEXT("machine", "NAME", machine, "bridge: what this one is called"),
    FLAG("roboos", roboos, "bridge: robots of RoboOS may join"),
    TEXT("map", "FILE", map, "ros2: which topic is what (YAML)"),
    TEXT("domain", "N", domain, "ros2: default: ROS_DOMAIN_ID, or 0"),
    FLAG("python", python, "skill: in Python, the default"),
    FLAG("c", c, "skill: in C"),
    TEXT("ros2", "ACTION", ros2, "skill: one that calls an action of ROS 2, as PKG/action/TYPE"),
    TEXT("folder", "PATH", folder, "skill: where to; default: here"),
    FLAG("json", json, "JSON instead of lines"),
    MN_CLI_REGION_ROW(AT(region)),
    MN_CLI_COMMON,
    {0}};

static int help(const char *verb, mn_buf *out) {
    return mn_cli_fleet_help(rows, verb, out);
}

const mn_cli_command mn_cli_command_fleet = {
    .name = "fleet",
    .run = run,
    .options = rows,
    .size = sizeof(mn_cli_fleet_options),
    .max_words = -1,
    .words = "demo|brain|join|do|status|watch|scene|task|history|recall|cancel|confirm|stop|resume|"
             "see|set|move|remove|world|sim|skill|bridge|ros2",
    .usage = "VERB [WORDS]: demo, brain, join, do, status, watch, stop, resume, recall, sim, ..",
    .help = help,
    .summary = "robots that share one world, and a brain that plans for them",
    .about =
        "Robots, each a process of its own, share one live picture of their world: rooms, "
        "furniture, things, who holds what. A brain plans what is asked for (`do`) as steps that "
        "run at the same time where they can, watches over them, and plans anew what has failed, "
        "or what a robot that died has left. `demo` shows all of it with three simulated robots; "
        "`sim` runs a whole fleet in its own time, and ends with one line of JSON.\n\n"
        "`stop` ends what moves, at once; nothing moves until `resume`. `see` takes what was seen, "
        "`recall` asks the past. `skill new` writes a skill to begin with. docs/FLEET.md has all "
        "of it, also how to join from ROS 2 and from RoboOS.\n\n`omnesia fleet VERB --help` tells "
        "more "
        "of one: demo, brain, join, do, status, watch, scene, task, history, recall, cancel, "
        "confirm, stop, resume, see, set, move, remove, world, sim, skill, bridge, ros2."};
