/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/see.h - observations become things; what was becomes answerable.
 *
 * A detection: {"class": "cup", "pose": {..}, "sure": 0.9, "by": "arm1", "t": us, "name": (if it
 * has one), "size": [..]}; class (or a name that is known) and pose it must have; "sure" is 1 and
 * "t" now when they are absent, and of what is seen nobody else knows the size. It is matched to a
 * known thing of its class:
 *
 *   - by its name, wherever that was;
 *   - else by Mahalanobis distance (covariance of both, that of what is known grown with its age:
 *     MN_SEE_DRIFT m^2/s, to MN_SEE_DRIFT_MOST): within the 99 % gate the likeliest (distance + log
 *     of the determinant, so that who may be anywhere does not take what is another's for certain),
 *     greedily over all detections of one call, each thing once; what a robot carries only takes
 *     what is left, and what is in something closed cannot be seen;
 *   - what matches none is a new thing, "cup", "cup_2", .. (below MN_SEE_NEW it is too unsure);
 *     a robot or a piece of furniture never becomes one.
 *
 * A thing's pose is fused (Kalman, position only; it is turned as it was seen last). What a robot
 * carries is not moved by what others see of it. A detection older than what is known moves
 * nothing. A thing that is seen on or in another place than it was is moved there ("moved" by
 * nobody), with a margin, so that what stands on an edge does not jump.
 *
 * How sure we are of a thing halves with every MN_SEE_HALF seconds that it is not seen, and halves
 * again each time its place was looked at and it was not there ("missed" in its "seen"): things
 * grow old, they do not vanish.
 *
 * Junk is refused one by one, the rest counts. Event "seen" {"thing", "by", "at", "sure", "new"}:
 * of what is new, has moved (to another place, or MN_SEE_FAR), or was not seen for MN_SEE_AGAIN
 * seconds: a camera tells much more often than something happens. Event "missed" {"thing", "at"}:
 * when it begins to be.
 */
#ifndef MN_FLEET_SEE_H
#define MN_FLEET_SEE_H
#include "fleet/scene.h"

#define MN_SEE_CLOSE      4e-4    /* m^2: a position of unknown covariance (2 cm) */
#define MN_SEE_DRIFT      1e-4    /* m^2/s: what is not watched wanders (8 cm in a minute) */
#define MN_SEE_DRIFT_MOST 0.25    /* m^2 */
#define MN_SEE_GATE       11.3449 /* chi^2, 3 degrees of freedom, 99 % */
#define MN_SEE_NEW        0.25    /* surer than this to be a new thing */
#define MN_SEE_HALF       3600.0  /* s */
#define MN_SEE_FAR        0.1     /* m */
#define MN_SEE_AGAIN      60      /* s */

enum { MN_SEE_MOST = 512 }; /* detections of a call; more are refused */

typedef struct mn_seeing {
    int known, fresh, refused; /* matched, new, of no use */
    int missed;                /* should have been seen, too */
    char why[256];             /* of the first that was refused; "" */
} mn_seeing;
/* detections: an array, or one. place (NULL: none): what was looked at as a whole. frames (NULL:
 * none): for poses that are not in "map". MN_ENOENT: there is no such place. */
int mn_see(mn_board *b, const mn_frames *frames, const json_t *detections, const char *place,
           mn_seeing *out);
/* The detection of a list that is this thing: by its name; else by its class, of no name. NULL. */
const json_t *mn_seen_find(const json_t *list, const mn_thing *thing);
/* The "seen" of a thing that should have been seen now, and was not. The caller's. */
int mn_see_missed(const mn_thing *thing, int64_t now, json_t **seen);
/* Who is less sure of a thing looks before he counts on it. */
#define MN_SEE_UNSURE 0.5
/* How sure we are of it now: 0 to 1; never 0 of what was seen once. */
double mn_see_sure(const mn_thing *thing, int64_t now);

/* past.c: the log of events answers. "where was the cup", "where was the cup before", "who held the
 * cup", "what did arm1 do", "what was on the table"; as_of: us since 1970, 0: now. In words and as
 * JSON: {"answer", "events": [..]}. */
int mn_past_ask(mn_board *b, const char *question, int64_t as_of, json_t **out);
/* Where a thing was at a moment: the holder, 1; 0: not known yet. */
int mn_past_place(mn_board *b, const char *thing, int64_t as_of, char at[MN_NAME + 1],
                  json_t **event);

#endif
