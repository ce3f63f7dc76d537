/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/skill_way.h - inside of skill_mcp.c: a host of skills that speaks MCP, and the ways its
 * messages go: skill_program.c, skill_http.c.
 */
#ifndef MN_FLEET_SKILL_WAY_H
#define MN_FLEET_SKILL_WAY_H
#include "fleet/skill_talk.h"

typedef struct mn_speaker mn_speaker;
typedef struct mn_skill_way {
    const char *name;
    int (*up)(mn_speaker *h);     /* begin anew: mn_speaker_open is its last */
    void (*down)(mn_speaker *h);  /* at once; what ran is killed, or hung up on */
    int (*gone)(mn_speaker *h);   /* 1: nobody is there any more; asked before a call */
    int (*pump)(mn_speaker *h);   /* take in what has come; 1: there is more; MN_ECORRUPT.. */
    int (*cancel)(mn_speaker *h); /* tell it to stop; 1: no answer can come */
    void (*leave)(mn_speaker *h); /* say goodbye, before down */
    void (*free)(mn_speaker *h);
} mn_skill_way;

struct mn_speaker {
    mn_skill_host host; /* first */
    const mn_skill_way *way;
    void *its; /* the way's own; freed by it */
    mn_talk talk;
    char label[128]; /* what it is called in sentences */
    int fd;          /* readable when pump has something to do; closed by the way */
    int is_up, tried, shake;
    uint64_t seen;  /* talk.changed, as host.changed has it */
    uint64_t began; /* mn_clock_ns when it came up */

    char skill[64]; /* what runs, or is to; "": nothing */
    json_t *args;   /* of what is to run; NULL: it was asked */
    uint64_t until; /* ns of the board */
    double limit;   /* s, the same */
    uint64_t asked; /* mn_clock_ns when it was told to stop; 0: it was not */
    int late;       /* it was told to because it had not ended in time */
    int mute;       /* no answer to that can come */
    int unread;     /* `end` is to be looked at */
    mn_skill_end end;
    char wrong[512], said[1024];
};

enum { MN_SPEAKER_LEAVE = 100 /* ms */ };

/* A host of this way; `its` is taken, also when it fails. It comes up at once. */
int mn_speaker_make(const mn_skill_way *way, void *its, const char *label, int fd,
                    mn_skill_host **out);
int mn_speaker_open(mn_speaker *h, int (*send)(void *user, int64_t id, const char *method,
                                               const char *name, const mn_buf *text));
/* It goes down, for this reason; a call that runs ends with the code. */
int mn_speaker_lost(mn_speaker *h, const char *code, const char *why);
/* It has ended by itself: "crashed" or "no_memory", for `why`; but who was told to stop has done
 * so. words: its last. */
int mn_speaker_crashed(mn_speaker *h, const char *code, const char *why, const char *words);

#endif
