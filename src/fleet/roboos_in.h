/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/roboos_in.h - what roboos.c (who is there), roboos_link.c (what goes over the wire) and
 * roboos_skill.c (what they do) share.
 */
#ifndef MN_FLEET_ROBOOS_IN_H
#define MN_FLEET_ROBOOS_IN_H
#include "fleet/actors.h"
#include "fleet/roboos.h"

enum {
    ROBOOS_ROBOTS = 64,
    ROBOOS_TOOLS = 64,
    ROBOOS_RECORD = 256 << 10,
    ROBOOS_SILENT = 3, /* s */
    ROBOOS_AWAITED = 512,
    ROBOOS_TOLD = 64,
};

typedef struct roboos_robot {
    mn_skill_host host; /* first */
    mn_roboos *x;
    char name[MN_NAME + 1];
    json_t *tools;     /* as it said them; checked: an array of objects */
    uint64_t hash;     /* of the record */
    uint64_t listens;  /* mn_clock_ns, when somebody was seen to last; 0: never */
    int listed, heard; /* in AGENT_INFO; we are subscribed */
    mn_actor_robot *actor;
    int runs, ended; /* a task is out; `end` is its */
    unsigned tasks;  /* so many were given */
    char id[48];     /* of the task that is out */
    mn_buf sentence; /* and what it was */
    mn_skill_end end;
    char status[128]; /* what it said of itself last */
} roboos_robot;

typedef enum roboos_reply {
    ROBOOS_NOTHING,
    ROBOOS_INFO,
    ROBOOS_LISTEN,
    ROBOOS_STATUS
} roboos_reply;
struct mn_roboos {
    mn_board *b;
    mn_redis_url at;
    mn_redis_line *says, *hears; /* NULL: no link */
    roboos_robot *robot[ROBOOS_ROBOTS];
    int n;
    struct {
        roboos_reply what;
        char name[MN_NAME + 1];
    } awaited[ROBOOS_AWAITED]; /* a ring: replies come in the order of their commands */
    unsigned asked, answered;
    uint64_t moved;             /* mn_clock_ns, of the last reply, or when none was awaited */
    uint64_t again, look, show; /* mn_clock_ns: link, AGENT_INFO, ENVIRONMENT_INFO */
    uint64_t told[ROBOOS_TOLD]; /* hashes of sentences */
    unsigned n_told;
    uint64_t life;
    mn_scene scene;
    int seen;      /* there is a scene */
    json_t *shown; /* {place: text} as it lies in Redis */
};

/* roboos.c. An event, unless it was told since the link came. */
void roboos_tell(mn_roboos *x, const char *robot, const char *text);
roboos_robot *roboos_find(const mn_roboos *x, const char *name); /* NULL */
/* What came. */
void roboos_record(mn_roboos *x, const char *name, const char *text, size_t n);
void roboos_begun(mn_roboos *x, const char *name);

/* roboos_link.c. A command of words, up to NULL; what: of its reply. MN_EFULL: later. */
int roboos_ask(mn_roboos *x, roboos_reply what, const char *name, const char *const *word);
int roboos_link(mn_roboos *x);
void roboos_unlink(mn_roboos *x, const char *why);
/* Take in what came, send what waits. MN_EIO, ..: the link is gone. */
int roboos_carry(mn_roboos *x);
int roboos_hear(mn_roboos *x, const char *command, const char *robot); /* SUBSCRIBE its channel */

/* roboos_skill.c. The tools of a record: MN_EINVAL says what is wrong. */
int roboos_tools_check(const json_t *record, const json_t **tools);
int roboos_profile(const roboos_robot *r, json_t **out);
void roboos_host_init(roboos_robot *r);
void roboos_answer(roboos_robot *r, const char *text, size_t n);
/* What runs has ended: code "" is ok. */
void roboos_end(roboos_robot *r, const char *code, const char *text);

#endif
