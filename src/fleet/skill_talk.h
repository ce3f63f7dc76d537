/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/skill_talk.h - the Model Context Protocol as its client speaks it: what is to be sent next,
 * and what an answer means. No socket, no process, no clock: transports carry its messages
 * (skill_mcp.c over standard streams, skill_http.c over HTTP), and tests feed it anything.
 *
 * Two eras, as serve/mcp.h has them. Opening asks server/discover in the newer one (2026-07-28);
 * whoever does not know that, or says it has older ones alone, is greeted with `initialize`
 * (2025-11-25; it may agree on any down to 2024-11-05). Who has neither is refused with the
 * versions it named. Then come the tools, page by page, and a subscription to their changes.
 *
 * An answer is hostile until it is read. What is no message of the protocol, or answers what nobody
 * asked, is MN_ECORRUPT: garbage. Answers to questions that were given up are nothing.
 */
#ifndef MN_FLEET_SKILL_TALK_H
#define MN_FLEET_SKILL_TALK_H
#include "fleet/skill.h"

enum { MN_TALK_LINE = 1 << 20, MN_TALK_PAGES = 32, MN_TALK_TEXT = 4096 };

typedef enum mn_talk_state {
    MN_TALK_CLOSED,
    MN_TALK_OPENING, /* which era? */
    MN_TALK_LISTING, /* it is known; the tools are not */
    MN_TALK_READY,
    MN_TALK_REFUSED /* `why` */
} mn_talk_state;

typedef struct mn_talk_way {
    /* Carry a message (one JSON object, no line end). id: of a request; 0: notification or answer.
     * method and name are for the head over HTTP; NULL: none. */
    int (*send)(void *user, int64_t id, const char *method, const char *name, const mn_buf *text);
    void *user;
} mn_talk_way;

typedef struct mn_talk {
    mn_talk_way way;
    mn_talk_state state;
    int now;                                          /* the newer era */
    char version[32];                                 /* agreed on; "" before */
    int64_t last;                                     /* id; the next one is one more */
    int64_t discover, initialize, list, call, listen; /* asked and not answered; 0: none */
    int pages, stale;                                 /* of the list; it has changed meanwhile */
    int tells;                                        /* it can tell of changes */
    mn_skills fresh, skills;                          /* as they come; as they are */
    uint64_t changed;                                 /* how often they were others */
    mn_buf left_out; /* manifests that are none, and why: for people */
    double progress; /* of the call; -1 */
    int ended;       /* the call has; `end` is to be taken */
    mn_skill_end end;
    char code[32], why[512]; /* REFUSED: "version" or "failed", and a sentence */
} mn_talk;

/* Begin; shake: with `initialize` at once. What was known of skills stays until the new list. */
int mn_talk_open(mn_talk *t, const mn_talk_way *way, int shake);
/* server/discover has had no answer for long: greet in the older way, too. */
int mn_talk_shake(mn_talk *t);
/* A message that came, or a list of them. MN_ECORRUPT: garbage; else as `send` fails. */
int mn_talk_take(mn_talk *t, const char *bytes, size_t n);
/* READY, and no call runs. */
int mn_talk_call(mn_talk *t, const char *skill, const json_t *args);
int mn_talk_cancel(mn_talk *t);  /* says so; the call stays asked */
void mn_talk_forget(mn_talk *t); /* the call: whatever comes to it is nothing */
void mn_talk_close(mn_talk *t);  /* nothing is asked any more; the skills stay */
void mn_talk_free(mn_talk *t);
json_t *mn_talk_manifests(const mn_talk *t); /* an array; NULL: no memory */

#endif
