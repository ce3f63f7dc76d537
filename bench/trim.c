/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/trim.c - what users say to a plan, and what the plan is then (spatial Task Memory Engine,
 * arXiv 2505.19436).
 *
 * 4 domains of 25 dialogues each, made by seed from phrases of ours: something new, changes,
 * questions, undoing (of one that is named, of the last one, and of it is not clear which), steps
 * that build on others, replacing, two things at once. The plan that should be is kept beside.
 *
 *   engine  turns after which the plan is not what it should be, with intents that are given: 0
 *   rules   the same with the rules of agent/trim_rules.c, which know cue words: the floor that any
 *           model has to beat; each turn begins with the plan as it should be
 *   misread turns whose intents are others than they should be
 *   made-up tasks that the rules made and that nobody spoke of, in all turns
 *   model   the three of a model (-m), of the first --limit dialogues of each domain, and beside
 *           them the same model in a flat loop (bench/react.h): tasks that were made up, intents,
 *           and tokens of all prompts and answers; only with --row model
 *
 * Dialogues of --seed 1 to 9 are for who writes rules and use half of the phrases; from 10 on they
 * use all of them. The rules were not changed after those were first looked at.
 */
#include "bench/bench.h"
#include "bench/react.h"
#include "bench/stage.h"

#include "api/mem.h"

#include "base/error.h"
#include "base/random.h"
#include "cli/progress.h"
#include "omnesia.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    DOMAINS = 4,
    DIALOGUES = 25,
    TURNS = 12,
    SLOTS = 6,
    VALUES = 3,
    TASKS = 24,
    PAST = 16,
    JUDGES = 10 /* seeds from here on */
};

static const struct domain {
    const char *goal, *slot[SLOTS], *value[SLOTS][VALUES], *step[3];
} domains[DOMAINS] = {
    {"Weekend in Lisbon",
     {"Hotel", "Budget", "Flight", "Dinner place", "Departure date", "Luggage"},
     {{"Casa Verde", "the Miramar", "a room near the river"},
      {"600 euros", "750 euros", "900 euros"},
      {"the morning one", "TP 553", "the late one on Friday"},
      {"the fish tavern", "Rosa's kitchen", "the rooftop grill"},
      {"3 May", "10 May", "17 May"},
      {"one cabin bag", "two suitcases", "a backpack"}},
     {"Museum visit", "Tram tour", "Boat trip"}},
    {"Garden party",
     {"Place", "Guest count", "Caterer", "Music", "Starting time", "Rain plan"},
     {{"the old barn", "the town hall", "our garden"},
      {"30 people", "45 people", "60 people"},
      {"Lena's buffet", "the pizza van", "Grill and Green"},
      {"a jazz trio", "a playlist", "the village band"},
      {"five in the afternoon", "noon", "seven in the evening"},
      {"a white tent", "the gym", "umbrellas"}},
     {"Invitation letters", "Table plan", "Cake tasting"}},
    {"Release 2.4",
     {"Release date", "Test machine", "Reviewer", "Branch name", "Database", "Rollout size"},
     {{"12 March", "19 March", "2 April"},
      {"the blue server", "node seven", "a cloud runner"},
      {"Priya", "Tomas", "Ingrid"},
      {"stable-24", "release-next", "ship-it"},
      {"PostgreSQL 15", "SQLite", "MariaDB"},
      {"5 percent", "20 percent", "half of all users"}},
     {"Smoke test", "Changelog", "Load test"}},
    {"Kitchen renovation",
     {"Floor", "Wall colour", "Oven", "Plumber", "Start week", "Lighting"},
     {{"oak boards", "grey tiles", "linoleum"},
      {"sage green", "plain white", "warm yellow"},
      {"a gas oven", "the steam model", "an induction range"},
      {"Mr Okoye", "the firm from Bern", "cousin Paul"},
      {"week 14", "week 20", "week 31"},
      {"ceiling spots", "a long lamp", "strips under the shelves"}},
     {"Electrical check", "Tile delivery", "Final cleaning"}},
};

/* %1$s: the slot, %2$s: the value. The first half is for who writes rules. */
static const char *const say_new[] = {
    "The %1$s is %2$s.",          "%1$s: %2$s",
    "Our %1$s will be %2$s.",     "Put down %2$s as the %1$s.",
    "For the %1$s we take %2$s.", "I have settled on %2$s for the %1$s."};
static const char *const say_update[] = {"Actually, make the %1$s %2$s.",
                                         "Change the %1$s to %2$s.",
                                         "No, the %1$s should be %2$s instead.",
                                         "I changed my mind: the %1$s is %2$s.",
                                         "Let us go with %2$s for the %1$s after all.",
                                         "Scrap the old %1$s, it is %2$s now."};
static const char *const say_check[] = {"What is the %1$s?",
                                        "Remind me, which %1$s do we have?",
                                        "Is the %1$s still the one we picked?",
                                        "Wasn't the %1$s something else before?",
                                        "I forgot the %1$s, can you look it up?",
                                        "So the %1$s is fixed, right?"};
static const char *const say_undo[] = {"Undo the change of the %1$s.",
                                       "Go back to the %1$s we had before.",
                                       "Please revert the %1$s.",
                                       "The %1$s was better the way it was.",
                                       "Put the %1$s back to what it was earlier.",
                                       "Forget my last change of the %1$s."};
static const char *const say_last[] = {"Undo that.",
                                       "Go back, please.",
                                       "Revert it.",
                                       "Take that back.",
                                       "On second thought, as it was.",
                                       "Cancel that last change."};
static const char *const say_step[] = {"Add a %2$s after the %1$s.",
                                       "We need a %2$s once the %1$s is settled.",
                                       "Add the %2$s, which depends on the %1$s.",
                                       "There has to be a %2$s, based on the %1$s.",
                                       "The %2$s comes after the %1$s.",
                                       "Then do a %2$s when the %1$s is known."};
static const char *const say_replace[] = {"Replace the %1$s with a %2$s.",
                                          "Swap the %1$s for a %2$s.",
                                          "Instead of the %1$s, do a %2$s.",
                                          "Drop the %1$s and do a %2$s.",
                                          "A %2$s instead of the %1$s would be better.",
                                          "Trade the %1$s for a %2$s."};

/* ---- the plan that should be -------------------------------------------------------------- */
typedef struct should {
    const char *slot, *past[PAST]; /* its text now is past[depth] */
    int depth, dep, gone, slot_of; /* dep: -1; slot_of: of the domain, -1: a step */
} should;

typedef struct turn {
    char said[512], ops[512];
    int intents[2], n;
    int asks;
} turn;

typedef struct dialogue {
    const struct domain *d;
    should task[TASKS];
    int n, last[2], n_last; /* what changed in the last turn that changed something */
    mn_random r;
    int phrases;
} dialogue;
enum { NEW, UPDATE, CHECK, UNDO, REPLACE };
static const char *const intents[] = {"new", "update", "check", "undo", "replace"};

static int below(dialogue *d, int n) {
    return (int)(mn_random_u64(&d->r) % (uint64_t)n);
}
static const char *lower(const char *slot, char out[64]) {
    snprintf(out, 64, "%s", slot);
    for (char *c = out; *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c += 32;
    return out;
}
__attribute__((format(printf, 3, 0))) static void phrase(dialogue *d, turn *t, const char *format,
                                                         const char *slot, const char *value) {
    char low[64], low2[64];
    const size_t n = strlen(t->said);
    const int step = strncmp(value, "!", 1) == 0;
    (void)d;
    snprintf(t->said + n, sizeof t->said - n, "%s", n ? " " : "");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    const size_t at = strlen(t->said);
    snprintf(t->said + at, sizeof t->said - at, format, lower(slot, low),
             step ? lower(value + 1, low2) : value);
#pragma GCC diagnostic pop
}
static void op(turn *t, const char *format, const char *a, const char *b, const char *c) {
    const size_t n = strlen(t->ops);
    snprintf(t->ops + n, sizeof t->ops - n, "%s", n ? "," : "");
    const size_t at = strlen(t->ops);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(t->ops + at, sizeof t->ops - at, format, a, b, c);
#pragma GCC diagnostic pop
}
#define PHRASE(list) list[below(d, d->phrases)]

static void changed(dialogue *d, int at) {
    if (d->n_last < 2) d->last[d->n_last++] = at;
}

static void do_new(dialogue *d, turn *t) {
    int slot = below(d, SLOTS), used = 0;
    for (int i = 0; i < d->n; i++) used |= 1 << (d->task[i].slot_of + 1);
    for (int i = 0; i < SLOTS && used >> (slot + 1) & 1; i++) slot = (slot + 1) % SLOTS;
    if (used >> (slot + 1) & 1 || d->n == TASKS) return;
    const char *const value = d->d->value[slot][below(d, VALUES)];
    d->task[d->n] = (should){.slot = d->d->slot[slot], .past = {value}, .dep = -1, .slot_of = slot};
    phrase(d, t, PHRASE(say_new), d->d->slot[slot], value);
    op(t, "{\"intent\":\"new\",\"slot\":\"%s\",\"text\":\"%s\"}%s", d->d->slot[slot], value, "");
    t->intents[t->n++] = NEW;
    changed(d, d->n++);
}

static int pick(dialogue *d, int with_past, int steps) {
    const int from = d->n ? below(d, d->n) : 0;
    for (int k = 0; k < d->n; k++) {
        const int i = (from + k) % d->n;
        const should *const s = d->task + i;
        if (!s->gone && (s->slot_of < 0) == steps && (!with_past || s->depth)) return i;
    }
    return -1;
}

static void do_update(dialogue *d, turn *t) {
    const int at = pick(d, 0, 0);
    if (at < 0 || d->task[at].depth + 1 == PAST) return;
    should *const s = d->task + at;
    const char *value = s->past[s->depth];
    for (int i = below(d, VALUES); value == s->past[s->depth]; i++)
        value = d->d->value[s->slot_of][i % VALUES];
    s->past[++s->depth] = value;
    phrase(d, t, PHRASE(say_update), s->slot, value);
    op(t, "{\"intent\":\"update\",\"task\":\"%s\",\"text\":\"%s\"}%s", s->slot, value, "");
    t->intents[t->n++] = UPDATE;
    changed(d, at);
}

static void do_check(dialogue *d, turn *t) {
    const int at = pick(d, 0, 0);
    if (at < 0) return;
    phrase(d, t, PHRASE(say_check), d->task[at].slot, "");
    op(t, "{\"intent\":\"check\",\"task\":\"%s\"}%s%s", d->task[at].slot, "", "");
    t->intents[t->n++] = CHECK;
}

static void do_undo(dialogue *d, turn *t) {
    const int at = pick(d, 1, 0);
    if (at < 0) return;
    phrase(d, t, PHRASE(say_undo), d->task[at].slot, "");
    op(t, "{\"intent\":\"undo\",\"task\":\"%s\"}%s%s", d->task[at].slot, "", "");
    d->task[at].depth--;
    t->intents[t->n++] = UNDO;
    changed(d, at);
}

/* Of the last change: clear only when it was of one task, which has been something else. */
static void do_last(dialogue *d, turn *t, const int *last, int n_last) {
    if (!n_last) return;
    phrase(d, t, PHRASE(say_last), "", "");
    op(t, "{\"intent\":\"undo\"}%s%s%s", "", "", "");
    t->intents[t->n++] = UNDO;
    t->asks = n_last > 1 || !d->task[last[0]].depth;
    d->n_last = n_last;
    memcpy(d->last, last, sizeof d->last);
    if (!t->asks) d->task[last[0]].depth--;
}

static void do_step(dialogue *d, turn *t) {
    const int on = pick(d, 0, 0);
    int steps = 0;
    for (int i = 0; i < d->n; i++) steps += d->task[i].slot_of < 0;
    if (on < 0 || steps > 1) return;
    const char *const name = d->d->step[steps];
    char said[64];
    snprintf(said, sizeof said, "!%s", name);
    d->task[d->n] = (should){.slot = name, .past = {""}, .dep = on, .slot_of = -1};
    phrase(d, t, PHRASE(say_step), d->task[on].slot, said);
    op(t, "{\"intent\":\"new\",\"slot\":\"%s\",\"text\":\"\",\"deps\":[\"%s\"]}%s", name,
       d->task[on].slot, "");
    t->intents[t->n++] = NEW;
    changed(d, d->n++);
}

static void do_replace(dialogue *d, turn *t) {
    const int at = pick(d, 0, 1);
    for (int i = 0; i < d->n; i++)
        if (d->task[i].slot == d->d->step[2]) return;
    if (at < 0) return;
    const char *const name = d->d->step[2];
    char said[64];
    snprintf(said, sizeof said, "!%s", name);
    phrase(d, t, PHRASE(say_replace), d->task[at].slot, said);
    op(t, "{\"intent\":\"replace\",\"task\":\"%s\",\"slot\":\"%s\",\"text\":\"\"}%s",
       d->task[at].slot, name, "");
    d->task[d->n] = (should){.slot = name, .past = {""}, .dep = -1, .slot_of = -1};
    d->task[at].gone = 1;
    t->intents[t->n++] = REPLACE;
    d->n_last = 0; /* both of them changed */
    changed(d, at);
    changed(d, d->n++);
}

static void one_turn(dialogue *d, turn *t, int number) {
    const int last[2] = {d->last[0], d->last[1]}, n_last = d->n_last,
              kind = number < 2 ? 0 : below(d, 10);
    *t = (turn){.n = 0};
    d->n_last = 0;
    if (kind < 2) do_new(d, t);
    if (kind == 2 || kind == 3) do_update(d, t);
    if (kind == 4) do_check(d, t);
    if (kind == 5) do_undo(d, t);
    if (kind == 6) do_last(d, t, last, n_last);
    if (kind == 7) do_step(d, t);
    if (kind == 8) do_replace(d, t);
    if (kind == 9) do_update(d, t), do_new(d, t);
    if (!t->n) do_check(d, t);
    if (!d->n_last) d->n_last = n_last, memcpy(d->last, last, sizeof last);
}

/* ---- the plan that is ------------------------------------------------------------------------ */
typedef struct bed {
    const mn_bench_options *o;
    mn_mem *mem;
    mn_scope scope;
    long long root;
    int turns, wrong, misread, made_up;
} bed;

static int call(bed *b, json_t *what, json_t **out) {
    char *text = what ? json_dumps(what, JSON_COMPACT) : NULL, *answer = NULL;
    json_decref(what);
    if (!text) return MN_FAIL(MN_ENOMEM, "no memory for a call");
    const int rc = mn_task_do(b->mem, &b->scope, text, &answer);
    free(text);
    *out = rc < 0 ? NULL : json_loads(answer, 0, NULL);
    mn_free_text(answer);
    return rc;
}

static int begin_plan(bed *b, const dialogue *d) {
    json_t *out;
    MN_TRY(call(b, json_pack("{s:s, s:s}", "do", "new", "slot", d->d->goal), &out));
    b->root = json_integer_value(json_object_get(json_object_get(out, "task"), "id"));
    json_decref(out);
    return 0;
}

/* ops NULL: rules, or the model. */
static int say(bed *b, const turn *t, int given, const char *model, json_t **out) {
    char list[600];
    json_t *what =
        json_pack("{s:s, s:I, s:s}", "do", "say", "id", (json_int_t)b->root, "text", t->said);
    snprintf(list, sizeof list, "[%s]", t->ops);
    if (given) json_object_set_new(what, "ops", json_loads(list, 0, NULL));
    if (model) json_object_set_new(what, "model", json_string(model));
    return call(b, what, out);
}

static const json_t *task_named(const json_t *tasks, const char *slot) {
    json_t *one;
    size_t i;
    json_array_foreach(tasks, i,
                       one) if (!json_object_get(one, "replaced") &&
                                strcasecmp(json_string_value(json_object_get(one, "slot")), slot) ==
                                    0) return one;
    return NULL;
}

static int is_right(const dialogue *d, const json_t *tasks) {
    int n = 0;
    for (int i = 0; i < d->n; i++) {
        const should *const s = d->task + i;
        if (s->gone) continue;
        const json_t *const one = task_named(tasks, s->slot);
        if (!one || strcasecmp(json_string_value(json_object_get(one, "text")), s->past[s->depth]))
            return 0;
        const json_t *const deps = json_object_get(one, "deps");
        if ((int)json_array_size(deps) != (s->dep >= 0)) return 0;
        if (s->dep >= 0 &&
            !json_equal(json_array_get(deps, 0),
                        json_object_get(task_named(tasks, d->task[s->dep].slot), "id")))
            return 0;
        n++;
    }
    json_t *one;
    size_t i;
    json_array_foreach(tasks, i, one) n -=
        !json_object_get(one, "replaced") && json_object_get(one, "parent") != NULL;
    return n == 0;
}

static int count_made_up(const dialogue *d, const json_t *tasks) {
    json_t *one;
    size_t i;
    int n = 0;
    json_array_foreach(tasks, i, one) {
        int known = !json_object_get(one, "parent");
        for (int k = 0; k < d->n; k++)
            known |=
                strcasecmp(json_string_value(json_object_get(one, "slot")), d->task[k].slot) == 0;
        n += !known;
    }
    return n;
}

static int is_misread(const turn *t, const json_t *result) {
    const json_t *const ops = json_object_get(result, "ops");
    int wrong = (int)json_array_size(ops) != t->n;
    for (int i = 0; i < t->n && !wrong; i++) {
        const char *const intent =
            json_string_value(json_object_get(json_array_get(ops, (size_t)i), "intent"));
        wrong = !intent || strcmp(intent, intents[t->intents[i]]) != 0;
    }
    return wrong;
}

/* The plan after a turn: is it what it should be? */
static int judge(bed *b, const dialogue *d, const turn *t, const json_t *result, int *right) {
    json_t *shown;
    MN_TRY(call(
        b, json_pack("{s:s, s:I, s:s}", "do", "show", "id", (json_int_t)b->root, "form", "list"),
        &shown));
    const json_t *const tasks = json_object_get(shown, "tasks");
    *right = is_right(d, tasks) && t->asks == (json_object_get(result, "ask") != NULL);
    b->turns++;
    b->wrong += !*right;
    b->misread += is_misread(t, result);
    b->made_up += count_made_up(d, tasks);
    json_decref(shown);
    return 0;
}

static int talk(bed *b, const struct domain *domain, uint64_t seed, int given, const char *model) {
    dialogue d = {.d = domain, .phrases = b->o->seed < JUDGES ? 3 : 6};
    turn t[TURNS];
    json_t *result;
    mn_random_seed(&d.r, seed);
    MN_TRY(begin_plan(b, &d));
    for (int i = 0; i < TURNS; i++) {
        int right;
        one_turn(&d, t + i, i);
        const int rc = say(b, t + i, given, model, &result);
        if (rc == MN_ENOMEM || (rc < 0 && given)) return rc;
        MN_TRY(judge(b, &d, t + i, result, &right));
        json_decref(result);
        if (right || given) continue;
        MN_TRY(begin_plan(b, &d)); /* as it should be */
        for (int k = 0; k <= i; k++) {
            MN_TRY(say(b, t + k, 1, NULL, &result));
            json_decref(result);
        }
    }
    return 0;
}

static uint64_t seed_of(const bed *b, int domain, int k) {
    return b->o->seed * 10000 + (uint64_t)(domain * DIALOGUES + k);
}

static int all_talks(bed *b, int each, int given, const char *model) {
    b->turns = b->wrong = b->misread = b->made_up = 0;
    for (int i = 0; i < DOMAINS; i++)
        for (int k = 0; k < each; k++) MN_TRY(talk(b, domains + i, seed_of(b, i, k), given, model));
    return 0;
}

/* ---- a flat loop beside it ------------------------------------------------------------------- */
/* Slots of its ops that nobody spoke of. */
static int count_made_up_by(const dialogue *d, const json_t *ops) {
    const char *const names[] = {"task", "slot"};
    json_t *one;
    size_t i;
    int n = 0;
    json_array_foreach(ops, i, one) for (size_t f = 0; f < 2; f++) {
        const char *const slot = json_string_value(json_object_get(one, names[f]));
        int known = !slot || !*slot;
        for (int k = 0; k < d->n && !known; k++) known = strcasecmp(slot, d->task[k].slot) == 0;
        n += !known;
    }
    return n;
}

static int talk_flat(bed *b, mn_react *r, const struct domain *domain, uint64_t seed) {
    dialogue d = {.d = domain, .phrases = b->o->seed < JUDGES ? 3 : 6};
    mn_random_seed(&d.r, seed);
    MN_TRY(mn_react_begin(r, domain->goal));
    for (int i = 0; i < TURNS; i++) {
        turn t;
        json_t *ops;
        one_turn(&d, &t, i);
        MN_TRY(mn_react_say(r, t.said, &ops));
        b->turns++;
        b->made_up += count_made_up_by(&d, ops);
        json_t *const result = json_pack("{s:o}", "ops", ops);
        b->misread += is_misread(&t, result);
        json_decref(result);
        MN_TRY(mn_react_tell(r, t.said, t.ops));
    }
    return 0;
}

static int all_flat(bed *b, int each, int64_t *tokens) {
    mn_react r = {0};
    const mn_model_options how = {.kind = MN_WRITES};
    b->turns = b->wrong = b->misread = b->made_up = 0;
    MN_TRY(mn_model_open(b->o->model, &how, &r.model));
    int rc = 0;
    for (int i = 0; i < DOMAINS && rc >= 0; i++)
        for (int k = 0; k < each && rc >= 0; k++)
            rc = talk_flat(b, &r, domains + i, seed_of(b, i, k));
    *tokens = r.tokens;
    mn_react_end(&r);
    mn_model_close(&r.model);
    return rc;
}

/* Ours against the flat loop's. */
static int compare(const bed *b, const char *what, double flat, double ours, double bar) {
    mn_bench_row r = {.name = "model",
                      .what = what,
                      .against = "flat loop",
                      .unit = "",
                      .bar = bar,
                      .at_most = 1};
    mn_bench_round(&r, flat, ours);
    return mn_bench_row_print(&r, b->o->json);
}

static int print(const bed *b, const char *name, const char *what, int n, double bar) {
    mn_bench_row r = {
        .name = name, .what = what, .against = "turns", .unit = "", .bar = bar, .at_most = 1};
    mn_bench_round(&r, b->turns, n);
    return mn_bench_row_print(&r, b->o->json);
}

static int model_rows(bed *b) {
    const int asked = b->o->limit ? b->o->limit : 1, each = asked < DIALOGUES ? asked : DIALOGUES;
    bed flat = *b;
    int64_t tokens;
    MN_TRY(all_talks(b, each, 0, b->o->model));
    MN_TRY(print(b, "model", "plans that are wrong, by the model", b->wrong, 0));
    MN_TRY(all_flat(&flat, each, &tokens));
    MN_TRY(print(b, "model", "turns with other intents", b->misread, 0));
    MN_TRY(print(&flat, "flat", "turns with other intents", flat.misread, 0));
    MN_TRY(print(b, "model", "tasks nobody spoke of", b->made_up, 0));
    MN_TRY(print(&flat, "flat", "tasks nobody spoke of", flat.made_up, 0));
    MN_TRY(compare(b, "tasks nobody spoke of", flat.made_up, b->made_up, 1. / 3));
    MN_TRY(compare(b, "turns with other intents", flat.misread, b->misread, 1. / 6));
    return compare(b, "tokens of prompts and answers", (double)tokens,
                   (double)b->mem->planner_tokens, .85);
}

static int rows(bed *b) {
    const mn_bench_options *const o = b->o;
    MN_TRY(all_talks(b, DIALOGUES, 1, NULL));
    MN_TRY(print(b, "engine", "plans that are wrong, intents given", b->wrong, 1e-9));
    MN_TRY(all_talks(b, DIALOGUES, 0, NULL));
    MN_TRY(print(b, "rules", "plans that are wrong, by rules", b->wrong, 0));
    MN_TRY(print(b, "misread", "turns with other intents, by rules", b->misread, 0));
    MN_TRY(print(b, "made-up", "tasks nobody spoke of, by rules", b->made_up, 0));
    return o->row && strcmp(o->row, "model") == 0 ? model_rows(b) : 0;
}

static int run(const mn_bench_options *o) {
    mn_stage stage;
    char place[256];
    bed b = {.o = o, .scope = {.user = "bench"}};
    MN_TRY(mn_stage_begin(&stage));
    snprintf(place, sizeof place, "%s/memory.db", stage.folder);
    const mn_mem_options how = {.model = "none"};
    int rc = mn_mem_open(place, &how, &b.mem);
    if (rc >= 0) rc = rows(&b);
    mn_mem_close(&b.mem);
    mn_stage_end(&stage);
    return rc;
}

const mn_bench mn_bench_trim = {
    .name = "trim", .about = "what users say to a plan, and what the plan is then", .run = run};
