# SPDX-License-Identifier: Apache-2.0
"""Fleets: robots that share one world. docs/FLEET.md tells what there is.

    with omnesia.Region() as region, omnesia.Fleet(region) as fleet:
        robot = fleet.join("name: arm1\nbody: arm\n")

        @robot.skill("grasp")
        def grasp(call, thing):
            if not gripper.close():
                call.fail("not_found", f"there is no {thing}")

        robot.run()
"""
from __future__ import annotations

import ctypes
import json
from ctypes import byref, c_double, c_void_p
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, Iterable, Sequence

from . import _abi
from ._abi import lib
from ._handle import Handle, utf8, words
from .errors import CancelledError, Error, check

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from .region import Region

_SLICE = 0.25  # seconds that a robot runs at once, so that Ctrl-C and leave() are heard
Tell = Callable[[Any], Any]


def _code(error: BaseException) -> int:
    return error.code if isinstance(error, Error) else -3  # MN_EIO


class SkillCall:
    """What runs: given to the function of a skill, as its first argument."""

    def __init__(self, pointer: Any) -> None:
        self._pointer = pointer
        self._failed = 0
        self._told = False

    @property
    def stopped(self) -> bool:
        """Come back now: within 40 ms. Once it was true, what was done does not count as done."""
        self._told = self._told or bool(lib.mn_skill_stopped(self._pointer))
        return self._told

    def seen(self, *detections: dict[str, Any]) -> None:
        """What was seen meanwhile: {"class", "pose": {"frame", "p"}, "sure", ..}."""
        check(lib.mn_skill_seen(self._pointer, json.dumps(detections).encode()))

    def fail(self, code: str, why: str) -> None:
        """It went wrong: which code, and why. The function should return then."""
        self._failed = int(lib.mn_skill_fail(self._pointer, utf8("the code", code),
                                             utf8("the reason", why)))


class Robot:
    """A robot of this process; made by Fleet.join()."""

    def __init__(self, fleet: Handle, profile: str) -> None:
        self._kept: list[Any] = []  # callbacks, for as long as the library may call them
        text = utf8("the profile", profile)
        handle = Handle("the robot", "mn_robot_leave", fleet)
        handle.open(lambda out: int(lib.mn_robot_join(fleet._pointer, text, out)))
        self._handle = handle

    def skill(self, manifest: str | dict[str, Any],
              function: Callable[..., Any] | None = None) -> Callable[..., Any]:
        """It can do this: the name of a skill that comes with Omnesia, or a manifest, and the
        function that does it, called in a thread of its own with a SkillCall and its arguments by
        name. Without a function it is a decorator."""
        if function is None:
            return lambda given: self.skill(manifest, given)
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)

        def run(_user: object, pointer: Any, args: bytes) -> int:
            call = SkillCall(pointer)
            try:
                function(call, **json.loads(args))
            except BaseException as error:  # pylint: disable=broad-except
                lib.mn_skill_fail(pointer, b"crashed", utf8("why", repr(error).replace("\0", "")))
                return _code(error)
            if call._told and not call._failed:
                call.fail("cancelled", "it was told to stop")
            return call._failed

        callback = _abi.SkillRun(run)
        with self._handle as robot:
            check(lib.mn_robot_skill(robot, utf8("the manifest", text), callback, None))
        self._kept.append(callback)
        return function

    def program(self, argv: Sequence[str]) -> None:
        """Skills of a program that speaks MCP on its standard streams."""
        array = (ctypes.c_char_p * (len(argv) + 1))(*[utf8("a word", word) for word in argv], None)
        with self._handle as robot:
            check(lib.mn_robot_program(robot, array))

    def at(self, position: Iterable[float], turn: Iterable[float] | None = None, *,
           battery: float = -1, place: str = "") -> None:
        """Where it is: metres in "map", a quaternion x y z w; the place it works at. Its
        heartbeat, as often as it likes."""
        p = (c_double * 3)(*position)
        q = (c_double * 4)(*turn) if turn is not None else None
        with self._handle as robot:
            check(lib.mn_robot_at(robot, p, q, battery, utf8("the place", place)))

    def run(self, seconds: float | None = None) -> bool:
        """Do what it is told to for so long (None: as long as it is in the fleet). False: it has
        lost its lease, or has left."""
        end = None if seconds is None else monotonic() + seconds
        while not self._handle.closed:
            left = _SLICE if end is None else min(_SLICE, end - monotonic())
            if left <= 0:
                return True
            with self._handle as robot:
                code = lib.mn_robot_run(robot, max(1, round(left * 1000)))
            try:
                check(code)
            except CancelledError:
                return False
        return False

    def leave(self) -> None:
        """It leaves the fleet; what it holds stays its own."""
        self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.leave()


class Fleet:
    """A fleet of a region, by its name."""

    def __init__(self, region: Region, name: str = "main", *, pull: bool = False,
                 tell: Tell | None = None) -> None:
        """tell(event or None): while a call runs (brain, join, sim), its events; true ends it."""

        def told(_user: object, event: bytes | None) -> int:
            try:
                return int(bool(tell(json.loads(event) if event else None))) if tell else 0
            except BaseException:  # pylint: disable=broad-except
                return 1

        self._tell = _abi.Tell(told)
        text = utf8("the name", name)
        how = _abi.FleetOptions(text, pull, self._tell, None)
        handle = Handle("the fleet", "mn_fleet_close", region._handle)
        handle.open(lambda out: int(lib.mn_fleet_open(region._handle._pointer, byref(how), out)))
        self._handle = handle
        self._robots: list[Robot] = []

    def do(self, verb: str, **fields: Any) -> Any:
        """One verb of docs/FLEET.md, and its result: do("do", text=..), do("scene")."""
        call = utf8("the call", json.dumps({"do": verb, **fields}))
        text = c_void_p()
        with self._handle as fleet:
            check(lib.mn_fleet_do(fleet, call, byref(text)))
        try:
            return json.loads(words(ctypes.string_at(text.value or 0)))
        finally:
            lib.mn_free_text(text)

    def ask(self, text: str, *, by: str = "python", confirm: bool = False) -> str:
        """A task in words; its id."""
        return str(self.do("do", text=text, by=by, confirm=confirm)["task"])

    def see(self, *detections: dict[str, Any], place: str | None = None) -> Any:
        """What was seen: {"class", "pose": {"frame", "p"}, "sure", "by", "t", "name"}."""
        more = {} if place is None else {"place": place}
        return self.do("see", detections=list(detections), **more)

    def join(self, profile: str) -> Robot:
        """A robot of this process: a profile (YAML), or the path of one."""
        self._robots = [robot for robot in self._robots if not robot._handle.closed]
        self._robots.append(Robot(self._handle, profile))
        return self._robots[-1]

    def close(self) -> None:
        """Its robots leave first."""
        for robot in self._robots:
            robot.leave()
        self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()
