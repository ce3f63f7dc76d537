/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/see.h - observations become things; what was becomes answerable.
 *
 * A detection: {"class": "cup", "pose": {..}, "sure": 0.9, "by": "arm1", "t": us, "name": (if it
 * has
 * one), "size": [..]}. It is matched to a known thing of the class: the nearest by Mahalanobis
 * distance (covariance of both, grown with the age of what is known) within the 99 % gate, greedily
 * over all detections of one call, each thing once; what matches none is a new thing "cup_2". A
 * thing's pose is fused (Kalman, position only). What is in a robot's hand is not moved by what
 * others see
 * of it. Things that should have been seen (their place was looked at) and were not are less sure;
 * they grow old, they do not vanish.
 */
#ifndef MN_FLEET_SEE_H
#define MN_FLEET_SEE_H
#include "fleet/scene.h"

typedef struct mn_seeing {
    int known, fresh, refused; /* matched, new, of no use */
} mn_seeing;
/* detections: an array, or one. place (NULL: none): what was looked at as a whole. Event "seen". */
int mn_see(mn_board *b, const mn_frames *frames, const json_t *detections, const char *place,
           mn_seeing *out);

/* past.c: the log of events answers. "where was the cup", "where was the cup before", "who held the
 * cup", "what did arm1 do", "what was on the table"; as_of: us since 1970, 0: now. In words and as
 * JSON: {"answer", "events": [..]}. */
int mn_past_ask(mn_board *b, const char *question, int64_t as_of, json_t **out);
/* Where a thing was at a moment: the holder, 1; 0: not known yet. */
int mn_past_place(mn_board *b, const char *thing, int64_t as_of, char at[MN_NAME + 1],
                  json_t **event);

#endif
