/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/memgen_talk.c - the sittings of a history: what is to be said, in the middle of small talk.
 *
 * A sitting is greetings, topics of memgen/talk.txt with as many words as the plan says, and a
 * farewell. What is to be said of the world comes at even distances, in the turn that is open when
 * its speaker has the word, so a fact is often the end of a turn about something else.
 */
#include "bench/memgen_world.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

typedef struct scene {
    mn_world *w;
    mn_voice voice;
    mn_buf turn; /* that is being said, */
    int speaker; /* by; -1: none is */
    int words;   /* of this sitting */
    int sitting;
    mn_block *topic;
    mn_buf clean;
} scene;

/* ---- a turn --------------------------------------------------------------------------------- */
static int end_turn(scene *s) {
    mn_world *w = s->w;
    char ref[32];
    if (s->speaker < 0) return 0;
    mn_buf_clear(&s->clean);
    MN_TRY(mn_book_polish(&w->random, s->turn.data, w->person[s->speaker].human, &s->clean));
    snprintf(ref, sizeof ref, "s%d:%d", s->sitting + 1, mn_sittings(w->h)[s->sitting].n + 1);
    MN_TRY(mn_history_say(w->h, ref, w->person[s->speaker].name, s->clean.data));
    for (const char *p = s->clean.data; *p; p++) s->words += *p == ' ';
    s->words++;
    mn_buf_clear(&s->turn);
    s->speaker = -1;
    return 0;
}

static int begin_turn(scene *s, int speaker) {
    if (s->speaker == speaker) return 0;
    MN_TRY(end_turn(s));
    s->speaker = speaker;
    return 0;
}

static int say(scene *s, const char *pattern, size_t n) {
    if (s->turn.len) MN_TRY(mn_buf_puts(&s->turn, " "));
    return mn_voice_put(&s->voice, pattern, n, &s->turn);
}

static int say_line(scene *s, mn_choice *lines) {
    const char *line = mn_choice_next(lines, &s->w->random);
    return line ? say(s, line, strlen(line)) : 0;
}

static int say_pool(scene *s, const char *name) {
    return say_line(s, &mn_book_find(s->w->book, "pool", name)->tag[MN_BOOK_PLAIN]);
}

static int say_some(scene *s, char tag, int n) {
    for (int i = 0; i < n; i++) MN_TRY(say_line(s, mn_lines_of(s->topic, tag)));
    return 0;
}

/* ---- what is to be said ----------------------------------------------------------------------*/
/* "my sister", "Nora", "my sister Nora" */
static int name_person(scene *s, const mn_person *p, const char **out) {
    const int kind = mn_draw(&s->w->random, 5);
    if (kind == 0) return mn_history_print(s->w->h, out, "my %s", p->role);
    if (kind == 1) return mn_history_print(s->w->h, out, "my %s %s", p->role, p->name);
    *out = p->name;
    return 0;
}

/* What it is about, in few words. */
static int name_topic(scene *s, const mn_saying *it, const char **out) {
    mn_buf b = {0};
    const char *line = mn_lines_of(it->block, 'h')->line[0];
    int rc = mn_voice_put(&s->voice, line, strlen(line), &b);
    if (rc >= 0) rc = mn_history_keep(s->w->h, b.data, out);
    mn_buf_free(&b);
    return rc;
}

/* How many sayings are asked for, how many begin with what they are about, and of how many the
 * other one says that it was heard. */
static const double ASKED = .9, LED = .85, FOLLOWED = .8;
enum { SLOTS = 20 };
static int fill(scene *s, mn_saying *it, mn_slot slot[SLOTS]) {
    mn_world *w = s->w;
    const mn_person *p = &w->person[mn_block_is(it->block, "hop") ? it->by : it->who];
    const char *n = NULL, *whose = NULL, *amount, *your = "your", *topic = NULL;
    if (p->role) {
        MN_TRY(name_person(s, p, &n));
        MN_TRY(mn_history_print(w->h, &whose, "%s's", n));
        MN_TRY(mn_history_print(w->h, &your, "%s's", p->name));
    }
    MN_TRY(mn_history_print(w->h, &amount, "%d", it->amount));
    if (it->tag) MN_TRY(name_topic(s, it, &topic));
    if ((mn_block_is(it->block, "event") || mn_block_is(it->block, "hop")))
        MN_TRY(mn_day_say(w, w->day[it->sitting], it->day, &it->when));
    const mn_slot all[] = {{"h", topic},
                           {"v", it->value},
                           {"old", it->old},
                           {"N", n},
                           {"N's", whose},
                           {"she", p->she ? "she" : "he"},
                           {"She", p->she ? "she" : "he"},
                           {"her", p->she ? "her" : "his"},
                           {"him", p->she ? "her" : "him"},
                           {"when", it->when},
                           {"When", it->when},
                           {"n", amount},
                           {"role", p->role},
                           {"name", p->name},
                           {"whose", whose ? whose : "my"},
                           {"your", your},
                           {NULL, NULL}};
    memcpy(slot, all, sizeof all);
    return 0;
}

/* The turn that is open says it. */
static void mark(const scene *s, mn_saying *it) {
    const int turn = mn_turns_n(s->w->h);
    for (int i = 0; i < it->n_turns; i++)
        if (it->turn[i] == turn) return;
    if (it->n_turns < 3) it->turn[it->n_turns++] = turn;
}

static int holds(const char *part, size_t n, const char *slot) {
    return memmem(part, n, slot, strlen(slot)) != NULL;
}

/* Does this part say what will be asked for? */
static int is_gold(const mn_saying *it, const char *part, size_t n) {
    return !it->tag || holds(part, n, "{v}") || holds(part, n, "{when}") ||
           holds(part, n, "{When}") || (mn_block_is(it->block, "sum") && holds(part, n, "{n}"));
}

/* What changed may have done so before today. */
static int say_since(scene *s, mn_saying *it) {
    mn_world *w = s->w;
    if (it->tag != 'u' || !mn_chance(&w->random, .35)) return 0;
    const int64_t today = w->day[it->sitting], day = today - 1 - mn_draw(&w->random, 12);
    if (day <= mn_sayings(w)[it->before].day) return 0;
    it->day = day;
    MN_TRY(mn_day_say(w, today, day, &it->when));
    const mn_slot slot[] = {{"day", it->when}, {NULL, NULL}};
    const mn_slot *const before = s->voice.slot;
    s->voice.slot = slot;
    const int rc = say_pool(s, "since");
    s->voice.slot = before;
    return rc;
}

/* Its parts, by turns. */
static int say_parts(scene *s, mn_saying *it, const char *pattern) {
    int speaker = it->speaker, depth = 0;
    for (const char *from = pattern, *p = pattern;; p++) {
        depth += (*p == '[') - (*p == ']');
        if (*p && !(*p == '|' && depth == 0)) continue;
        const size_t n = (size_t)(p - from);
        MN_TRY(begin_turn(s, speaker));
        MN_TRY(say(s, from, n));
        if (is_gold(it, from, n)) mark(s, it);
        if (holds(from, n, "{v}")) MN_TRY(say_since(s, it));
        if (!*p) return 0;
        speaker = !speaker;
        from = p + 1 + (p[1] == ' ');
    }
}

/* What it is about is named before it, in other words: by who asks, by who says it, by both, or by
 * nobody. */
static int lead(scene *s, const mn_saying *it, mn_slot *topic) {
    mn_random *r = &s->w->random;
    const int own = mn_block_is(it->block, "relation");
    const int asks = it->tag && mn_chance(r, ASKED), leads = it->tag && mn_chance(r, LED);
    if (asks || (s->speaker == it->speaker && mn_chance(r, .5))) {
        MN_TRY(begin_turn(s, !it->speaker));
        MN_TRY(say_pool(s, s->w->person[!it->speaker].human ? "react" : "echo"));
        if (asks) MN_TRY(say_pool(s, own ? "ask" : "askthat"));
    }
    MN_TRY(begin_turn(s, it->speaker));
    if (leads) {
        if (asks) MN_TRY(name_topic(s, it, &topic->value));
        return say_pool(s, own ? "lead" : "leadthat");
    }
    return mn_chance(r, .25) ? say_pool(s, "turnover") : 0;
}

/* What the other one says to it. */
static int follow(scene *s, const mn_saying *it, mn_slot *topic) {
    if (!it->tag || !mn_chance(&s->w->random, FOLLOWED)) return 0;
    MN_TRY(begin_turn(s, !s->speaker));
    MN_TRY(name_topic(s, it, &topic->value));
    return say_pool(s, mn_block_is(it->block, "relation") ? "follow" : "followthat");
}

static int say_it(scene *s, mn_saying *it) {
    mn_random *r = &s->w->random;
    mn_slot slot[SLOTS];
    mn_choice *lines = it->tag ? mn_lines_of(it->block, it->tag) : &it->block->tag[MN_BOOK_PLAIN];
    MN_TRY(fill(s, it, slot));
    s->voice.slot = slot;
    MN_TRY(lead(s, it, &slot[0]));
    const char *line = mn_choice_next(lines, r);
    int rc = say_parts(s, it, line);
    if (rc >= 0) rc = follow(s, it, &slot[0]);
    s->voice.slot = NULL;
    MN_TRY(rc);
    if (mn_chance(r, .4) && s->w->person[s->speaker].human) MN_TRY(say_some(s, 'm', 1));
    return 0;
}

/* ---- small talk ----------------------------------------------------------------------------- */
static int answer_human(scene *s) {
    /* Tags of the topic, r being an exclamation that fits everywhere. */
    static const char *const ways[] = {"rbq", "mmd", "bd", "iiq", "rmm", "bm"};
    for (const char *p = ways[mn_draw(&s->w->random, 6)]; *p; p++)
        MN_TRY(*p == 'r' ? say_pool(s, "react") : say_some(s, *p, 1));
    return 0;
}

static int answer_assistant(scene *s) {
    MN_TRY(say_pool(s, "echo"));
    if (mn_chance(&s->w->random, .3)) return say_some(s, 'q', 1);
    MN_TRY(say_pool(s, "intro"));
    MN_TRY(say_some(s, 'i', 3 + mn_draw(&s->w->random, 5)));
    return say_pool(s, "outro");
}

/* One more turn of the topic, by whoever has not got the word. */
static int go_on(scene *s) {
    const int speaker = s->speaker == 0;
    MN_TRY(begin_turn(s, speaker));
    return s->w->person[speaker].human ? answer_human(s) : answer_assistant(s);
}

static int new_topic(scene *s) {
    const int speaker = s->w->friends ? mn_draw(&s->w->random, 2) : 0;
    mn_block *const before = s->topic;
    while (s->topic == before || !mn_block_is(s->topic, "topic"))
        s->topic = &s->w->book->block[mn_draw(&s->w->random, s->w->book->n)];
    MN_TRY(begin_turn(s, speaker));
    MN_TRY(say_some(s, 'a', 1));
    return say_some(s, 'm', 1 + mn_draw(&s->w->random, 2));
}

/* ---- a sitting ------------------------------------------------------------------------------ */
/* What is to be said in it, in an order of chance: how many. */
static int due(const mn_world *w, int sitting, int *out, int most) {
    int n = 0;
    for (int i = 0; i < mn_sayings_n(w) && n < most; i++)
        if (mn_sayings(w)[i].sitting == sitting) out[n++] = i;
    for (int i = n - 1; i > 0; i--) {
        const int k = mn_draw((mn_random *)&w->random, i + 1), one = out[i];
        out[i] = out[k];
        out[k] = one;
    }
    return n;
}

static int open_sitting(scene *s) {
    mn_world *w = s->w;
    static const char *const forms[] = {"%d:%02d %s on %s", "%s"};
    const int hour = 7 + mn_draw(&w->random, 16), minute = mn_draw(&w->random, 60);
    char day[32], text[64];
    mn_sitting sit = {.first = mn_turns_n(w->h)};
    mn_day_text(w->day[s->sitting], day);
    if (w->friends)
        snprintf(text, sizeof text, forms[0], (hour + 11) % 12 + 1, minute, hour < 12 ? "am" : "pm",
                 day);
    else
        snprintf(text, sizeof text, "%s %d:%02d", day, hour, minute);
    MN_TRY(mn_history_print(w->h, &sit.id, "s%d", s->sitting + 1));
    MN_TRY(mn_history_keep(w->h, text, &sit.time));
    return mn_buf_append(&w->h->sitting, &sit, sizeof sit);
}

static int sit(scene *s) {
    enum { MOST = 256 };
    int list[MOST];
    mn_world *w = s->w;
    const int n = due(w, s->sitting, list, MOST);
    const int words = (int)(w->plan->words * (.6 + .8 * mn_random_unit(&w->random)));
    MN_TRY(open_sitting(s));
    s->words = 0;
    for (int speaker = 0; speaker < 1 + w->friends; speaker++) {
        MN_TRY(begin_turn(s, speaker));
        MN_TRY(say_pool(s, "greet"));
    }
    for (int i = 0, left = 0; i < n || s->words < words; left--) {
        if (i < n && s->words >= words * i / n)
            MN_TRY(say_it(s, &mn_sayings(w)[list[i++]]));
        else if (left <= 0) {
            MN_TRY(new_topic(s));
            left = 5 + mn_draw(&w->random, 7);
        } else
            MN_TRY(go_on(s));
    }
    MN_TRY(begin_turn(s, 0));
    MN_TRY(say_pool(s, "bye"));
    MN_TRY(begin_turn(s, 1));
    MN_TRY(say_pool(s, "byeback"));
    return end_turn(s);
}

int mn_world_talk(mn_world *w) {
    scene s = {.w = w, .voice = {.book = w->book, .random = &w->random}, .speaker = -1};
    int rc = 0;
    s.topic = mn_book_find(w->book, "topic", "weather");
    for (s.sitting = 0; rc >= 0 && s.sitting < w->plan->sittings; s.sitting++) rc = sit(&s);
    mn_buf_free(&s.turn);
    mn_buf_free(&s.clean);
    return rc;
}
