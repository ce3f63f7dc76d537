/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/past_inside.h - what past*.c share: the log read once more, and where things stayed.
 */
#ifndef MN_FLEET_PAST_INSIDE_H
#define MN_FLEET_PAST_INSIDE_H
#include "fleet/see.h"

/* Each event from the first on, of all machines by time; what is no event is passed over. having
 * (NULL: any): only those whose text has it somewhere. Non-zero of `each` ends it and is
 * returned. */
int mn_past_each(mn_board *b, const char *having, int (*each)(void *user, const json_t *event),
                 void *user);
/* Events of several machines, each in the order in which it told them, by the times at which they
 * happened; those of one machine alone stay as they are. */
int mn_past_order(json_t *events);
/* A text of an event; "". */
const char *mn_past_text(const json_t *event, const char *field);
int64_t mn_past_time(const json_t *event);
/* The place that an event says its thing is at from then on; NULL: it says none; "": it is gone. */
const char *mn_past_says(const json_t *event);

/* A thing was at one place for a while. */
typedef struct mn_stay {
    char at[MN_NAME + 1], how[MN_NAME + 1]; /* how: "" when it was not said */
    char by[MN_NAME + 1];                   /* the robot that brought it; "" */
    int64_t from, until;                    /* us since 1970; from 0: before the log begins; until
                                               INT64_MAX: still */
    json_t *event;                          /* it began with; NULL */
} mn_stay;
typedef struct mn_stays {
    mn_buf list; /* of mn_stay, in the order of time */
    int n;
} mn_stays;
/* All stays of a thing; a thing nobody tells about stays where the scene has it. */
int mn_stays_of(mn_board *b, const mn_scene *s, const char *thing, mn_stays *out);
mn_stay *mn_stays_at(const mn_stays *s, int i);
int mn_stays_find(const mn_stays *s, int64_t t); /* -1: it was not known then, or gone */
void mn_stays_free(mn_stays *s);

/* past_words.c: a question, as far as it is understood. */
enum { MN_PAST_WORDS = 64, MN_PAST_MENTIONS = 8 };
typedef struct mn_question {
    char text[512];
    char *word[MN_PAST_WORDS]; /* in lower case; "" when it is part of a name or a time */
    int n;
    struct {
        char name[MN_NAME + 1];
        int word; /* it begins at */
    } mention[MN_PAST_MENTIONS];
    int n_mentions;
    int64_t as_of; /* the moment it is about */
    int dated;     /* the question says so itself */
} mn_question;
/* names: {how it is written: [name, ..]}. MN_EINVAL: too long, a name that is several; MN_ENOENT:
 * a word that is nobody's, with the names there are. */
int mn_question_read(const char *text, const json_t *names, int64_t now, mn_question *out);
int mn_question_has(const mn_question *q, const char *words); /* one of these, "on|in|at"; its place
                                                                 + 1 */
/* "red_Cup" is written "red cup". */
void mn_past_written(const char *name, char out[MN_NAME + 1]);
/* "10:02:03 UTC, 3 minutes ago" */
int mn_past_moment(mn_buf *out, int64_t t, int64_t now);

#endif
