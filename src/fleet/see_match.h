/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/see_match.h - the parts of seeing: a detection as it was read, which thing it is, and where
 * that lies. Pure: nothing here changes the board. For fleet/see.c and its tests.
 */
#ifndef MN_FLEET_SEE_MATCH_H
#define MN_FLEET_SEE_MATCH_H
#include "fleet/see.h"

enum { MN_SEEN_NEW = -1, MN_SEEN_REFUSED = -2, MN_SEEN_FIXED = -3 };

typedef struct mn_detection {
    char class_[MN_NAME + 1], name[MN_NAME + 1], by[MN_NAME + 1]; /* "": none */
    mn_pose pose; /* in "map", its covariance known */
    int turned;   /* it says how it is turned */
    double size[3], sure;
    int64_t t;
    int thing;     /* of the scene, by place; or MN_SEEN_NEW, _REFUSED, _FIXED (furniture) */
    char why[200]; /* it was refused */
} mn_detection;

/* see_read.c. now: us since 1970; what claims to be later by more than 5 s is refused. */
int mn_detection_read(const json_t *json, const mn_frames *frames, int64_t now, mn_detection *out);

/* see_match.c. Fills `thing` of all that are not refused, and may refuse more. MN_ENOMEM. */
int mn_see_match(const mn_scene *s, mn_detection *d, int n);
int mn_see_is_class(const mn_thing *t, const char *class_); /* or it is also called so */
/* Where a thing is believed to be at time t, in "map", its covariance grown: 1; 0: unknown. */
int mn_see_known(const mn_scene *s, const mn_thing *thing, int64_t t, mn_pose *out);
/* d' s^-1 d for d = pa - pb and s = a + b; *unlikely (may be NULL): that + log det s. */
double mn_see_distance(const mn_pose *a, const mn_pose *b, double *unlikely);
/* Kalman: known becomes what both say together. */
void mn_see_fuse(mn_pose *known, const mn_pose *seen);

/* see_where.c. The place that something at p lies on or in: the one it is in now, if it may still
 * be; else the lowest it can have fallen on; else a room; NULL: nowhere that is known. */
const mn_thing *mn_see_place(const mn_scene *s, const mn_thing *now, const double p[3]);

#endif
