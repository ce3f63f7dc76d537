/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge_in.h - the parts of a bridge (bridge*.c), among themselves.
 *
 * A record on the wire: [key, h, e, home, v, value or null, conditions or null]. Conditions are
 * stamps of other keys, [key, h, e, home, v], that must be known before this one counts.
 */
#ifndef MN_FLEET_BRIDGE_IN_H
#define MN_FLEET_BRIDGE_IN_H
#include "fleet/bridge.h"
#include "fleet/state.h"

typedef enum bridge_kind {
    BRIDGE_SIM_THING, /* the truth before what is believed of it */
    BRIDGE_SIM_ROBOT,
    BRIDGE_THING,
    BRIDGE_ROBOT,
    BRIDGE_LEASE,
    BRIDGE_TASK,
    BRIDGE_ASK,
    BRIDGE_STATE, /* never compared: only the newest matters */
    BRIDGE_WANT,  /* from here on: not on the board under that name */
    BRIDGE_CALL,
    BRIDGE_DONE,
    BRIDGE_STOP,
    BRIDGE_CLEAR,
    BRIDGE_BRAIN,
    BRIDGE_LETTER,
    BRIDGE_REPLY,
    BRIDGE_KINDS
} bridge_kind;
typedef struct bridge_sort {
    const char *folder;        /* "thing/", on the wire and on the board */
    const char *holds, *owner; /* of things: the list folder, "" */
    int mirrored;              /* lies on the board as it is */
    int homed;                 /* with the field "home" where that is another machine */
    int kept;                  /* a board that lost it gets it back */
    int by;                    /* its name is MACHINE/NAME, or MACHINE */
} bridge_sort;
extern const bridge_sort bridge_sorts[BRIDGE_KINDS];

typedef struct bridge_stamp {
    uint64_t h, e, v;
    char home[MN_NAME + 1];
} bridge_stamp;

typedef struct bridge_entry {
    char *key;        /* on the wire */
    const char *name; /* of it, behind the folder */
    bridge_kind kind;
    bridge_stamp at; /* the newest that is known */
    json_t *value;   /* as on the wire; NULL: gone */
    json_t *with;    /* conditions; NULL: none */
    uint64_t sum;    /* of the value as text; 0: gone */
    uint64_t local;  /* version on the board that was looked at last; 0: absent */
    uint64_t lies;   /* sum of the value (as on the wire) that lay there; 0: not known */
    uint64_t ticket; /* version of the note about it; 0: none */
    unsigned seen;   /* the look that saw it on the board last */
    int mine, pending, dirty, lost;
    int anew;       /* to be put on the board though it is the same */
    int known;      /* `value` is what the stamp belongs to (not so after a restart, sometimes) */
    uint64_t noted; /* h, in the note about it */
    uint64_t sent;  /* ns of the board */
    uint64_t waits; /* of a call to a robot here: since then it cannot begin; 0: it does not wait */
    uint64_t said;  /* of a call or what was done: what it was said of (bridge_call.c) */
    json_t *part[2]; /* of a robot: its call, and the note about it, as they were read last */
    uint64_t part_version[2];
} bridge_entry;

typedef struct bridge_log { /* of another machine; bridge_events.c */
    char machine[MN_NAME + 1];
    uint64_t id, have, theirs; /* which log; what is here and there goes up to these numbers */
    uint64_t asked;            /* ns of the board; 0: it was not asked */
    int64_t skew;              /* us that its time of day is behind the one here */
    int timed;                 /* skew is known */
} bridge_log;

struct mn_bridge {
    mn_board *b;
    mn_bridge_how how;
    char machine[MN_NAME + 1];
    uint64_t born;        /* the first epoch of this board */
    uint64_t epoch;       /* of this board's life */
    uint64_t self;        /* version of bridge/self */
    bridge_entry **entry; /* by key */
    size_t n, cap;
    unsigned look;
    uint64_t keys; /* a hash of what was on the board at the last look; 0: look again */
    uint64_t looked, compared, listed;
    int up, over, full, raised; /* raised: the epoch, since bridge/self was written */
    json_t *list;               /* keys to be listed are behind this one; NULL: none */
    int say_sum;
    int letters;     /* on this board, at the last look */
    json_t *need;    /* keys, array */
    uint64_t others; /* lives that were told about: the last one */
    uint64_t told;   /* ns, of the last complaint about messages */
    json_t *stop;    /* bridge_stop.c: what was written on the board last: {element: 1} */
    uint64_t stops;  /* its counter */
    uint64_t stop_local;
    uint64_t brain_until,
        brain_shown;        /* bridge_brain.c: of the far one, ns; as it is on the board */
    json_t *brain_lies;     /* the board's "brain" as it was read last; NULL: none */
    uint64_t brain_version; /* of it */
    uint64_t brain_said, brain_heard[2]; /* version; epoch and version */
    bridge_log *log;                     /* bridge_events.c */
    int n_logs;
    uint64_t log_id, log_said; /* of this machine; said up to this number */
    uint64_t log_wanted;       /* who lacks some asks for them from here on.. */
    int log_asked, log_passes; /* ..if that is set; what was told without a link is not said */
    uint64_t watched, patient, fallen; /* bridge_watch.c, ns */
};

/* bridge_table.c */
int bridge_order(const bridge_stamp *a, const bridge_stamp *b); /* < 0: a is older */
bridge_entry *bridge_find(const mn_bridge *g, const char *key); /* NULL */
bridge_entry *bridge_of(const mn_bridge *g, bridge_kind kind, const char *name);
/* Found or made. MN_EFULL; MN_EINVAL: no such key. */
int bridge_make(mn_bridge *g, const char *key, bridge_entry **out);
int bridge_make_of(mn_bridge *g, bridge_kind kind, const char *name, bridge_entry **out);
/* value is taken. */
void bridge_set(bridge_entry *e, json_t *value);
uint64_t bridge_sum_of(const json_t *value);
/* Mine, with another value (taken; NULL: gone): 1 if it is another one; sent then. */
int bridge_say(mn_bridge *g, bridge_entry *e, json_t *value);
json_t *bridge_stamp_write(const char *key, const bridge_stamp *s); /* [key, h, e, home, v] */
int bridge_stamp_read(const json_t *from, const char **key, bridge_stamp *out);
int bridge_is_compared(const bridge_entry *e);            /* between machines */
int bridge_known(const mn_bridge *g, const json_t *with); /* all conditions are */
void bridge_free(mn_bridge *g);
const char *bridge_text(const json_t *of, const char *field); /* never NULL */

/* bridge_names.c: ids of tasks and asks are "t1" at home and "MACHINE.t1" elsewhere. */
void bridge_out_name(const mn_bridge *g, bridge_kind kind, const char *name, char out[256]);
void bridge_in_name(const mn_bridge *g, bridge_kind kind, const char *name, char out[256]);
/* A copy as on the wire, as on this board; what its fields hold is shared. NULL: no memory. */
json_t *bridge_out_value(const mn_bridge *g, bridge_kind kind, const json_t *value);
json_t *bridge_in_value(const mn_bridge *g, const bridge_entry *e);

/* bridge_look.c: what changed on the board. */
int bridge_look(mn_bridge *g);
int bridge_load(mn_bridge *g);
/* mn_bridge_next and mn_bridge_take with messages that are not written and read: values in them are
 * those of the table itself, which nobody changes. */
int bridge_next_json(mn_bridge *g, json_t **message);
int bridge_take_json(mn_bridge *g, const json_t *message);
/* bridge_put.c: what came, onto the board. */
int bridge_put_all(mn_bridge *g);
int bridge_commit(mn_bridge *g, mn_edits *e); /* fenced; 0: somebody was faster, 1: done */
int bridge_note(mn_bridge *g, mn_edits *e, const bridge_entry *of);
/* The thing, or the task, goes to another machine: 1; 0: not now. */
int bridge_give(mn_bridge *g, bridge_entry *thing, const char *to);
/* bridge_brain.c: all of it; the far machine that has the brain, else "" */
int bridge_brains(mn_bridge *g);
const char *bridge_brain(const mn_bridge *g);
int bridge_has_brain(const mn_bridge *g); /* this machine */
int bridge_brain_say(mn_bridge *g, json_t *message);
int bridge_brain_take(mn_bridge *g, const char *from, const json_t *beat);
/* bridge_call.c, bridge_want.c, bridge_stop.c, bridge_watch.c, bridge_letter.c */
int bridge_watch(mn_bridge *g);
int bridge_letters(mn_bridge *g);
/* bridge_events.c: at the beginning; into a message; out of one; when the link is there */
int bridge_events_load(mn_bridge *g);
int bridge_events_say(mn_bridge *g, json_t *message);
int bridge_events_take(mn_bridge *g, const char *from, const json_t *message);
void bridge_events_up(mn_bridge *g);
int bridge_calls(mn_bridge *g);
int bridge_wants(mn_bridge *g);
int bridge_stops(mn_bridge *g);
/* call/ROBOT as it lies here, or (note) bridge/from/ROBOT: 1, borrowed until the next step; 0:
 * there is none, or it is damaged. */
int bridge_robot_part(mn_bridge *g, bridge_entry *robot, int note, json_t **out, uint64_t *version);
/* Names of things that a call to this robot changes; borrowed from both. At most 8. */
int bridge_changes(const json_t *robot, const json_t *call, const char *out[8]);
int bridge_call_active(const json_t *call);

#endif
