#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A robot that washes: it stands at the sink of a kitchen and has a skill of its own.

    omnesia fleet world kitchen.yaml; omnesia fleet brain &
    python3 robot.py &
    omnesia fleet do "wash the plate"
"""
import sys
import time

import omnesia

WASH = {"name": "wash", "description": "Wash a thing.",
        "inputSchema": {"type": "object", "required": ["thing"],
                        "properties": {"thing": {"type": "string"}}},
        "_meta": {"omnesia/skill": {"needs": ["reaches(robot, thing)"],
                                    "makes": ["is(thing, clean)"], "seconds": 2}}}

with omnesia.Region(*sys.argv[1:]) as region, omnesia.Fleet(region) as fleet:
    robot = fleet.join("{name: washer, body: arm, speed: 0}")

    @robot.skill(WASH)
    def wash(call, thing):
        for _ in range(100):  # here the water would run
            if call.stopped:  # somebody stopped or cancelled it: come back within 40 ms
                return call.fail("stopped", f"{thing} is half clean")
            time.sleep(0.02)

    robot.at([3.2, 3.8, 0], battery=1, place="sink")
    robot.run()  # until it is told to leave
