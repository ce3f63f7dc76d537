/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/goals_read.c - English as goals: clauses of a verb, nouns, and places behind prepositions.
 *
 *     text:   clause, again and again; between them ".", "," "and", "then" (the next stage)
 *     clause: VERB nouns [from PLACE] [PREPOSITION PLACE]; the verb may be left out when it is the
 *             same ("put the cup on the table and the apple in the bowl")
 *     nouns:  noun ("," | "and") noun ..; noun: see goals_noun.c; "it", "them": those before
 *
 * Of several prepositions the last says where to; the ones before say which ("put everything on the
 * table in the box"). A verb that is a skill's name, or what one makes true, makes it so.
 */
#include "fleet/goals.h"

#include "base/error.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

typedef enum verb { NO_VERB, PUT, TAKE, OPEN, CLOSE, MAKE, SAY, WORK } verb;
typedef struct reader {
    mn_said w;
    mn_goals *g;
    verb verb;
    const char *work;   /* of WORK: what it becomes */
    mn_noun last;       /* "it", "them" */
    const char *it;     /* the last place */
    int stage, pending; /* pending: taken, but nobody has said yet where to */
} reader;

static const struct {
    const char *word;
    verb verb;
} verbs[] = {
    {"put", PUT},   {"place", PUT},   {"set", PUT},   {"lay", PUT},      {"bring", PUT},
    {"move", PUT},  {"carry", PUT},   {"drop", PUT},  {"deliver", PUT},  {"transport", PUT},
    {"stack", PUT}, {"return", PUT},  {"give", PUT},  {"hand", PUT},     {"send", PUT},
    {"drive", PUT}, {"take", TAKE},   {"get", TAKE},  {"fetch", TAKE},   {"pick", TAKE},
    {"grab", TAKE}, {"remove", TAKE}, {"open", OPEN}, {"close", CLOSE},  {"shut", CLOSE},
    {"make", MAKE}, {"say", SAY},     {"tell", SAY},  {"announce", SAY}, {"collect", TAKE},
};

static int is_any(const reader *r, int at, const char *const *list) {
    for (int i = 0; list[i]; i++)
        if (mn_said_is(&r->w, at, list[i])) return 1;
    return 0;
}

/* What `word` makes true of a thing, by some robot's skill: its literal word; NULL. */
static const char *work_of(const mn_scene *s, const char *word, int skills) {
    for (int i = 0; i < s->n_robots; i++) {
        const mn_skills *all = &s->robot[i].skills;
        for (int k = 0; k < all->n; k++)
            for (int m = 0; m < all->skill[k].n_makes; m++) {
                const mn_fact *f = all->skill[k].makes + m;
                if (f->name != MN_FACT_IS || f->not_) continue;
                if (!strcmp(f->arg[1], word) || (skills && !strcmp(all->skill[k].name, word)))
                    return f->arg[1];
            }
    }
    return NULL;
}

static verb verb_at(const reader *r, int at, const char **work) {
    if (at >= r->w.n || r->w.quoted[at]) return NO_VERB;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(verbs[i].word, r->w.word[at])) return verbs[i].verb;
    *work = work_of(r->w.s, r->w.word[at], 1);
    return *work ? WORK : NO_VERB;
}

/* ---- words ---------------------------------------------------------------------------------- */
static int take_word(reader *r, const char *from, size_t n, int quoted) {
    mn_said *w = &r->w;
    char *copy;
    if (w->n == MN_WORDS) return MN_FAIL(MN_ETOOLONG, "a task has at most %d words", MN_WORDS);
    MN_TRY(mn_arena_take(&r->g->arena, n + 1, &copy));
    memcpy(copy, from, n);
    w->as[w->n] = copy;
    w->quoted[w->n] = (char)quoted;
    return mn_said_plain(r->g, copy, &w->word[w->n++]);
}

static int split(reader *r, const char *text) {
    for (const char *p = text; *p;) {
        size_t n = 1;
        const char *end = *p == '"' ? strchr(p + 1, '"') : NULL;
        if (end) {
            MN_TRY(take_word(r, p + 1, (size_t)(end - p) - 1, 1));
            n = (size_t)(end - p) + 1;
        } else if (strchr(".,;!?:", *p)) {
            MN_TRY(take_word(r, *p == ',' ? "," : *p == ':' ? ":" : ".", 1, 0));
        } else if (!strchr(" \t\r\n()\"", *p)) {
            while (p[n] && !strchr(" \t\r\n()\",;!?:", p[n]) &&
                   !(p[n] == '.' && (!p[n + 1] || strchr(" \t\r\n", p[n + 1]))))
                n++;
            MN_TRY(take_word(r, p, n, 0));
        }
        p += n;
    }
    return 0;
}

/* ---- nouns and places ----------------------------------------------------------------------- */
static const char *const sources[] = {"from", "off", "out", NULL};
static const char *const toward[] = {"to",     "on", "onto", "in", "into",
                                     "inside", "at", "upon", NULL};

static int is_preposition(const reader *r, int at) {
    return is_any(r, at, sources) || is_any(r, at, toward);
}

static int skip_preposition(reader *r) {
    const int source = is_any(r, r->w.at, sources);
    r->w.at++;
    if (mn_said_is(&r->w, r->w.at, "top")) r->w.at++;
    while (mn_said_is(&r->w, r->w.at, "of") || is_any(r, r->w.at, toward)) r->w.at++;
    return source;
}

/* One place: furniture, a room, a thing that can hold, a robot, "it". */
static int read_place(reader *r, const char **out) {
    mn_noun noun;
    if (mn_said_is(&r->w, r->w.at, "it") || mn_said_is(&r->w, r->w.at, "there") ||
        mn_said_is(&r->w, r->w.at, "them")) {
        if (!r->it) return MN_FAIL(MN_EINVAL, "'%s': no place was named before", r->w.as[r->w.at]);
        r->w.at++;
        *out = r->it;
        return 0;
    }
    const int rc = mn_noun_read(&r->w, 0, &noun);
    if (rc <= 0) return rc < 0 ? rc : mn_said_unknown(&r->w);
    if (noun.count > 1 || (noun.count < 0 && noun.n > 1))
        return MN_FAIL(MN_EINVAL, "'%s' are several places: say which one", noun.said);
    if (noun.count < 0) noun.count = 1;
    MN_TRY(mn_noun_pick(&r->w, &noun, NULL));
    *out = r->it = noun.name[0];
    return 0;
}

/* A word that ends the nouns of a clause and begins something else. */
static int ends_clause(const reader *r, int at) {
    const char *work;
    while (mn_said_is(&r->w, at, "and") || mn_said_is(&r->w, at, ",")) at++;
    return at >= r->w.n || mn_said_is(&r->w, at, ".") || mn_said_is(&r->w, at, "then") ||
           verb_at(r, at, &work) != NO_VERB;
}

typedef struct clause {
    mn_noun noun[16];
    int n;
    const char *to; /* NULL: not said */
} clause;

static void filter(const reader *r, clause *c, int from, const char *place) {
    for (int i = from; i < c->n; i++) mn_noun_within(r->w.s, c->noun + i, place);
}

/* Nouns, each with what says from where. */
static int read_nouns(reader *r, clause *c, int objects) {
    static const char *const before[] = {"it", "them", "they", NULL};
    for (;;) {
        if (c->n == 16) return MN_FAIL(MN_EINVAL, "a list has at most 16 nouns; say it in two");
        if (is_any(r, r->w.at, before)) {
            if (!r->last.n)
                return MN_FAIL(MN_EINVAL, "'%s': nothing was named before", r->w.as[r->w.at]);
            c->noun[c->n++] = r->last;
            r->w.at++;
        } else {
            int rc = mn_noun_read(&r->w, objects, &c->noun[c->n]);
            if (!rc && objects) rc = mn_noun_read(&r->w, 0, &c->noun[c->n]);
            if (rc <= 0) return rc < 0 ? rc : mn_said_unknown(&r->w);
            c->n++;
        }
        static const char *const which[] = {"that",  "which",    "are", "is",
                                            "lying", "standing", NULL};
        while (is_any(r, r->w.at, which)) r->w.at++;
        if (is_any(r, r->w.at, sources)) {
            const char *place;
            skip_preposition(r);
            MN_TRY(read_place(r, &place));
            filter(r, c, c->n - 1, place);
        }
        const int at = r->w.at;
        while (mn_said_is(&r->w, r->w.at, ",") || mn_said_is(&r->w, r->w.at, "and")) r->w.at++;
        if (r->w.at == at || ends_clause(r, at)) {
            r->w.at = at;
            return 0;
        }
    }
}

/* Places behind prepositions: the last one is where to, unless `only` (no verb of moving). */
static int read_places(reader *r, clause *c, int only) {
    static const char *const nothing[] = {"back", "down", "up", "away", "over", NULL};
    const char *before = NULL;
    for (;;) {
        while (is_any(r, r->w.at, nothing)) r->w.at++;
        if (!is_preposition(r, r->w.at)) break;
        const int source = skip_preposition(r);
        const char *place;
        MN_TRY(read_place(r, &place));
        if (source || only) {
            filter(r, c, 0, place);
            continue;
        }
        if (before) filter(r, c, 0, before);
        before = place;
    }
    c->to = before;
    return 0;
}

/* A piece of furniture in a room, to put things there: one that cannot be closed, first. */
static const char *surface(const mn_scene *s, const char *room) {
    const mn_thing *best = NULL;
    for (int i = 0; i < s->n_things; i++) {
        const mn_thing *t = s->thing + i;
        if (t->kind != MN_FURNITURE || strcmp(t->at, room) != 0) continue;
        if (!best || (best->open >= 0 && t->open < 0)) best = t;
    }
    return best ? best->name : NULL;
}

/* ---- clauses -------------------------------------------------------------------------------- */
static int goal(reader *r, mn_fact_name name, int not_, const char *a, const char *b) {
    return mn_goals_add(r->g, &(mn_fact){.name = name, .not_ = not_, .arg = {a, b}}, r->stage);
}

static int put_goals(reader *r, clause *c) {
    const mn_scene *s = r->w.s;
    const mn_thing *place = mn_scene_thing(s, c->to);
    const mn_robot_seen *who = mn_scene_robot(s, c->to);
    const char *to = c->to;
    if (place && place->kind == MN_ROOM) to = surface(s, c->to);
    r->last.n = 0;
    for (int i = 0; i < c->n; i++) {
        MN_TRY(mn_noun_pick(&r->w, c->noun + i, to));
        for (int k = 0; k < c->noun[i].n; k++) {
            const char *one = c->noun[i].name[k];
            const mn_thing *t = mn_scene_thing(s, one);
            if (r->last.n < MN_NOUNS) r->last.name[r->last.n++] = one;
            if (!t) {
                MN_TRY(goal(r, MN_FACT_AT, 0, one, c->to));
                continue;
            }
            if (t->kind != MN_OBJECT_KIND)
                return MN_FAIL(MN_EINVAL, "the %s is %s: it stays where it is", one,
                               mn_thing_kinds[t->kind]);
            if (!to || (place && place->kind == MN_DOOR))
                return MN_FAIL(MN_EINVAL, "nothing can be put on or into %s", c->to);
            if (!strcmp(one, to)) return MN_FAIL(MN_EINVAL, "the %s cannot be put on itself", one);
            const int hand = who && !who->room_for;
            MN_TRY(hand ? goal(r, MN_FACT_HOLDING, 0, to, one) : goal(r, MN_FACT_IN, 0, one, to));
        }
    }
    r->last.count = -1, r->last.said = "them";
    return 0;
}

static int move_clause(reader *r) {
    static const char *const nothing[] = {"up", "down", "back", "away", NULL};
    clause c = {.n = 0};
    while (is_any(r, r->w.at, nothing)) r->w.at++;
    MN_TRY(read_nouns(r, &c, 1));
    MN_TRY(read_places(r, &c, 0));
    if (!c.to && r->verb == TAKE) { /* "take the cup and put it .." */
        for (int i = 0; i < c.n; i++) MN_TRY(mn_noun_pick(&r->w, c.noun + i, NULL));
        r->last = c.noun[0];
        for (int i = 1; i < c.n; i++)
            for (int k = 0; k < c.noun[i].n && r->last.n < MN_NOUNS; k++)
                r->last.name[r->last.n++] = c.noun[i].name[k];
        r->last.count = -1;
        r->pending = 1;
        return 0;
    }
    if (!c.to)
        return MN_FAIL(MN_EINVAL, "where is the %s to be put? Say 'to', 'on' or 'in' and a place",
                       c.noun[0].said);
    r->pending = 0;
    return put_goals(r, &c);
}

/* "close everything (again)", "close what was opened". */
static int is_close_all(reader *r) {
    static const char *const all[] = {"everything", "what", "up", "all", NULL};
    if (r->verb != CLOSE || !is_any(r, r->w.at, all)) return 0;
    if (mn_said_is(&r->w, r->w.at, "all") && !ends_clause(r, r->w.at + 1)) return 0;
    while (r->w.at < r->w.n && !mn_said_is(&r->w, r->w.at, ".") &&
           !mn_said_is(&r->w, r->w.at, ",") && !mn_said_is(&r->w, r->w.at, "and"))
        r->w.at++;
    r->g->close = 1;
    return 1;
}

static int open_clause(reader *r) {
    clause c = {.n = 0};
    if (is_close_all(r)) return 0;
    if (mn_said_is(&r->w, r->w.at, "it") && r->it) {
        r->w.at++;
        c.noun[c.n++] = (mn_noun){.name = {r->it}, .n = 1, .count = 1, .said = r->it};
    } else
        MN_TRY(read_nouns(r, &c, 0));
    MN_TRY(read_places(r, &c, 1));
    for (int i = 0; i < c.n; i++) {
        MN_TRY(mn_noun_pick(&r->w, c.noun + i, NULL));
        for (int k = 0; k < c.noun[i].n; k++) {
            const mn_thing *t = mn_scene_thing(r->w.s, c.noun[i].name[k]);
            if (!t || t->open < 0)
                return MN_FAIL(MN_EINVAL, "%s is nothing that can be opened or closed",
                               c.noun[i].name[k]);
            MN_TRY(goal(r, MN_FACT_OPEN, r->verb == CLOSE, t->name, NULL));
            r->it = t->name;
        }
        r->last = c.noun[i];
        r->last.count = -1;
    }
    return 0;
}

static int unknown_word(const reader *r, const char *word) {
    mn_buf can = {0};
    for (int i = 0; i < r->w.s->n_robots; i++)
        for (int k = 0; k < r->w.s->robot[i].skills.n; k++) {
            const mn_skill *one = r->w.s->robot[i].skills.skill + k;
            for (int m = 0; m < one->n_makes; m++) {
                const mn_fact *f = one->makes + m;
                if (f->name != MN_FACT_IS || (can.data && strstr(can.data, f->arg[1]))) continue;
                mn_buf_printf(&can, "%s%s", can.len ? ", " : "", f->arg[1]);
            }
        }
    const int rc = MN_FAIL(MN_EINVAL, "no robot's skills make anything '%.80s'; they make it: %s",
                           word, can.data ? can.data : "nothing (there is no such skill)");
    mn_buf_free(&can);
    return rc;
}

static int work_clause(reader *r) {
    clause c = {.n = 0};
    const char *word = r->work;
    MN_TRY(read_nouns(r, &c, 0));
    MN_TRY(read_places(r, &c, 1));
    if (r->verb == MAKE) {
        if (r->w.at >= r->w.n) return unknown_word(r, "");
        word = work_of(r->w.s, r->w.word[r->w.at], 0);
        if (!word) return unknown_word(r, r->w.as[r->w.at]);
        r->w.at++;
    }
    r->last.n = 0;
    for (int i = 0; i < c.n; i++) {
        MN_TRY(mn_noun_pick(&r->w, c.noun + i, NULL));
        for (int k = 0; k < c.noun[i].n; k++) {
            if (!mn_scene_thing(r->w.s, c.noun[i].name[k]))
                return MN_FAIL(MN_EINVAL, "%s is a robot: it cannot be made '%s'",
                               c.noun[i].name[k], word);
            MN_TRY(goal(r, MN_FACT_IS, 0, c.noun[i].name[k], word));
            if (r->last.n < MN_NOUNS) r->last.name[r->last.n++] = c.noun[i].name[k];
        }
    }
    r->last.count = -1, r->last.said = "them";
    return 0;
}

static int say_clause(reader *r) {
    static const char *const nothing[] = {"me", "us", "them", "that", ":", NULL};
    mn_buf text = {0};
    while (is_any(r, r->w.at, nothing)) r->w.at++;
    if (r->w.at < r->w.n && r->w.quoted[r->w.at])
        return mn_goals_text(r->g, r->w.as[r->w.at++], &r->g->say);
    int rc = 0;
    for (; r->w.at < r->w.n && !mn_said_is(&r->w, r->w.at, ".") && rc >= 0; r->w.at++)
        rc = mn_buf_printf(&text, "%s%s", text.len ? " " : "", r->w.as[r->w.at]);
    if (rc >= 0)
        rc = text.len ? mn_goals_text(r->g, text.data, &r->g->say)
                      : MN_FAIL(MN_EINVAL, "what is to be said? Say it between quotation marks");
    mn_buf_free(&text);
    return rc;
}

/* What stands between clauses. 1: a sentence ended, a verb has to follow. */
static int skip_between(reader *r) {
    static const char *const next[] = {"then", "afterwards", "finally", "next", "later", NULL};
    int ended = 0;
    for (;; r->w.at++) {
        const int after =
            mn_said_is(&r->w, r->w.at, "after") &&
            (mn_said_is(&r->w, r->w.at + 1, "that") || mn_said_is(&r->w, r->w.at + 1, "this"));
        if (after || is_any(r, r->w.at, next)) {
            r->w.at += after;
            if (r->g->n && r->g->stage[r->g->n - 1] == r->stage) r->stage++;
        } else if (mn_said_is(&r->w, r->w.at, "."))
            ended = 1;
        else if (!mn_said_is(&r->w, r->w.at, ",") && !mn_said_is(&r->w, r->w.at, "and") &&
                 !mn_said_is(&r->w, r->w.at, "again") && !mn_said_is(&r->w, r->w.at, "to")) {
            const int at = r->w.at;
            mn_said_skip(&r->w);
            if (r->w.at == at) return ended;
            r->w.at--;
        }
    }
}

static int read_clause(reader *r, int ended) {
    const char *work = NULL;
    const verb v = verb_at(r, r->w.at, &work);
    if (v == NO_VERB && (ended || r->verb == NO_VERB))
        return MN_FAIL(MN_EINVAL,
                       "'%.80s' is no verb that is understood: put, bring, move, take, open, "
                       "close, make, say, send, and what skills do",
                       r->w.as[r->w.at]);
    if (v != NO_VERB) {
        r->verb = v;
        r->work = work;
        r->w.at++;
    }
    switch (r->verb) {
    case OPEN:
    case CLOSE: return open_clause(r);
    case MAKE:
    case WORK: return work_clause(r);
    case SAY: return say_clause(r);
    default: return move_clause(r);
    }
}

static int read_all(reader *r, const char *text) {
    MN_TRY(split(r, text));
    int ended = 1, clauses = 0;
    for (;; clauses++) {
        ended |= skip_between(r);
        if (r->w.at >= r->w.n) break;
        const int at = r->w.at;
        MN_TRY(read_clause(r, ended));
        ended = 0;
        if (r->w.at == at) return MN_FAIL(MN_EINVAL, "'%.80s' is not understood here", r->w.as[at]);
    }
    if (!clauses) return MN_FAIL(MN_EINVAL, "the task is empty: say what is to be done");
    if (r->pending)
        return MN_FAIL(MN_EINVAL, "where is the %s to be taken? Say 'to', 'on' or 'in' and a place",
                       r->last.said);
    return 0;
}

int mn_goals_read(const mn_scene *s, const char *text, mn_goals *out) {
    *out = (mn_goals){.arena = {.limit = 1 << 20, .what = "the goals of a task"}};
    reader *r;
    int rc = mn_utf8_check("the task", text, strlen(text));
    if (rc >= 0) rc = mn_arena_take(&out->arena, sizeof *r, &r);
    if (rc >= 0) {
        r->w.s = s;
        r->w.goals = r->g = out;
        rc = read_all(r, text);
    }
    if (rc < 0) mn_goals_free(out);
    return rc;
}
