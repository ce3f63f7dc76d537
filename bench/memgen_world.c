/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/memgen_world.c - drawing the people of a history, and what becomes of them.
 */
#include "bench/memgen_world.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { FIRST_DAY = 18993, DAYS = 700 }; /* 1 January 2022, and what histories begin after it */

int mn_block_is(const mn_block *b, const char *kind) {
    return strcmp(b->kind, kind) == 0;
}

/* ---- days ----------------------------------------------------------------------------------- */
static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};

static struct tm calendar(int64_t day) {
    const time_t t = (time_t)(day * 86400);
    struct tm tm;
    gmtime_r(&t, &tm);
    return tm;
}

const char *mn_day_text(int64_t day, char out[32]) {
    const struct tm tm = calendar(day);
    snprintf(out, 32, "%d %s %d", tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900);
    return out;
}

static const char *ordinal(int n) {
    if (n / 10 == 1) return "th";
    return n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
}

int mn_day_say(mn_world *w, int64_t today, int64_t day, const char **out) {
    static const char *const numbers[] = {"two", "three", "four", "five", "six", "seven", "eight"};
    const int ago = (int)(today - day), kind = mn_draw(&w->random, 3);
    const struct tm tm = calendar(day);
    if (ago == 1) return mn_history_keep(w->h, "yesterday", out);
    if (ago == 7 && kind) return mn_history_keep(w->h, "a week ago today", out);
    if (ago == 14 && kind) return mn_history_keep(w->h, "two weeks ago today", out);
    if (ago < 7 && kind) return mn_history_print(w->h, out, "last %s", weekdays[tm.tm_wday]);
    if (ago < 9 && kind < 2) return mn_history_print(w->h, out, "%s days ago", numbers[ago - 2]);
    if (ago < 28 && kind)
        return mn_history_print(w->h, out, "on the %d%s", tm.tm_mday, ordinal(tm.tm_mday));
    return mn_history_print(w->h, out, "on %d %s", tm.tm_mday, months[tm.tm_mon]);
}

static int draw_days(mn_world *w) {
    const int n = w->plan->sittings;
    MN_TRY(mn_arena_take(&w->h->arena, (size_t)n * sizeof *w->day, &w->day));
    int64_t day = FIRST_DAY + mn_draw(&w->random, DAYS);
    for (int i = 0; i < n; i++) {
        w->day[i] = day;
        day += 2 + mn_draw(&w->random, 8);
    }
    return 0;
}

/* ---- people --------------------------------------------------------------------------------- */
static void add_person(mn_world *w, mn_person p) {
    mn_choice *names = &mn_book_find(w->book, "list", p.she ? "woman" : "man")->tag[MN_BOOK_PLAIN];
    if (!p.name) p.name = mn_choice_next(names, &w->random);
    w->person[w->n_people++] = p;
}

static void draw_people(mn_world *w) {
    static const struct {
        const char *role;
        int she; /* 2: either */
    } roles[] = {{"sister", 1}, {"brother", 0},   {"cousin", 2},    {"best friend", 2},
                 {"aunt", 1},   {"uncle", 0},     {"godmother", 1}, {"godfather", 0},
                 {"niece", 1},  {"colleague", 2}, {"nephew", 0},    {"flatmate from college", 2}};
    enum { ROLES = sizeof roles / sizeof *roles };
    mn_random *r = &w->random;
    add_person(w, (mn_person){.owner = 0, .she = mn_draw(r, 2), .human = 1});
    if (w->friends)
        add_person(w, (mn_person){.owner = 1, .she = mn_draw(r, 2), .human = 1});
    else
        add_person(w, (mn_person){.owner = 1, .name = "Assistant"});
    for (int owner = 0; owner < 1 + w->friends; owner++)
        for (int i = 0, at = mn_draw(r, ROLES); i < MN_CIRCLE; i++, at = (at + 5) % ROLES)
            add_person(w, (mn_person){.role = roles[at].role,
                                      .owner = owner,
                                      .she = roles[at].she == 2 ? mn_draw(r, 2) : roles[at].she,
                                      .human = 1});
}

/* ---- what will be said ---------------------------------------------------------------------- */
/* Its value outlives the book. */
static int add_saying(mn_world *w, mn_saying s) {
    if (s.value) MN_TRY(mn_history_keep(w->h, s.value, &s.value));
    return mn_buf_append(&w->saying, &s, sizeof s);
}

/* A value of the block that this person has not had, and, if it can be, nobody else. */
static const char *draw_value(mn_world *w, const mn_block *b, int who) {
    mn_block *list = mn_book_find(w->book, "list", b->of);
    if (!list) return NULL;
    const mn_choice *c = &list->tag[MN_BOOK_PLAIN];
    for (int turn = 0; turn < 60; turn++) {
        const char *value = c->line[mn_draw(&w->random, c->n)];
        int fits = 1;
        for (int i = 0; i < mn_sayings_n(w) && fits; i++) {
            const mn_saying *s = &mn_sayings(w)[i];
            if (s->block == b && s->value && strcmp(s->value, value) == 0)
                fits = s->who != who && turn > 20;
        }
        if (fits) return value;
    }
    return NULL;
}

/* A fact, and what becomes of it. */
static int draw_fact(mn_world *w, mn_block *b, int who) {
    mn_random *r = &w->random;
    const mn_person *p = &w->person[who];
    const int n = w->plan->sittings;
    mn_saying s = {.block = b, .tag = p->role ? 'o' : 's', .who = who, .before = -1, .next = -1};
    s.speaker = p->owner;
    s.sitting = (p->role ? 1 : 0) + mn_draw(r, n - 2);
    for (int version = 0; version < 3; version++) {
        const int at = mn_sayings_n(w);
        s.day = w->day[s.sitting];
        if (!(s.value = draw_value(w, b, who))) return 0;
        MN_TRY(add_saying(w, s));
        if (s.before >= 0) mn_sayings(w)[s.before].next = at;
        const int left = n - s.sitting - 2;
        if (p->role || !mn_lines_of(b, 'u')->n || left < 1 || !mn_chance(r, version ? .2 : .65))
            break;
        s.tag = 'u';
        s.old = mn_sayings(w)[at].value;
        s.before = at;
        s.sitting += 1 + mn_draw(r, left);
    }
    return 0;
}

static int draw_facts(mn_world *w) {
    for (int who = 0; who < w->n_people; who++)
        for (int i = 0; i < w->book->n && w->person[who].human; i++) {
            mn_block *b = &w->book->block[i];
            const char tag = w->person[who].role ? 'o' : 's';
            const double share = w->plan->share * (tag == 'o' ? .1 : w->friends ? .65 : 1.1);
            if (mn_block_is(b, "relation") && mn_lines_of(b, tag)->n &&
                mn_chance(&w->random, share))
                MN_TRY(draw_fact(w, b, who));
        }
    return 0;
}

/* The i-th block of a kind, of all there are, from anywhere on. */
static mn_block *draw_block(mn_world *w, const char *kind) {
    for (;;) {
        mn_block *b = &w->book->block[mn_draw(&w->random, w->book->n)];
        if (mn_block_is(b, kind)) return b;
    }
}

/* A few kinds come often: those that are counted later. */
static int draw_events(mn_world *w, int who) {
    mn_random *r = &w->random;
    mn_block *often[3];
    for (int i = 0; i < 3; i++) often[i] = draw_block(w, "event");
    const int n = w->person[who].role ? w->plan->events / 5 : w->plan->events;
    for (int i = 0; i < n; i++) {
        mn_saying s = {.who = who, .speaker = w->person[who].owner, .before = -1, .next = -1};
        s.block = mn_chance(r, .45) ? often[mn_draw(r, 3)] : draw_block(w, "event");
        s.tag = w->person[who].role ? 'o' : 's';
        if (!mn_lines_of(s.block, s.tag)->n) continue;
        s.sitting = mn_draw(r, w->plan->sittings);
        s.day = w->day[s.sitting] - 1 - mn_draw(r, mn_chance(r, .6) ? 6 : 20);
        if ((s.value = draw_value(w, s.block, who))) MN_TRY(add_saying(w, s));
    }
    return 0;
}

static int draw_sums(mn_world *w, int who) {
    mn_random *r = &w->random;
    for (int i = 0, at = mn_draw(r, w->book->n), found = 0; i < w->book->n; i++) {
        mn_block *b = &w->book->block[(at + i) % w->book->n];
        if (!mn_block_is(b, "sum") || found == w->plan->sums) continue;
        found++;
        for (int k = 2 + mn_chance(r, .3); k > 0; k--) {
            mn_saying s = {.block = b, .tag = 's', .who = who, .speaker = who};
            s.before = s.next = -1;
            s.sitting = mn_draw(r, w->plan->sittings);
            s.amount = 12 + mn_draw(r, 180);
            if ((s.value = draw_value(w, b, who))) MN_TRY(add_saying(w, s));
        }
    }
    return 0;
}

static int draw_advices(mn_world *w, int who) {
    int left = w->plan->advices;
    for (int i = 0; i < w->book->n && left; i++) {
        mn_saying s = {.block = &w->book->block[i], .tag = 's', .who = who, .speaker = who};
        if (!mn_block_is(s.block, "advice") || !mn_chance(&w->random, .7)) continue;
        s.before = s.next = -1;
        s.sitting = mn_draw(&w->random, w->plan->sittings);
        if ((s.value = draw_value(w, s.block, who))) MN_TRY(add_saying(w, s));
        left--;
    }
    return 0;
}

/* By way of somebody of whom the relation that is needed is known. */
static int draw_hops(mn_world *w, int who) {
    mn_random *r = &w->random;
    int left = w->plan->hops;
    const int n = mn_sayings_n(w), from = mn_draw(r, n);
    for (int i = 0; i < n && left; i++) {
        const mn_saying *fact = &mn_sayings(w)[(from + i) % n];
        if (!mn_block_is(fact->block, "relation") || !w->person[fact->who].role ||
            w->person[fact->who].owner != who)
            continue;
        for (int k = 0; k < w->book->n; k++) {
            mn_block *b = &w->book->block[k];
            if (!mn_block_is(b, "hop") || strcmp(b->of, fact->block->name) != 0) continue;
            mn_saying s = {.block = b, .tag = 's', .who = who, .speaker = who, .by = fact->who};
            s.before = (from + i) % n;
            s.next = -1;
            s.value = fact->value;
            s.sitting = mn_draw(r, w->plan->sittings);
            s.day = w->day[s.sitting] - 1 - mn_draw(r, 6);
            MN_TRY(add_saying(w, s));
            left--;
            break;
        }
    }
    return 0;
}

/* Each of the circle is named before long. */
static int draw_names(mn_world *w) {
    for (int who = 2; who < w->n_people; who++)
        MN_TRY(add_saying(w, (mn_saying){.block = mn_book_find(w->book, "pool", "intros"),
                                         .who = who,
                                         .speaker = w->person[who].owner,
                                         .before = -1,
                                         .next = -1,
                                         .sitting = mn_draw(&w->random, 2)}));
    return 0;
}

int mn_world_make(mn_world *w) {
    MN_TRY(draw_days(w));
    draw_people(w);
    MN_TRY(draw_names(w));
    MN_TRY(draw_facts(w));
    for (int who = 0; who < 2; who++) {
        if (!w->person[who].human) continue;
        MN_TRY(draw_events(w, who));
        MN_TRY(draw_sums(w, who));
        MN_TRY(draw_advices(w, who));
        MN_TRY(draw_hops(w, who));
    }
    for (int who = 2; who < w->n_people; who++)
        if (mn_chance(&w->random, .8)) MN_TRY(draw_events(w, who));
    return 0;
}

void mn_world_free(mn_world *w) {
    mn_buf_free(&w->saying);
}
