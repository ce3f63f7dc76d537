/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/skill_known.c - the skills that come with Omnesia, as manifests: what each needs, what it
 * makes true, how long it takes, and the codes it fails with.
 *
 * Planner, monitor and simulated body go by what stands here and have no list of their own. No
 * manifest names bodies: free(robot) is false of who has no hands, and who stands still (speed 0)
 * has no way to anywhere, so the profile of a robot says it better. A thing inside of something
 * closed is within nobody's reach: what has to be opened before is found through in(..) and
 * open(..). A place may be furniture, a thing to put things in, or a robot with a tray.
 *
 *   not_found     the thing is not where it was believed to be
 *   out_of_reach  it is there, but too far from where the robot stands
 *   no_hand       no hand is free          not_held    it is not in a hand of this robot
 *   too_heavy     for what it may carry    no_room     there is no more room there
 *   dropped       it slipped; it lies near where it was, or on the way
 *   closed        what should be open is not
 *   stuck         it does not open, or does not close
 *   refused       the other robot does not take it
 *   blocked       something stands in the way     no_way     no way leads there
 *   battery       too little is left for that
 *   not_seen      nothing could be seen there
 */
#include "fleet/skill.h"

/* JSON as it is written, as a text. */
#define MANIFEST(...) #__VA_ARGS__

/* clang-format off */
const char *const mn_skill_known[] = {
MANIFEST({"name": "navigate",
  "description": "Go to a place, and stand there so that it can be worked at.",
  "inputSchema": {"type": "object", "properties": {
      "place": {"type": "string", "description": "furniture, a room, a door, a thing or a robot"}},
    "required": ["place"], "additionalProperties": false},
  "_meta": {"omnesia/skill": {"needs": [], "makes": ["at(robot, place)"],
    "seconds": 10, "limit": 180, "errors": ["blocked", "no_way", "battery"]}}}),
MANIFEST({"name": "grasp", "description": "Take a thing into a free hand.",
  "inputSchema": {"type": "object", "properties": {
      "thing": {"type": "string", "description": "the object"}},
    "required": ["thing"], "additionalProperties": false},
  "_meta": {"omnesia/skill": {"needs": ["free(robot)", "reaches(robot, thing)"],
    "makes": ["holding(robot, thing)"], "seconds": 3, "limit": 20,
    "errors": ["not_found", "out_of_reach", "no_hand", "too_heavy", "dropped", "closed"],
    "verify": true}}}),
MANIFEST({"name": "place",
  "description": "Put a thing from the hand on or into a place, or onto the tray of a robot.",
  "inputSchema": {"type": "object", "properties": {
      "thing": {"type": "string", "description": "the object in the hand"},
      "place": {"type": "string",
        "description": "furniture, a thing to put things in, or a robot with a tray"}},
    "required": ["thing", "place"], "additionalProperties": false},
  "_meta": {"omnesia/skill": {
    "needs": ["holding(robot, thing)", "reaches(robot, place)", "open(place)"],
    "makes": ["in(thing, place)", "!holding(robot, thing)", "free(robot)"],
    "seconds": 3, "limit": 20,
    "errors": ["not_held", "out_of_reach", "no_room", "dropped", "closed"], "verify": true}}}),
MANIFEST({"name": "hand_over",
  "description": "Give a thing from the hand into a free hand of another robot.",
  "inputSchema": {"type": "object", "properties": {
      "thing": {"type": "string", "description": "the object in the hand"},
      "to": {"type": "string", "description": "the robot that takes it"}},
    "required": ["thing", "to"], "additionalProperties": false},
  "_meta": {"omnesia/skill": {"needs": ["holding(robot, thing)", "reaches(robot, to)", "free(to)"],
    "makes": ["holding(to, thing)", "!holding(robot, thing)", "free(robot)"],
    "seconds": 4, "limit": 30,
    "errors": ["not_held", "out_of_reach", "refused", "too_heavy", "dropped"], "verify": true}}}),
MANIFEST({"name": "open", "description": "Open a door, or furniture that can be closed.",
  "inputSchema": {"type": "object", "properties": {
      "place": {"type": "string", "description": "the door, or the furniture"}},
    "required": ["place"], "additionalProperties": false},
  "_meta": {"omnesia/skill": {"needs": ["free(robot)", "reaches(robot, place)"],
    "makes": ["open(place)"], "seconds": 4, "limit": 30,
    "errors": ["out_of_reach", "no_hand", "stuck"], "verify": true}}}),
MANIFEST({"name": "close", "description": "Close a door, or furniture that can be closed.",
  "inputSchema": {"type": "object", "properties": {
      "place": {"type": "string", "description": "the door, or the furniture"}},
    "required": ["place"], "additionalProperties": false},
  "_meta": {"omnesia/skill": {"needs": ["free(robot)", "reaches(robot, place)"],
    "makes": ["!open(place)"], "seconds": 4, "limit": 30,
    "errors": ["out_of_reach", "no_hand", "stuck"], "verify": true}}}),
MANIFEST({"name": "inspect", "description": "Look at a place, and tell what is there.",
  "inputSchema": {"type": "object", "properties": {
      "place": {"type": "string", "description": "furniture, a door, or a thing"}},
    "required": ["place"], "additionalProperties": false},
  "_meta": {"omnesia/skill": {"needs": ["reaches(robot, place)"], "makes": [],
    "seconds": 2, "limit": 15, "errors": ["out_of_reach", "not_seen"]}}}),
MANIFEST({"name": "wait", "description": "Do nothing for a while.",
  "inputSchema": {"type": "object", "properties": {
      "seconds": {"type": "number", "minimum": 0, "maximum": 3600}},
    "required": ["seconds"], "additionalProperties": false},
  "_meta": {"omnesia/skill": {"needs": [], "makes": [],
    "seconds": 1, "limit": 3660, "errors": []}}}),
MANIFEST({"name": "say", "description": "Say something to the people around.",
  "inputSchema": {"type": "object", "properties": {
      "text": {"type": "string"}},
    "required": ["text"], "additionalProperties": false},
  "_meta": {"omnesia/skill": {"needs": [], "makes": [],
    "seconds": 1, "limit": 60, "errors": []}}}),
NULL};
/* clang-format on */
