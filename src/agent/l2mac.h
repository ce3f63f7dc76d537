/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/l2mac.h - writing more than one context holds (L2MAC, arXiv 2310.02003).
 *
 *   registry of instructions   tasks below one root: the model lists its steps, then expands the
 *                              list once; each step builds on the one before
 *   files                      a folder that nobody gets out of (base/jail.h)
 *   control unit               each step has fresh contexts: its instruction, what came of those
 *                              before, the files there are. The model answers with a JSON object:
 *                              read_file, write_file (a whole file), step_complete
 *   evaluator                  a command, in a cage (base/cage.h), in a copy of the folder, after
 *                              each write; what it says goes back to the model
 *
 * A context that gets full is summarised, and the step goes on in a fresh one; so it is when the
 * last 2 to 4 messages repeat those before them, with a nudge. Contexts and answers of a step are
 * counted; when it has had enough of them it has failed, and the next begins. After the last step
 * the check must pass; while it does not, up to MN_L2MAC_REPAIRS steps are added for it.
 *
 * All that is said is a turn of its task before anything is done about it: "fresh" (a context
 * begins with this text), "model" (an answer; "cut": one that the context had no room for), "tool"
 * (what came of it). What an answer asks for can be done twice. So who goes on after a death reads
 * the turns, and does what is next: the same that would have been done. Ours: steps name the file
 * they are about, the files that can be read are an enum, a step that has written nothing cannot
 * end, and one may end while the check fails only if it is not the last, and when the model
 * insists.
 */
#ifndef MN_AGENT_L2MAC_H
#define MN_AGENT_L2MAC_H
#include "agent/task_do.h"
#include "base/jail.h"

enum {
    MN_L2MAC_STEPS = 40, /* the model may plan */
    MN_L2MAC_FRESH = 6,  /* contexts of a step */
    MN_L2MAC_REPAIRS = 2,
    MN_L2MAC_SUMMARY = 300 /* letters */
};

typedef struct mn_l2mac {
    mn_task_call *c; /* c->t: the tree, as it was read last */
    mn_jail *jail;
    int64_t root; /* its number */
    int64_t read, written;
} mn_l2mac;

/* l2mac_kept.c: the state, in the store. The tree of this very call, made when there is none. */
int mn_l2mac_begin(mn_l2mac *w);
int mn_l2mac_look(mn_l2mac *w); /* reads c->t anew */
int mn_l2mac_plan(mn_l2mac *w, const json_t *steps);
int mn_l2mac_mark(mn_l2mac *w, int64_t id, mn_task_status status, const char *text);

/* What was said about a task so far, kept beside the store. */
typedef struct mn_l2mac_turns {
    int64_t id;
    mn_arena arena;
    mn_task_said *said;
    int n, cap;
} mn_l2mac_turns;
int mn_l2mac_hear(mn_l2mac *w, int64_t id, mn_l2mac_turns *out);
int mn_l2mac_say(mn_l2mac *w, mn_l2mac_turns *turns, const char *who, const char *text);

/* l2mac_ask.c: what the model is asked, and the only answers it can give. */
int mn_l2mac_rules(const mn_l2mac *w, mn_buf *out);
int mn_l2mac_list_question(const mn_l2mac *w, mn_buf *out);
int mn_l2mac_expand_question(const mn_l2mac *w, const char *steps, mn_buf *out);
/* summary, nudge: NULL: there is none. check: of mn_l2mac_check, NULL: nothing to check yet. */
int mn_l2mac_question(mn_l2mac *w, int64_t id, const char *summary, const char *check,
                      const char *nudge, mn_buf *out);
extern const char mn_l2mac_list_schema[], mn_l2mac_summary_schema[];
int mn_l2mac_schema(const mn_l2mac *w, int may_end, mn_buf *out);
int mn_l2mac_ask(mn_l2mac *w, const char *schema, const mn_task_said *said, int n, int32_t room,
                 char **answer);
int mn_l2mac_tell(mn_l2mac *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* l2mac_check.c: run it: 1: it passes, or there is none; 0: it does not. `said` is what it says. */
int mn_l2mac_check(mn_l2mac *w, int last, mn_buf *said);

/* l2mac_step.c: one step to its end: 1: it is done; 0: it has failed. */
int mn_l2mac_step(mn_l2mac *w, int64_t id, int last);

#endif
