/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/skill.h - what a robot can do: manifests of skills, and the hosts that run them.
 *
 * A manifest, in JSON, is an MCP tool whose _meta has more under "omnesia/skill":
 *
 *   {"name": "grasp", "description": "..", "inputSchema": {.. "properties": {"thing": {..}}},
 *    "_meta": {"omnesia/skill": {
 *        "needs": ["free(robot)", "reaches(robot, thing)"],   true before
 *        "makes": ["holding(robot, thing)"],                  true after
 *        "seconds": 3, "limit": 20,                           it takes; it may take
 *        "errors": ["not_found", "dropped"],                  codes it ends with (fleet/recover.h)
 *        "bodies": ["arm", "dual_arm"],                       who can; absent: any
 *        "verify": true}}}                                    what it makes is looked at afterwards
 *
 * A fact is NAME(ARGUMENT, ..), "!" before it: not. Arguments are `robot` (who does it), names of
 * parameters, or words. The names:
 *   at(r, p)       robot r stands where it works at place p
 *   reaches(r, x)  x (thing, place or robot) is within r's reach from where it stands
 *   in(t, p)       thing t is in or on p: a place, or a robot's tray
 *   holding(r, t)  in a hand of r
 *   free(r)        a hand of r is empty
 *   open(p)        false of what is closed; true of what cannot be closed
 *   is(t, word)    anything else that becomes true of a thing: is(cup, clean)
 *
 * A *host* is where skills run: a simulated body (fleet/sim_body.c), a program or server that
 * speaks MCP (fleet/skill_mcp.c), or functions of the embedding program (fleet/skill_call.c). It
 * never blocks: start, then look again and again.
 */
#ifndef MN_FLEET_SKILL_H
#define MN_FLEET_SKILL_H
#include "base/arena.h"
#include "fleet/board.h"

enum {
    MN_SKILLS = 256,
    MN_FACT_ARGS = 3,
    MN_SKILL_FACTS = 8,
    MN_SKILL_PARAMS = 8,
    MN_SKILL_CODES = 16
};

typedef enum mn_fact_name {
    MN_FACT_AT = 1,
    MN_FACT_REACHES,
    MN_FACT_IN,
    MN_FACT_HOLDING,
    MN_FACT_FREE,
    MN_FACT_OPEN,
    MN_FACT_IS
} mn_fact_name;
typedef struct mn_fact {
    mn_fact_name name;
    int not_;
    const char *arg[MN_FACT_ARGS]; /* "robot", a parameter, or a word; NULL: none */
} mn_fact;

typedef struct mn_skill {
    const char *name, *about;
    const json_t *schema; /* of the parameters; borrowed from `json` */
    const char *param[MN_SKILL_PARAMS];
    int n_params;
    mn_fact needs[MN_SKILL_FACTS], makes[MN_SKILL_FACTS];
    int n_needs, n_makes;
    double seconds, limit;
    const char *code[MN_SKILL_CODES], *body[MN_SKILL_CODES];
    int n_codes, n_bodies;
    int verify;
    json_t *json; /* the manifest; owned */
} mn_skill;
typedef struct mn_skills {
    mn_arena arena;
    mn_skill *skill;
    int n;
} mn_skills;

/* skill.c. One more manifest, of any origin: MN_EINVAL names the field; the same name: it takes the
 * place of the old one. Copied. Skills found before may have moved. */
int mn_skills_add(mn_skills *s, const json_t *manifest);
/* One of ours by its name; NULL: all of them. MN_ENOENT. */
int mn_skills_add_known(mn_skills *s, const char *name);
const mn_skill *mn_skills_find(const mn_skills *s, const char *name); /* NULL */
void mn_skills_free(mn_skills *s);
int mn_skill_fits(const mn_skill *s, const char *body); /* 1: who has such a body may have it */
/* Arguments by the schema: types, enums, ranges, what is missing, what is unknown. MN_EINVAL names
 * skill and parameter. NULL is none. */
int mn_skill_args_check(const mn_skill *s, const json_t *args);
int mn_fact_read(mn_arena *a, const char *text, mn_fact *out); /* arguments are the arena's */
int mn_fact_write(const mn_fact *fact, mn_buf *out);           /* as it is read */
const char *mn_fact_word(mn_fact_name name);                   /* "at"; "" */
/* navigate, grasp, place, hand_over, open, close, inspect, wait, say: skill_known.c. */
extern const char *const mn_skill_known[]; /* manifests as JSON; NULL ends */

/* ---- hosts --------------------------------------------------------------------------------- */
typedef struct mn_skill_end {
    int ok;
    /* Of what failed; "" when ok. Ours: "cancelled" and "timeout" (it was told to stop, and has),
     * "hung" (it went on), "crashed", "no_memory" (it wanted more than there is, or it may have),
     * "garbage"; "unknown" (there is no such skill), "arguments"
     * (by its schema), "failed" (it says no code). */
    char code[32];
    mn_buf text;    /* for people */
    json_t *result; /* an object or NULL; "seen": detections (fleet/see.h). Owned */
} mn_skill_end;
void mn_skill_end_free(mn_skill_end *e);
/* Nothing but a code ("" is ok) and a sentence; what it had is freed. */
int mn_skill_end_set(mn_skill_end *e, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

typedef struct mn_skill_host mn_skill_host;
typedef struct mn_skill_host_ops {
    const char *name;
    /* Manifests of what it has now, an array; *changed counts up when it should be asked again. */
    int (*list)(mn_skill_host *h, json_t **manifests);
    /* One at a time: MN_EBUSY until its end was looked at. An unknown skill, wrong arguments, and
     * what else goes wrong with it are told by the end. now: ns of the board. */
    int (*start)(mn_skill_host *h, const char *skill, const json_t *args, uint64_t now);
    /* 1: it has ended, *end is filled; 0: not yet, *again (ns of the board) is when to look again
     * at the latest; *progress (0 to 1, -1: unknown). The host keeps the limit of the manifest.
     * When nothing runs it is 0, too, and takes in what has come. */
    int (*look)(mn_skill_host *h, uint64_t now, uint64_t *again, double *progress,
                mn_skill_end *end);
    void (*cancel)(mn_skill_host *h); /* at once; the end follows, at the latest 50 ms later */
    int (*fd)(mn_skill_host *h);      /* readable when there is something to look at; -1: none */
    void (*close)(mn_skill_host **h); /* what runs is ended first */
    /* What is wrong with it now, in a sentence, borrowed: it does not start, it speaks another
     * version, some manifests are none. "": nothing. NULL: nothing ever is. */
    const char *(*wrong)(mn_skill_host *h);
} mn_skill_host_ops;
struct mn_skill_host {
    const mn_skill_host_ops *ops;
    uint64_t changed;
};

/* Until it has listed its skills, or cannot: for who may wait, at the beginning. 1: they are there;
 * 0: not after so many ms; a failure is what is wrong. */
int mn_skill_host_wait(mn_skill_host *h, int ms);
/* skill_mcp.c: a program on its standard streams (argv ended by NULL), or a server at a URL. Skills
 * are there once it has told them: `changed` counts then. The program has a group of its own, ends
 * with this process, and is started again by the next call after it crashed, hung, or went on 40 ms
 * after it was told to stop. It goes first when the machine runs out of memory. */
int mn_skill_host_program(const char *const *argv, mn_skill_host **out);
/* The same; each of its processes may have so many bytes of memory of its own (RLIMIT_DATA; 0: as
 * many as there are). Who ends for want of them ends with "no_memory" where that can be told. */
int mn_skill_host_limited(const char *const *argv, uint64_t memory, mn_skill_host **out);
int mn_skill_host_url(const char *url, mn_skill_host **out);
/* skill_call.c: functions of this process, each call in a thread of the host. One that was told to
 * stop should come back within 40 ms: who cannot wait any longer gives it up, and nothing else runs
 * there until it is back. Closing waits 2 s for it; `user` must be there for as long as it runs. */
typedef struct mn_skill_call mn_skill_call; /* what runs; given to the function */
int mn_skill_host_calls(mn_skill_host **out);
int mn_skill_host_add(mn_skill_host *calls, const json_t *manifest,
                      int (*run)(void *user, mn_skill_call *call, const json_t *args,
                                 json_t **result),
                      void *user);
int mn_skill_host_stuck(mn_skill_host *calls);        /* 1: one was given up and is not back yet */
int mn_skill_call_stopped(const mn_skill_call *call); /* 1: come back now */
/* So long, or until it is told to stop: then 1. */
int mn_skill_call_sleep(mn_skill_call *call, double seconds);
void mn_skill_call_progress(mn_skill_call *call, double progress); /* 0 to 1 */
/* What went wrong, as `return mn_skill_call_fail(call, "dropped", "it slipped")`. */
int mn_skill_call_fail(mn_skill_call *call, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
