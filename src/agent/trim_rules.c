/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/trim_rules.c - what was said, understood by cue words: the floor, without any model.
 *
 * A text is cut into parts at ends of sentences and where ", and", ", but" or "then" begins another
 * one. A part is, by the first that fits:
 *
 *     a request to undo     undo, go back, revert, roll back, as it was, restore
 *     a request to replace  replace A with B, swap A for B, B instead of A
 *     a question            ends in "?", or begins like one, and asks for no change -> check
 *     news of a task        A is done, finished, failed, cancelled -> update of its status
 *     a change              actually, instead, change, make, move, "A is B" of a task there is
 *     anything else         something new: its name is what is before ":" or "is", or how it begins
 *
 * The task is the one whose slot has all of its words in the part, the longest; "it" is the one
 * that changed last. Where two fit as well, and where none does and one is needed, it is asked
 * back. English only; whoever can tell better gives operations of his own.
 */
#include "agent/trim.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { PART = 1024, PARTS = 16, TITLE_WORDS = 5 };

typedef struct part {
    char text[PART]; /* as it was said, without the mark at its end */
    char low[PART];  /* in lower case */
    int asks;        /* it ended in "?" */
    const mn_tasks *t;
    int root;
} part;

/* ---- cutting ------------------------------------------------------------------------------- */
static const char *const joints[] = {", and then ", ", and also ", ", and ",     ", but ",
                                     ", then ",     " and then ",  " and also ", NULL};

/* Bytes of the first part, and in *gap of what parts it from the next. */
static size_t part_length(const char *s, size_t *gap) {
    for (size_t i = 0; s[i]; i++) {
        const int end = strchr(".!?;\n", s[i]) && (!s[i + 1] || isspace((unsigned char)s[i + 1]));
        if (end || s[i] == '\n') {
            *gap = 1;
            return i;
        }
        for (const char *const *j = joints; *j; j++)
            if (strncasecmp(s + i, *j, strlen(*j)) == 0) {
                *gap = strlen(*j);
                return i;
            }
    }
    *gap = 0;
    return strlen(s);
}

static void trim(char *s) {
    size_t n = strlen(s), from = strspn(s, " \t,\"'-");
    while (n > from && strchr(" \t,\"'.!?;", s[n - 1])) n--;
    memmove(s, s + from, n - from);
    s[n - from] = 0;
}

static void set_part(part *p, const char *s, size_t n) {
    if (n >= PART) n = PART - 1;
    memcpy(p->text, s, n);
    p->text[n] = 0;
    trim(p->text);
    for (size_t i = 0; i <= strlen(p->text); i++)
        p->low[i] = (char)tolower((unsigned char)p->text[i]);
}

/* ---- looking for words --------------------------------------------------------------------- */
static int edge(char c) {
    return !isalnum((unsigned char)c) && c != '\'' && !((unsigned char)c & 0x80);
}

/* Where the phrase stands in the part, whole words; NULL: nowhere. */
static const char *find(const char *low, const char *phrase) {
    const size_t n = strlen(phrase);
    for (const char *at = low; (at = strstr(at, phrase)); at++)
        if ((at == low || edge(at[-1])) && edge(at[n])) return at;
    return NULL;
}

static const char *find_any(const char *low, const char *const *phrases, const char **which) {
    for (; *phrases; phrases++) {
        const char *const at = find(low, *phrases);
        if (at) {
            if (which) *which = *phrases;
            return at;
        }
    }
    return NULL;
}

static int begins(const char *low, const char *const *words) {
    for (; *words; words++) {
        const size_t n = strlen(*words);
        if (strncmp(low, *words, n) == 0 && edge(low[n])) return 1;
    }
    return 0;
}

/* All words of the slot are in the text: how many letters, which is how well it fits. Plurals are
 * as good. */
static int fits(const char *slot, const char *low) {
    int letters = 0;
    while (*slot) {
        char word[64];
        size_t n = 0;
        while (*slot && edge(*slot)) slot++;
        for (; *slot && !edge(*slot); slot++)
            if (n + 1 < sizeof word) word[n++] = (char)tolower((unsigned char)*slot);
        word[n] = 0;
        if (!n) break;
        char plural[sizeof word + 1];
        snprintf(plural, sizeof plural, "%ss", word);
        int there = find(low, word) || find(low, plural);
        if (!there && n > 3 && word[n - 1] == 's') {
            word[n - 1] = 0;
            there = find(low, word) != NULL;
        }
        if (!there) return 0;
        letters += (int)n;
    }
    return letters;
}

/* The task of the tree whose slot fits best; -1: none; -2: two as well. */
static int task_in(const part *p, const char *low) {
    int best = 0, at = -1;
    for (int i = 0; i < p->t->n && p->root >= 0; i++) {
        const mn_task *const one = p->t->node + i;
        if (one->root != p->root || one->replaced >= 0) continue;
        const int n = fits(one->slot, low);
        if (n && n == best) at = -2;
        if (n > best) best = n, at = i;
    }
    return at;
}

/* ---- operations ---------------------------------------------------------------------------- */
static int add(json_t *ops, json_t *op) {
    return op && json_array_append_new(ops, op) == 0
               ? 0
               : MN_FAIL(MN_ENOMEM, "no memory for an operation");
}

static int add_op(json_t *ops, const part *p, const char *intent, int at, const char *text,
                  const char *status) {
    json_t *const op = json_pack("{s:s}", "intent", intent);
    if (op && at >= 0) json_object_set_new(op, "task", json_integer((json_int_t)p->t->node[at].id));
    if (op && text && *text) json_object_set_new(op, "text", json_string(text));
    if (op && status) json_object_set_new(op, "status", json_string(status));
    return add(ops, op);
}

static int ask(json_t *ops, const char *question) {
    return add(ops, json_pack("{s:s, s:s}", "intent", "ask", "text", question));
}

/* Text behind `at` of the lower case, as it was said, tidied up. */
static const char *const fillers[] = {"please",  "actually", "instead", "rather", "maybe",
                                      "perhaps", "though",   "let's",   "lets",   "no",
                                      "sorry",   "well",     "now",     NULL};

static void tidy(char *s) {
    for (int again = 1; again;) {
        again = 0;
        trim(s);
        for (const char *const *f = fillers; *f; f++) {
            const size_t n = strlen(*f), m = strlen(s);
            if (m > n && strncasecmp(s, *f, n) == 0 && edge(s[n]))
                memmove(s, s + n, m - n + 1), again = 1;
            else if (m > n && strcasecmp(s + m - n, *f) == 0 && edge(s[m - n - 1]))
                s[m - n] = 0, again = 1;
        }
    }
}

static void behind(const part *p, const char *at, char out[PART]) {
    snprintf(out, PART, "%s", p->text + (at - p->low));
    tidy(out);
}

static void before(const part *p, const char *from, const char *at, char out[PART]) {
    snprintf(out, PART, "%.*s", (int)(at - from), p->text + (from - p->low));
    tidy(out);
}

static const char *const articles[] = {"the", "a", "an", "my", "our", "some", "we", "i", NULL};

/* A short name: the first words, without an article. */
static void title_of(const char *text, char out[MN_TASK_SLOT]) {
    for (int again = 1; again;) {
        again = 0;
        for (const char *const *a = articles; *a; a++) {
            const size_t n = strlen(*a);
            if (strncasecmp(text, *a, n) == 0 && text[n] == ' ') text += n + 1, again = 1;
        }
    }
    size_t n = 0;
    int words = 0;
    for (; text[n] && n < 60 && words < TITLE_WORDS; n++) words += text[n] == ' ';
    if (words == TITLE_WORDS) n--;
    while (n && ((unsigned char)text[n] & 0xc0) == 0x80) n--; /* whole characters */
    snprintf(out, MN_TASK_SLOT, "%.*s", (int)n, text);
    trim(out);
    if (*out) out[0] = (char)toupper((unsigned char)out[0]);
}

/* ---- the kinds of parts: 1 when it was one ------------------------------------------------- */
static const char *const requests[] = {"can you",  "could you", "would you", "will you", "can we",
                                       "could we", "please",    "let's",     NULL};
static const char *const undo[] = {"undo",
                                   "go back",
                                   "revert",
                                   "roll back",
                                   "rollback",
                                   "as it was",
                                   "restore",
                                   "the way it was",
                                   "take that back",
                                   "back to what",
                                   "back to the previous",
                                   "back to the old",
                                   "never mind that change",
                                   NULL};
static const char *const questions[] = {
    "what",    "which",   "when",   "where",    "who",     "why",   "how",    "is",
    "are",     "was",     "were",   "wasn't",   "weren't", "isn't", "aren't", "do",
    "does",    "did",     "didn't", "don't",    "have",    "has",   "should", "remind me",
    "tell me", "show me", "list",   "wasn't i", NULL};
static const char *const changes[] = {
    "actually", "instead", "change", "make", "move",  "switch", "set",   "rather", "correction",
    "i meant",  "update",  "prefer", "no",   "shift", "raise",  "lower", "push",   NULL};

static int part_undo(const part *p, json_t *ops) {
    if (!find_any(p->low, undo, NULL)) return 0;
    if (p->asks && !begins(p->low, requests)) return 0;
    const int at = task_in(p, p->low);
    if (at == -2) MN_TRY(ask(ops, "Which of them shall go back?"));
    if (at != -2) MN_TRY(add_op(ops, p, "undo", at, NULL, NULL));
    return 1;
}

static int add_replace(const part *p, json_t *ops, int at, const char *text) {
    char slot[MN_TASK_SLOT];
    title_of(text, slot);
    if (!*slot) return 0;
    MN_TRY(add(ops, json_pack("{s:s, s:I, s:s, s:s}", "intent", "replace", "task",
                              (json_int_t)p->t->node[at].id, "slot", slot, "text", "")));
    return 1;
}

static int part_replace(const part *p, json_t *ops) {
    static const char *const verbs[] = {"replace", "swap", "drop", NULL};
    static const char *const withs[] = {"with", "by", "for", "and do", NULL};
    char old[PART], text[PART];
    const char *which, *end;
    const char *from = find_any(p->low, verbs, &which);
    if (from && (end = find_any(from, withs, NULL))) {
        snprintf(old, sizeof old, "%.*s", (int)(end - from), from);
        behind(p, end + strcspn(end, " "), text);
        const int at = task_in(p, old);
        return at < 0 ? 0 : add_replace(p, ops, at, text);
    }
    from = find(p->low, "instead of");
    if (!from) return 0;
    const int at = task_in(p, from);
    if (at < 0) return 0;
    const char *const comma = strchr(from, ',');
    if (comma)
        behind(p, comma, text);
    else
        before(p, p->low, from, text);
    return add_replace(p, ops, at, text);
}

static int part_question(const part *p, json_t *ops) {
    const int wants = begins(p->low, requests) && find_any(p->low, changes, NULL);
    if (wants || (!p->asks && !begins(p->low, questions))) return 0;
    const int at = task_in(p, p->low);
    MN_TRY(add_op(ops, p, "check", at < 0 ? -1 : at, NULL, NULL));
    return 1;
}

static int part_news(const part *p, json_t *ops) {
    static const char *const done[] = {"is done",   "are done",  "is finished", "is complete",
                                       "finished",  "done with", "is ready",    "completed",
                                       "is booked", "is paid",   NULL};
    static const char *const failed[] = {"failed",        "fell through", "is cancelled",
                                         "was cancelled", "did not work", "didn't work",
                                         "is sold out",   "was rejected", NULL};
    const int good = find_any(p->low, done, NULL) != NULL;
    if (!good && !find_any(p->low, failed, NULL)) return 0;
    const int at = task_in(p, p->low);
    if (at == -1) return 0;
    if (at == -2) MN_TRY(ask(ops, "Which of them do you mean?"));
    if (at >= 0) MN_TRY(add_op(ops, p, "update", at, NULL, good ? "done" : "failed"));
    return 1;
}

/* What it is from now on: behind "to", "is", ":" or the slot; else what is left of the part. */
static void value_of(const part *p, int at, char out[PART]) {
    static const char *const to[] = {"should be", "will be", "to be", "is now", "i meant", NULL};
    static const char *const is[] = {"to", "is", "are", "be", NULL};
    const char *which, *from = strchr(p->low, ':');
    if (from && from[1] == ' ') {
        behind(p, from + 1, out);
        return;
    }
    from = find_any(p->low, to, &which);
    if (!from) from = find_any(p->low, is, &which);
    if (from) {
        behind(p, from + strlen(which), out);
        return;
    }
    static const char *const makes[] = {"make it", "make that", "make the",
                                        "make",    "set it to", NULL};
    from = find_any(p->low, makes, &which);
    if (from) {
        behind(p, from + strlen(which), out);
        const size_t n = at >= 0 ? strlen(p->t->node[at].slot) : 0; /* "make the hotel cheaper" */
        if (n && strncasecmp(out, p->t->node[at].slot, n) == 0)
            memmove(out, out + n, strlen(out) - n + 1);
        tidy(out);
        return;
    }
    snprintf(out, PART, "%s", p->text);
    tidy(out);
}

static int part_change(const part *p, json_t *ops) {
    const int cue = find_any(p->low, changes, NULL) != NULL;
    static const char *const is[] = {"is", "are", "should be", NULL};
    const char *const mark = strchr(p->low, ':'), *link = mark ? mark : find_any(p->low, is, NULL);
    char text[PART], head[PART];
    int at = task_in(p, p->low), n;
    if (!cue) { /* "A is B" and "A: B", of a task there is */
        if (!link) return 0;
        snprintf(head, sizeof head, "%.*s", (int)(link - p->low), p->low);
        at = task_in(p, head);
        if (at == -1) return 0;
    }
    if (at == -2) {
        MN_TRY(ask(ops, "Which of them shall be changed?"));
        return 1;
    }
    value_of(p, at, text);
    if (at < 0) at = mn_trim_focus(p->t, p->root, &n);
    MN_TRY(add_op(ops, p, "update", at, text, NULL));
    return 1;
}

/* Words that lead to a task it builds on, or is a part of; they end the rest of the part. */
static const char *tail_of(const part *p, const char *const *cues, int *at) {
    const char *which, *const from = find_any(p->low, cues, &which);
    *at = from ? task_in(p, from + strlen(which)) : -1;
    return *at >= 0 ? from : NULL;
}

static int part_new(const part *p, json_t *ops) {
    static const char *const after[] = {"after",    "once",        "depends on", "builds on",
                                        "based on", "which needs", "needs",      NULL};
    static const char *const under[] = {"under", "as part of", "within", "for", NULL};
    static const char *const leads[] = {"add",       "also",      "we need to",      "we need",
                                        "i need to", "i need",    "i want to",       "i want",
                                        "we want",   "include",   "new task",        "new step",
                                        "then",      "we should", "there should be", NULL};
    static const char *const is[] = {"is", "are", "will be", NULL};
    char rest[PART], slot[MN_TASK_SLOT], text[PART] = "";
    int dep, up;
    const char *end = p->low + strlen(p->low), *which;
    const char *const a = tail_of(p, after, &dep), *const u = tail_of(p, under, &up);
    if (a && a < end) end = a;
    if (u && u < end) end = u;
    before(p, p->low, end, rest);
    part head = {.t = p->t, .root = p->root};
    set_part(&head, rest, strlen(rest));
    for (const char *const *l = leads; *l; l++)
        if (begins(head.low, (const char *const[]){*l, NULL})) {
            snprintf(rest, sizeof rest, "%s", head.text + strlen(*l));
            tidy(rest);
            set_part(&head, rest, strlen(rest));
        }
    const char *mark = strchr(head.low, ':');
    const char *const link = mark ? mark : find_any(head.low, is, &which);
    if (link) {
        behind(&head, link + (mark ? 1 : strlen(which)), text);
        before(&head, head.low, link, rest);
    }
    title_of(rest, slot);
    if (!*slot) return 0;
    json_t *const op = json_pack("{s:s, s:s, s:s}", "intent", "new", "slot", slot, "text", text);
    if (op && up >= 0 && up != dep)
        json_object_set_new(op, "parent", json_integer((json_int_t)p->t->node[up].id));
    if (op && dep >= 0)
        json_object_set_new(op, "deps", json_pack("[I]", (json_int_t)p->t->node[dep].id));
    MN_TRY(add(ops, op));
    return 1;
}

static int part_idle(const part *p, json_t *ops) {
    static const char *const idle[] = {"hi",  "hello", "hey",   "thanks",  "thank you",
                                       "ok",  "okay",  "great", "perfect", "cool",
                                       "bye", "yes",   "good",  NULL};
    (void)ops;
    return !*p->low || (strlen(p->low) < 24 && begins(p->low, idle) && !strchr(p->low, ':'));
}

static int (*const kinds[])(const part *p, json_t *ops) = {
    part_idle, part_undo, part_replace, part_question, part_news, part_change, part_new};

int mn_trim_rules(const mn_tasks *t, int root, const char *said, json_t *ops) {
    size_t gap;
    for (int n = 0; *said && n < PARTS; n++) {
        const size_t length = part_length(said, &gap);
        part p = {.t = t, .root = root, .asks = said[length] == '?'};
        set_part(&p, said, length);
        int took = 0;
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds && !took; k++) {
            took = kinds[k](&p, ops);
            MN_TRY(took);
        }
        said += length + gap;
    }
    if (json_array_size(ops)) return 0;
    return ask(ops, "What shall be done with the plan?");
}
