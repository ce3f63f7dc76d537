/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/recover.c - the table of fleet/recover.h: the codes of our skills (skill_known.c), of hosts
 * (skill.h), of robots (robot_do.c), of simulated bodies.
 */
#include "fleet/recover.h"

#include <stddef.h>
#include <string.h>

const char *const mn_recover_names[] = {"",           "looks again",   "tries again",
                                        "waits",      "has it charge", "asks another robot",
                                        "plans anew", "gives up"};

#define LOOK    MN_RECOVER_LOOK
#define AGAIN   MN_RECOVER_AGAIN
#define WAIT    MN_RECOVER_WAIT
#define CHARGE  MN_RECOVER_CHARGE
#define OTHER   MN_RECOVER_OTHER_ROBOT
#define REPLAN  MN_RECOVER_REPLAN
#define GIVE_UP MN_RECOVER_GIVE_UP

const mn_recovery mn_recoveries[] = {
    /* of skills */
    {"not_found", "the thing is not where it was believed to be", {LOOK, REPLAN, OTHER}},
    {"not_seen", "nothing could be seen there", {AGAIN, REPLAN, OTHER}},
    {"out_of_reach", "too far from where the robot stands", {REPLAN, LOOK, OTHER}},
    {"no_hand", "no hand is free", {LOOK, REPLAN, OTHER}},
    {"not_held", "it is not in the robot's hand", {LOOK, REPLAN, OTHER}},
    {"too_heavy", "more than the robot may carry", {OTHER}},
    {"no_room", "no more room there", {WAIT, LOOK, REPLAN, OTHER}},
    {"dropped", "it slipped", {LOOK, AGAIN, REPLAN, OTHER}},
    {"closed", "what should be open is not", {LOOK, REPLAN, OTHER}},
    {"stuck", "it does not open, or does not close", {AGAIN, WAIT, AGAIN, OTHER}},
    {"refused", "the other robot does not take it", {WAIT, AGAIN, REPLAN, OTHER}},
    {"blocked", "something stands in the way", {WAIT, AGAIN, WAIT, REPLAN, OTHER}},
    {"no_way", "no way leads there", {LOOK, REPLAN, OTHER}},
    {"battery", "too little is left", {CHARGE, AGAIN, OTHER}},
    {"failed", "a skill that says no code", {AGAIN, REPLAN, OTHER}},
    /* of hosts */
    {"hung", "it did not end when it was told to", {OTHER}},
    {"crashed", "its program ended", {AGAIN, OTHER}},
    {"no_memory", "its program wanted more memory than there is", {OTHER}},
    {"garbage", "its program answers what is no answer", {AGAIN, OTHER}},
    /* of robots */
    {"precondition", "what it needs is not true", {LOOK, REPLAN, OTHER}},
    {"effect_missing", "it said it had worked, and it had not", {AGAIN, LOOK, OTHER}},
    {"conflict", "what it made does not fit into the scene", {LOOK, REPLAN, OTHER}},
    {"no_skill", "the robot does not have this skill any more", {REPLAN, OTHER}},
    {"timeout", "it took longer than it may", {AGAIN, OTHER}},
    {"lost", "the robot is not there any more", {REPLAN}},
    {"stopped", "somebody stopped the robot", {AGAIN}},
    {"cancelled", "somebody cancelled this step", {AGAIN, REPLAN, GIVE_UP}},
    {"no_person", "who was asked said no", {GIVE_UP}},
    {NULL, "anything else", {AGAIN, REPLAN, OTHER}},
};

mn_recover mn_recover_at(const char *code, int n) {
    const mn_recovery *r = mn_recoveries;
    int last = 0;
    while (r->code && strcmp(r->code, code)) r++;
    while (last + 1 < MN_RECOVER_MOST && r->list[last + 1]) last++;
    return r->list[n < 0 ? 0 : n < last ? n : last];
}
