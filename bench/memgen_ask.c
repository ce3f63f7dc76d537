/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/memgen_ask.c - questions about a history, and what was true in it.
 *
 * Friends are asked about by name; who wrote to the assistant asks about themselves. Gold turns are
 * those that say the answer; where it takes several (a sum, an order, a fact by way of somebody
 * else), all of them. Nothing is asked twice.
 */
#include "bench/memgen_world.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum { SLOTS = 20 };
typedef struct asking {
    mn_world *w;
    mn_buf text, raw;
    int first_person;
    const char *time;
} asking;

/* ---- whom it is about ----------------------------------------------------------------------- */
typedef struct naming {
    const char *subject, *object, *whose;
} naming;

/* "Maya", "Maya's sister Nora", "my sister": as questions name a person. */
static int name_of(asking *a, int who, int named, naming *out) {
    mn_world *w = a->w;
    const mn_person *p = &w->person[who];
    if (!p->role && a->first_person) {
        *out = (naming){"I", "me", "my"};
        return 0;
    }
    const char *whose = "my";
    if (!a->first_person) MN_TRY(mn_history_print(w->h, &whose, "%s's", w->person[p->owner].name));
    if (!p->role)
        out->subject = p->name;
    else if (named)
        MN_TRY(mn_history_print(w->h, &out->subject, "%s %s %s", whose, p->role, p->name));
    else
        MN_TRY(mn_history_print(w->h, &out->subject, "%s %s", whose, p->role));
    out->object = out->subject;
    return mn_history_print(w->h, &out->whose, "%s's", out->subject);
}

static int fill(asking *a, int who, const mn_saying *s, int first, mn_slot slot[SLOTS]) {
    mn_world *w = a->w;
    const mn_person *p = &w->person[who];
    const int she = p->she, i = first;
    char day[32];
    const char *week = NULL;
    naming n;
    MN_TRY(name_of(a, who, first ? 0 : mn_draw(&w->random, 5), &n));
    if (s) /* of a Monday: 1 January 1970 was a Thursday */
        MN_TRY(mn_history_keep(w->h, mn_day_text(s->day - (s->day + 3) % 7, day), &week));
    const mn_slot all[] = {{"S", n.subject},
                           {"O", n.object},
                           {"S's", n.whose},
                           {"v", s ? s->value : NULL},
                           {"week", week},
                           {"P", i ? "you" : w->person[p->owner == 0].name},
                           {"does", i ? "do" : "does"},
                           {"is", i ? "am" : "is"},
                           {"has", i ? "have" : "has"},
                           {"was", i ? "was" : "was"},
                           {"they", i     ? "I"
                                    : she ? "she"
                                          : "he"},
                           {"their", i     ? "my"
                                     : she ? "her"
                                           : "his"},
                           {"them", i     ? "me"
                                    : she ? "her"
                                          : "him"},
                           {NULL, NULL}};
    memcpy(slot, all, sizeof all);
    return 0;
}

/* The text of a pattern, in the arena. */
static int make_text(asking *a, const mn_slot *slot, int first, const char *line,
                     const char **out) {
    const mn_voice v = {
        .book = a->w->book, .random = &a->w->random, .slot = slot, .first_person = first};
    mn_buf_clear(&a->raw);
    mn_buf_clear(&a->text);
    MN_TRY(mn_voice_put(&v, line, strlen(line), &a->raw));
    MN_TRY(mn_book_polish(&a->w->random, a->raw.data, 0, &a->text));
    return mn_history_keep(a->w->h, a->text.data, out);
}

/* ---- one question --------------------------------------------------------------------------- */
/* Neither in these words nor in others. */
static int is_new(const mn_history *h, const mn_asked *q) {
    for (int i = 0; i < mn_askeds_n(h); i++) {
        const mn_asked *o = &mn_askeds(h)[i];
        if (strcmp(o->text, q->text) == 0) return 0;
        if (q->n && o->n == q->n && strcmp(o->type, q->type) == 0 &&
            strcmp(o->answer, q->answer) == 0 &&
            memcmp(o->gold, q->gold, (size_t)q->n * sizeof *q->gold) == 0)
            return 0;
    }
    return 1;
}

static int put(asking *a, mn_asked q) {
    mn_history *h = a->w->h;
    if (!is_new(h, &q)) return 0;
    MN_TRY(mn_history_print(h, &q.id, "%s-q%d", h->id, mn_askeds_n(h) + 1));
    q.time = a->time;
    MN_TRY(mn_buf_append(&h->asked, &q, sizeof q));
    return 1;
}

/* What a saying said, as its turns do. */
static void gold(const asking *a, mn_asked *q, const mn_saying *s) {
    const mn_history *h = a->w->h;
    for (int i = 0; i < s->n_turns; i++) {
        const char *text = mn_turns(h)[s->turn[i]].text, *said = NULL;
        if (s->value && strcasestr(text, s->value))
            said = s->value;
        else if (s->when)
            said = s->when;
        mn_asked_gold(h, q, s->turn[i], said);
    }
}

static int ask_line(asking *a, const mn_saying *s, int who, mn_choice *lines, mn_asked *q) {
    mn_slot slot[SLOTS];
    const char *line = mn_choice_next(lines, &a->w->random);
    if (mn_chance(&a->w->random, .4)) line = lines->line[0]; /* the plainest one */
    const int first = a->first_person && !a->w->person[who].role;
    MN_TRY(fill(a, who, s, first, slot));
    return make_text(a, slot, first, line, &q->text);
}

/* Some say first what they are about to ask about. */
static int say_about(asking *a, const mn_saying *s, mn_asked *q) {
    const int first = a->first_person && !a->w->person[s->who].role;
    const char *about, *pattern, *whose = "my";
    naming n;
    MN_TRY(mn_history_print(a->w->h, &pattern, "[about|concerning|a question about] {whose} %s:",
                            mn_lines_of(s->block, 'h')->line[0]));
    if (!first) {
        MN_TRY(name_of(a, s->who, 1, &n));
        whose = n.whose;
    }
    const mn_slot slot[] = {{"whose", whose}, {NULL, NULL}};
    MN_TRY(make_text(a, slot, first, pattern, &about));
    return mn_history_print(a->w->h, &q->text, "%s %s", about, q->text);
}

/* A fact, which may have changed. 1: it was asked. */
static int ask_fact(asking *a, const mn_saying *s, char tag) {
    mn_asked q = {.stale = -1, .type = "single", .answer = s->value};
    if (s->next >= 0 || !mn_lines_of(s->block, tag)->n) return 0;
    if (tag == 'p') q.type = "preference";
    if (s->before >= 0) {
        q.type = "update";
        q.stale = mn_sayings(a->w)[s->before].turn[0];
    }
    gold(a, &q, s);
    MN_TRY(ask_line(a, s, s->who, mn_lines_of(s->block, tag), &q));
    if (tag == 'q' && mn_chance(&a->w->random, .4)) MN_TRY(say_about(a, s, &q));
    return put(a, q);
}

static int ask_advice(asking *a, const mn_saying *s) {
    mn_asked q = {.stale = -1, .type = "advice", .answer = s->value};
    gold(a, &q, s);
    MN_TRY(ask_line(a, s, s->who, mn_lines_of(s->block, 'q'), &q));
    return put(a, q);
}

static void window(mn_asked *q, int64_t from, int64_t days) {
    q->from = from * 86400000000;
    q->until = (from + days) * 86400000000;
}

static int ask_day(asking *a, const mn_saying *s) {
    mn_asked q = {.stale = -1, .type = "temporal"};
    char day[32];
    MN_TRY(mn_history_keep(a->w->h, mn_day_text(s->day, day), &q.answer));
    q.when = s->when;
    gold(a, &q, s);
    MN_TRY(ask_line(a, s, s->who, mn_lines_of(s->block, 'w'), &q));
    return put(a, q);
}

static int64_t monday_of(const mn_saying *s) {
    return s->day - (s->day + 3) % 7;
}

/* Nobody else of the same people says something of the same kind in its week. */
static int alone_in_week(const asking *a, const mn_saying *s) {
    const int64_t monday = monday_of(s);
    for (int i = 0; i < mn_sayings_n(a->w); i++) {
        const mn_saying *o = &mn_sayings(a->w)[i];
        if (o != s && o->block == s->block && o->who == s->who && o->day >= monday &&
            o->day < monday + 7)
            return 0;
    }
    return 1;
}

/* Whose kind of event came only once in its week. */
static int ask_week(asking *a, const mn_saying *s) {
    mn_asked q = {.stale = -1, .type = "temporal", .answer = s->value};
    const int64_t monday = monday_of(s);
    if (!alone_in_week(a, s)) return 0;
    window(&q, monday, 7);
    gold(a, &q, s);
    MN_TRY(ask_line(a, s, s->who, mn_lines_of(s->block, 'k'), &q));
    return put(a, q);
}

/* As it stands inside of a sentence. */
static int inside(asking *a, const char **text) {
    if (strncmp(*text, "The ", 4) != 0) return 0;
    return mn_history_print(a->w->h, text, "the %s", *text + 4);
}

static int ask_order(asking *a, const mn_saying *s, const mn_saying *t) {
    mn_asked q = {.stale = -1, .type = "temporal"};
    const int first = a->first_person;
    mn_slot slot[SLOTS];
    const char *one, *other;
    naming n;
    if (s->who != t->who || s->day == t->day || s->block == t->block) return 0;
    MN_TRY(fill(a, s->who, s, first, slot));
    MN_TRY(make_text(a, slot, first, mn_lines_of(s->block, 'n')->line[0], &one));
    MN_TRY(fill(a, t->who, t, first, slot));
    MN_TRY(make_text(a, slot, first, mn_lines_of(t->block, 'n')->line[0], &other));
    MN_TRY(inside(a, &one));
    MN_TRY(inside(a, &other));
    MN_TRY(name_of(a, s->who, 0, &n));
    MN_TRY(mn_history_print(a->w->h, &q.text, "Which came first for %s: %s or %s?", n.object, one,
                            other));
    q.answer = s->day < t->day ? one : other;
    gold(a, &q, s);
    gold(a, &q, t);
    return put(a, q);
}

/* The sum or the number of all that this person said of the block. */
static int ask_all(asking *a, const mn_saying *s, char tag) {
    static const char *const numbers[] = {"none", "one",   "two",   "three", "four", "five",
                                          "six",  "seven", "eight", "nine",  "ten"};
    mn_asked q = {.stale = -1, .type = "multi"};
    int n = 0, sum = 0;
    for (int i = 0; i < mn_sayings_n(a->w); i++) {
        const mn_saying *o = &mn_sayings(a->w)[i];
        if (o->block != s->block || o->who != s->who) continue;
        gold(a, &q, o);
        sum += o->amount;
        n++;
    }
    if (n < 2 || q.n_sittings > 2) return 0;
    if (tag == 'q')
        MN_TRY(mn_history_print(a->w->h, &q.answer, "%d", sum));
    else
        q.answer = numbers[n];
    MN_TRY(ask_line(a, s, s->who, mn_lines_of(s->block, tag), &q));
    return put(a, q);
}

/* Its time is that of one of the two turns only, so it names none. */
static int ask_hop(asking *a, const mn_saying *s) {
    mn_asked q = {.stale = -1, .type = "multi", .answer = s->value};
    if (!alone_in_week(a, s)) return 0;
    gold(a, &q, s);
    gold(a, &q, &mn_sayings(a->w)[s->before]);
    MN_TRY(ask_line(a, s, s->who, mn_lines_of(s->block, 'q'), &q));
    return put(a, q);
}

/* Of a relation that others have, and this one does not. */
static int ask_absent(asking *a, mn_block *b, int who) {
    mn_asked q = {.stale = -1, .type = "absent", .answer = "", .absent = 1};
    int others = 0;
    for (int i = 0; i < mn_sayings_n(a->w); i++) {
        const mn_saying *o = &mn_sayings(a->w)[i];
        if (o->block == b && o->who == who) return 0;
        others += o->block == b;
    }
    if (!others || !mn_block_is(b, "relation")) return 0;
    MN_TRY(ask_line(a, NULL, who, mn_lines_of(b, 'q'), &q));
    return put(a, q);
}

/* ---- all of them ---------------------------------------------------------------------------- */
/* A kind of question: how many of a history of 40 sittings, from what. */
enum { SINGLE, CIRCLE, PREFERENCE, UPDATE, ADVICE, DAY, WEEK, ORDER, SUM, COUNT, HOP, KINDS };
static const int wanted[KINDS] = {15, 13, 3, 14, 5, 7, 8, 5, 3, 4, 2};

static int ask_one(asking *a, int kind, const mn_saying *s) {
    const int fact = mn_block_is(s->block, "relation"), role = a->w->person[s->who].role != NULL;
    const int event = mn_block_is(s->block, "event") && !role;
    if (kind == SINGLE && fact && !role && s->before < 0) return ask_fact(a, s, 'q');
    if (kind == CIRCLE && fact && role) return ask_fact(a, s, 'q');
    if (kind == PREFERENCE && fact && !role && !a->first_person && s->before < 0)
        return ask_fact(a, s, 'p');
    if (kind == UPDATE && fact && s->before >= 0) return ask_fact(a, s, 'q');
    if (kind == ADVICE && mn_block_is(s->block, "advice")) return ask_advice(a, s);
    if (kind == DAY && event) return ask_day(a, s);
    if (kind == WEEK && event) return ask_week(a, s);
    if (kind == ORDER && event) {
        const mn_saying *t = &mn_sayings(a->w)[mn_draw(&a->w->random, mn_sayings_n(a->w))];
        return mn_block_is(t->block, "event") ? ask_order(a, s, t) : 0;
    }
    if (kind == SUM && mn_block_is(s->block, "sum")) return ask_all(a, s, 'q');
    if (kind == COUNT && event) return ask_all(a, s, 'c');
    if (kind == HOP && mn_block_is(s->block, "hop")) return ask_hop(a, s);
    return 0;
}

static int ask_kind(asking *a, int kind, int n) {
    mn_random *r = &a->w->random;
    const int all = mn_sayings_n(a->w);
    for (int turn = 0; n > 0 && turn < 40 * all; turn++) {
        const int rc = ask_one(a, kind, &mn_sayings(a->w)[mn_draw(r, all)]);
        MN_TRY(rc);
        n -= rc;
    }
    return 0;
}

static int ask_absents(asking *a, int n) {
    mn_random *r = &a->w->random;
    for (int turn = 0; n > 0 && turn < 4000; turn++) {
        const int who = mn_draw(r, a->w->n_people);
        mn_block *b = &a->w->book->block[mn_draw(r, a->w->book->n)];
        const int rc = a->w->person[who].human ? ask_absent(a, b, who) : 0;
        MN_TRY(rc);
        n -= rc;
    }
    return 0;
}

/* ---- what was true -------------------------------------------------------------------------- */
static int tell(asking *a, const mn_saying *s) {
    mn_world *w = a->w;
    const mn_person *p = &w->person[s->who];
    mn_slot slot[SLOTS];
    mn_truth t = {
        .value = s->value, .from = s->day * 86400000000, .until = INT64_MAX, .turn = s->turn[0]};
    const int first = a->first_person;
    a->first_person = 0;
    int rc = fill(a, s->who, s, 0, slot);
    a->first_person = first;
    MN_TRY(rc);
    MN_TRY(mn_history_keep(w->h, s->block->name, &t.relation));
    MN_TRY(mn_history_keep(w->h, p->name, &t.subject));
    if (p->role)
        MN_TRY(mn_history_print(w->h, &t.subject, "%s's %s %s", w->person[p->owner].name, p->role,
                                p->name));
    if (s->next >= 0) t.until = mn_sayings(w)[s->next].day * 86400000000;
    MN_TRY(make_text(a, slot, 0, mn_lines_of(s->block, 't')->line[0], &t.text));
    return mn_buf_append(&w->h->truth, &t, sizeof t);
}

static int ask_past(asking *a, int truth, int64_t from, int64_t until, int known) {
    const mn_truth *t = &mn_truths(a->w->h)[truth];
    mn_past p = {.subject = t->subject, .relation = t->relation, .truth = known ? truth : -1};
    char day[32];
    MN_TRY(mn_history_keep(
        a->w->h, mn_day_text(from + mn_draw(&a->w->random, (int)(until - from)), day), &p.time));
    return mn_buf_append(&a->w->h->past, &p, sizeof p);
}

/* All facts, and of those that changed: on a day of each of their times, and before the first. */
static int tell_all(asking *a) {
    mn_world *w = a->w;
    const int64_t end = w->day[w->plan->sittings - 1] + 30;
    for (int i = 0; i < mn_sayings_n(w); i++) {
        const mn_saying *s = &mn_sayings(w)[i];
        const int at = mn_truths_n(w->h);
        if (!mn_block_is(s->block, "relation")) continue;
        MN_TRY(tell(a, s));
        if (s->next < 0 && s->before < 0) continue;
        MN_TRY(ask_past(a, at, s->day, s->next < 0 ? end : mn_sayings(w)[s->next].day, 1));
        if (s->before < 0) MN_TRY(ask_past(a, at, s->day - 90, s->day, 0));
    }
    return 0;
}

int mn_world_ask(mn_world *w) {
    asking a = {.w = w, .first_person = !w->friends};
    char day[32];
    const int n = w->plan->sittings;
    int rc = mn_history_keep(w->h, mn_day_text(w->day[n - 1] + 1 + mn_draw(&w->random, 9), day),
                             &a.time);
    for (int kind = 0; rc >= 0 && kind < KINDS; kind++)
        rc = ask_kind(&a, kind, n < 40 ? (wanted[kind] + 3) / 4 : wanted[kind]);
    if (rc >= 0) rc = ask_absents(&a, n < 40 ? 2 : 8);
    if (rc >= 0) rc = tell_all(&a);
    mn_buf_free(&a.text);
    mn_buf_free(&a.raw);
    return rc < 0 ? rc : 0;
}
