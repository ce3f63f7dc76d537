#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/fleet/test_ros2.py BED - robots that speak ROS 2, played with PyPI's cyclonedds.

The bridge (BED, ros2_bed.c) runs on our module; here are others' Cyclone DDS and others' IDL: types
with the names ROS 2 gives them on the wire, topics "rt/NAME", and its qualities of service. All six
kinds are published, right ones and junk, and transforms and texts read back. Skipped (77), with the
reason, where the module was not built or pip has no cyclonedds.
"""
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import unittest
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "serve"))
from packages import enter  # noqa: E402

NEEDS = ["cyclonedds==11.0.1"]
BED = sys.argv[1]
# Only this machine, and no multicast, which containers may lack.
os.environ["CYCLONEDDS_URI"] = (
    "<CycloneDDS><Domain><General><Interfaces><NetworkInterface name='lo'/></Interfaces>"
    "<AllowMulticast>false</AllowMulticast></General><Discovery><ParticipantIndex>auto"
    "</ParticipantIndex><MaxAutoParticipantIndex>30</MaxAutoParticipantIndex>"
    "<Peers><Peer address='localhost'/></Peers></Discovery></Domain></CycloneDDS>")
DOMAIN = 100 + os.getpid() % 100

if "--there" not in sys.argv:  # is the module? An empty map needs no DDS to be refused
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "map.yaml").write_text("robots: []\n")
        tried = subprocess.run([BED, str(Path(folder) / "map.yaml"), str(DOMAIN)], input="quit\n",
                               text=True, capture_output=True, timeout=60)
    if tried.returncode == 77:
        print("SKIP:", tried.stderr.strip())
        sys.exit(77)
    assert tried.returncode == 0, tried.stderr
    sys.argv.append("--there")
enter("cyclonedds", NEEDS)

from cyclonedds.core import Policy, Qos  # noqa: E402
from cyclonedds.domain import DomainParticipant  # noqa: E402
from cyclonedds.idl import IdlStruct  # noqa: E402
from cyclonedds.idl.annotations import final  # noqa: E402
from cyclonedds.idl.types import (array, float32, float64, int32, sequence, uint8,  # noqa: E402
                                  uint32)
from cyclonedds.pub import DataWriter  # noqa: E402
from cyclonedds.sub import DataReader  # noqa: E402
from cyclonedds.topic import Topic  # noqa: E402
from cyclonedds.util import duration  # noqa: E402


# ---- the messages, as ROS 2 defines them -----------------------------------------------------
@dataclass
@final
class Time_(IdlStruct, typename="builtin_interfaces.msg.dds_.Time_"):
    sec: int32 = 0
    nanosec: uint32 = 0


@dataclass
@final
class Header_(IdlStruct, typename="std_msgs.msg.dds_.Header_"):
    stamp: Time_ = None
    frame_id: str = ""


@dataclass
@final
class String_(IdlStruct, typename="std_msgs.msg.dds_.String_"):
    data: str = ""


@dataclass
@final
class Vector3_(IdlStruct, typename="geometry_msgs.msg.dds_.Vector3_"):
    x: float64 = 0.0
    y: float64 = 0.0
    z: float64 = 0.0


@dataclass
@final
class Point_(IdlStruct, typename="geometry_msgs.msg.dds_.Point_"):
    x: float64 = 0.0
    y: float64 = 0.0
    z: float64 = 0.0


@dataclass
@final
class Quaternion_(IdlStruct, typename="geometry_msgs.msg.dds_.Quaternion_"):
    x: float64 = 0.0
    y: float64 = 0.0
    z: float64 = 0.0
    w: float64 = 1.0


@dataclass
@final
class Pose_(IdlStruct, typename="geometry_msgs.msg.dds_.Pose_"):
    position: Point_ = None
    orientation: Quaternion_ = None


@dataclass
@final
class PoseWithCovariance_(IdlStruct, typename="geometry_msgs.msg.dds_.PoseWithCovariance_"):
    pose: Pose_ = None
    covariance: array[float64, 36] = None


@dataclass
@final
class Twist_(IdlStruct, typename="geometry_msgs.msg.dds_.Twist_"):
    linear: Vector3_ = None
    angular: Vector3_ = None


@dataclass
@final
class TwistWithCovariance_(IdlStruct, typename="geometry_msgs.msg.dds_.TwistWithCovariance_"):
    twist: Twist_ = None
    covariance: array[float64, 36] = None


@dataclass
@final
class Transform_(IdlStruct, typename="geometry_msgs.msg.dds_.Transform_"):
    translation: Vector3_ = None
    rotation: Quaternion_ = None


@dataclass
@final
class TransformStamped_(IdlStruct, typename="geometry_msgs.msg.dds_.TransformStamped_"):
    header: Header_ = None
    child_frame_id: str = ""
    transform: Transform_ = None


@dataclass
@final
class TFMessage_(IdlStruct, typename="tf2_msgs.msg.dds_.TFMessage_"):
    transforms: sequence[TransformStamped_] = None


@dataclass
@final
class Odometry_(IdlStruct, typename="nav_msgs.msg.dds_.Odometry_"):
    header: Header_ = None
    child_frame_id: str = ""
    pose: PoseWithCovariance_ = None
    twist: TwistWithCovariance_ = None


@dataclass
@final
class JointState_(IdlStruct, typename="sensor_msgs.msg.dds_.JointState_"):
    header: Header_ = None
    name: sequence[str] = None
    position: sequence[float64] = None
    velocity: sequence[float64] = None
    effort: sequence[float64] = None


@dataclass
@final
class BatteryState_(IdlStruct, typename="sensor_msgs.msg.dds_.BatteryState_"):
    header: Header_ = None
    voltage: float32 = 0.0
    temperature: float32 = math.nan
    current: float32 = math.nan
    charge: float32 = math.nan
    capacity: float32 = math.nan
    design_capacity: float32 = math.nan
    percentage: float32 = 0.0
    power_supply_status: uint8 = 0
    power_supply_health: uint8 = 0
    power_supply_technology: uint8 = 0
    present: bool = True
    cell_voltage: sequence[float32] = None
    cell_temperature: sequence[float32] = None
    location: str = ""
    serial_number: str = ""


@dataclass
@final
class ObjectHypothesis_(IdlStruct, typename="vision_msgs.msg.dds_.ObjectHypothesis_"):
    class_id: str = ""
    score: float64 = 0.0


@dataclass
@final
class ObjectHypothesisWithPose_(IdlStruct,
                                typename="vision_msgs.msg.dds_.ObjectHypothesisWithPose_"):
    hypothesis: ObjectHypothesis_ = None
    pose: PoseWithCovariance_ = None


@dataclass
@final
class BoundingBox3D_(IdlStruct, typename="vision_msgs.msg.dds_.BoundingBox3D_"):
    center: Pose_ = None
    size: Vector3_ = None


@dataclass
@final
class Detection3D_(IdlStruct, typename="vision_msgs.msg.dds_.Detection3D_"):
    header: Header_ = None
    results: sequence[ObjectHypothesisWithPose_] = None
    bbox: BoundingBox3D_ = None
    id: str = ""


@dataclass
@final
class Detection3DArray_(IdlStruct, typename="vision_msgs.msg.dds_.Detection3DArray_"):
    header: Header_ = None
    detections: sequence[Detection3D_] = None


# ---- making them -----------------------------------------------------------------------------
def header(frame, at=None):
    at = time.time() if at is None else at
    return Header_(Time_(int(at), int(at % 1 * 1e9)), frame)


def yaw(a):
    return Quaternion_(0.0, 0.0, math.sin(a / 2), math.cos(a / 2))


def pose(x, y, z, q=None, cov=None):
    return PoseWithCovariance_(Pose_(Point_(x, y, z), q or Quaternion_()), cov or [0.0] * 36)


def tf(frame, child, x, y, z, q=None):
    return TransformStamped_(header(frame), child,
                             Transform_(Vector3_(x, y, z), q or Quaternion_()))


def odometry(frame, child, x, y, q=None, v=0.0):
    return Odometry_(header(frame), child, pose(x, y, 0.0, q),
                     TwistWithCovariance_(Twist_(Vector3_(v, 0.0, 0.0), Vector3_(0.0, 0.0, 0.1)),
                                          [0.0] * 36))


def detection(class_, score, x, y, z, size=0.0, frame="", at=None, cov=None):
    other = ObjectHypothesisWithPose_(ObjectHypothesis_("x", 0.01), pose(9.0, 9.0, 9.0))
    best = ObjectHypothesisWithPose_(ObjectHypothesis_(class_, score), pose(x, y, z, cov=cov))
    return Detection3D_(header(frame, at), [other, best],
                        BoundingBox3D_(Pose_(Point_(), Quaternion_()), Vector3_(size, size, size)))


SENSOR = Qos(Policy.Reliability.BestEffort, Policy.History.KeepLast(5))
RELIABLE = Qos(Policy.Reliability.Reliable(duration(seconds=1)), Policy.History.KeepLast(100))
LATCHED = Qos(Policy.Reliability.Reliable(duration(seconds=1)), Policy.Durability.TransientLocal,
              Policy.History.KeepLast(1))
LATCHED_LOG = Qos(Policy.Reliability.Reliable(duration(seconds=1)),
                  Policy.Durability.TransientLocal, Policy.History.KeepLast(100))

MAP = """\
map_frame: world
robots:
  - name: carrier
    odom: /carrier/odom
    battery: /carrier/battery
    joints: /carrier/joint_states
  - name: arm1
    frame: base
    tf: /arm1/tf
  - name: lost
    odom: /lost/odom
    odom_at: [5, 6, 0]
detections:
  - topic: /camera/detections
    by: carrier
    classes: {"41": cup}
"""


class Robots:
    """What would run in the robots: publishers that go on until it has arrived."""

    def __init__(self):
        self.node = DomainParticipant(DOMAIN)
        self.ends = {}

    def topic(self, name, kind, qos):
        return Topic(self.node, "rt" + name, kind, qos=qos)

    def say(self, name, message, qos):
        if name not in self.ends:
            self.ends[name] = DataWriter(self.node, self.topic(name, type(message), qos), qos=qos)
        self.ends[name].write(message)

    def hear(self, name, kind, qos):
        return DataReader(self.node, self.topic(name, kind, qos), qos=qos)


class Bed:
    def __init__(self, folder, text=MAP):
        self.map = Path(folder) / "map.yaml"
        self.map.write_text(text)
        self.process = subprocess.Popen([BED, str(self.map), str(DOMAIN)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def tell(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def dump(self):
        self.tell("dump")
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.tell("quit")
        self.process.stdin.close()
        code = self.process.wait(20)
        self.process.stdout.close()
        return code


def until(what, limit=30.0):
    """Call it until it gives something."""
    last = time.monotonic() + limit
    while time.monotonic() < last:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    return None


class Bridge(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="omnesia-ros2-")
        self.bed = Bed(self.folder.name)
        self.robots = Robots()

    def tearDown(self):
        self.assertEqual(self.bed.end(), 0)
        self.folder.cleanup()

    def wait(self, say, judge, what):
        """Publish until the board says so; the last that it said, else."""
        seen = []

        def once():
            say()
            seen[:] = [self.bed.dump()]
            return judge(seen[0])
        if not until(once):
            self.fail(f"{what}: {seen[0]['said']} {json.dumps(seen[0])[:3000]}")
        return seen[0]

    def near(self, board, robot, *p):
        at = board["robots"].get(robot, {}).get("pose", {}).get("p", [math.inf] * 3)
        return all(abs(a - b) < 1e-6 for a, b in zip(at, p))

    # world -> odom is (1, 2) turned left; odom -> base_link at (1, 0.5) is (0.5, 3) of the world.
    def say_all(self):
        say = self.robots.say
        say("/tf_static", TFMessage_([tf("world", "odom", 1.0, 2.0, 0.0, yaw(math.pi / 2)),
                                      tf("base_link", "camera", 0.2, 0.0, 0.5)]), LATCHED)
        say("/tf", TFMessage_([tf("odom", "base_link", 1.0, 0.5, 0.0)]), RELIABLE)
        say("/carrier/odom", odometry("odom", "base_link", 1.0, 0.5, v=0.3), SENSOR)
        say("/carrier/battery", BatteryState_(header(""), percentage=0.5, cell_voltage=[],
                                              cell_temperature=[]), SENSOR)
        say("/carrier/joint_states", JointState_(header(""), ["a", "b"], [0.25, -1.5], [], []),
            RELIABLE)  # a best effort reader takes it, too

    def test_states_and_frames(self):
        board = self.wait(self.say_all, lambda b: self.near(b, "carrier", 0.5, 3, 0)
                          and b["robots"]["carrier"]["joints"]
                          and b["robots"]["carrier"]["battery"] > 0, "the carrier's state")
        carrier = board["robots"]["carrier"]
        self.assertAlmostEqual(carrier["battery"], 0.5)
        self.assertEqual(carrier["joints"], [0.25, -1.5])
        self.assertAlmostEqual(carrier["pose"]["q"][2], math.sqrt(0.5), 6)
        self.assertAlmostEqual(carrier["v"][0], 0.3)
        self.assertTrue(carrier["alive"])  # we joined it, and its heart beats

        # One of another process, by the transforms of its own; its heartbeat stays its own.
        def say_arm():
            self.robots.say("/arm1/tf", TFMessage_([tf("world", "base", 3.0, 4.0, 0.0)]), RELIABLE)
        board = self.wait(say_arm, lambda b: self.near(b, "arm1", 3, 4, 0), "arm1's pose")
        beat = board["robots"]["arm1"]["beat"]
        board = self.wait(lambda: None, lambda b: b["robots"]["arm1"]["beat"] > beat + 3, "beats")
        self.assertTrue(self.near(board, "arm1", 3, 4, 0))  # taken over by its own process

        # One whose map is only in our map file.
        def say_lost():
            self.robots.say("/lost/odom", odometry("lost_odom", "lost_base", 1.0, 0.0), SENSOR)
        self.wait(say_lost, lambda b: self.near(b, "lost", 6, 6, 0), "a pose by odom_at")

    def test_detections(self):
        def see(*detections):
            self.say_all()
            self.robots.say("/camera/detections",
                            Detection3DArray_(header("camera"), list(detections)), SENSOR)
        cov = [0.0] * 36
        cov[0] = cov[7] = cov[14] = 0.001
        # The camera is at (0.5, 3.2, 0.5) of the world, looking along its y.
        board = self.wait(lambda: see(detection("41", 0.9, 0.9, -0.4, 0.35, 0.08, cov=cov)),
                          lambda b: "cup" in b["things"], "a cup")
        cup = board["things"]["cup"]
        self.assertEqual((cup["class"], cup["at"], cup["how"]), ("cup", "table", "on"))
        for is_, should in zip(cup["pose"]["p"], (0.9, 4.1, 0.85)):
            self.assertAlmostEqual(is_, should, 3)
        self.assertEqual(cup["size"], [0.08] * 3)
        self.assertEqual(cup["seen"]["by"], "carrier")
        self.assertLess(abs(cup["seen"]["t"] / 1e6 - time.time()), 60)
        # A simulated clock began at 0: what it sees is of now.
        board = self.wait(lambda: see(detection("fork", 0.9, 0.9, -0.2, 0.35, at=12.5)),
                          lambda b: "fork" in b["things"], "a fork")
        self.assertLess(abs(board["things"]["fork"]["seen"]["t"] / 1e6 - time.time()), 60)

    def test_junk(self):
        say, nan = self.robots.say, math.nan

        def junk():
            self.say_all()
            say("/tf", TFMessage_([tf("base_link", "odom", 1.0, 0.0, 0.0),
                                   tf("world", "far", nan, 0.0, 0.0),
                                   tf("world", "bent", 0.0, 0.0, 0.0,
                                      Quaternion_(1.0, 1.0, 1.0, 1.0)),
                                   tf("world", "x" * 100000, 0.0, 0.0, 0.0)]), RELIABLE)
            say("/lost/odom", odometry("lost_odom", "lost_base", nan, 0.0), SENSOR)
            say("/carrier/battery", BatteryState_(header(""), percentage=87.0, cell_voltage=[],
                                                  cell_temperature=[]), SENSOR)
            say("/carrier/joint_states", JointState_(header(""), [], [math.inf], [], []), RELIABLE)
            say("/camera/detections", Detection3DArray_(header("camera"), [
                detection("cup", nan, 1.0, 0.0, 0.0),
                detection("c" * 5000, 0.9, 1.0, 0.0, 0.0),
                detection("cup", 0.9, nan, 0.0, 0.0),
                Detection3D_(header(""), [], BoundingBox3D_(Pose_(Point_(), Quaternion_()),
                                                            Vector3_()))]), SENSOR)
            for one in (detection("cup", 0.9, 1.0, 0.0, 0.0, at=time.time() + 100),
                        detection("cup", 0.9, 1.0, 0.0, 0.0, frame="moon")):
                say("/camera/detections", Detection3DArray_(header("camera"), [one]), SENSOR)
        sentences = [
            "/tf: frame 'odom' cannot hang from 'base_link': that hangs from 'odom'",
            "/tf: a pose: p[0]: nan is no number",
            "/tf: a pose: q: a quaternion",
            "/tf: a frame with a name of 4096 bytes and more",
            "/lost/odom: a pose: p[0]: nan is no number",
            "/carrier/battery: a battery of 87: percentage is from 0 to 1",
            "/carrier/joint_states: joint 0 is at inf",
            "/camera/detections: a detection: sure: 0.01 is too little for a new x",
            "/camera/detections: a detection's class has more than 63 bytes",
            "/camera/detections: a pose: p[0]: nan",
            "/camera/detections: frame 'moon' is not known",
            "/camera/detections: a detection without a result",
            "s in the future: a clock is wrong",
        ]
        board = self.wait(junk, lambda b: all(s in b["said"] for s in sentences)
                          and self.near(b, "carrier", 0.5, 3, 0), "what is wrong, by name")
        self.assertNotIn("cup", board["things"])
        for sentence in sentences:  # each once, though it came many times
            self.assertEqual(board["said"].count(sentence), 1, board["said"])

    def test_what_the_fleet_says(self):
        scene = self.robots.hear("/omnesia/scene", String_, LATCHED)
        events = self.robots.hear("/omnesia/events", String_, LATCHED_LOG)
        transforms = self.robots.hear("/tf", TFMessage_, RELIABLE)
        texts = []

        def newest():
            texts.extend(m.data for m in scene.take(20))
            return texts and "box" in json.loads(texts[-1])["things"]
        self.assertTrue(until(newest), "no scene")
        told = json.loads(texts[-1])
        self.assertEqual(told["things"]["box"]["at"], "kitchen")
        self.assertIn("helper", told["robots"])
        found = {}

        def helper():
            for message in transforms.take(20):
                found.update({t.child_frame_id: t for t in message.transforms})
            return found.get("omnesia/helper")
        t = until(helper)
        self.assertIsNotNone(t, "no transform of the helper")
        self.assertEqual((t.header.frame_id, t.transform.translation.x), ("world", 7.0))
        self.assertNotIn("omnesia/carrier", found)  # its own are its own
        self.bed.tell("move")
        kinds = []

        def moved():
            kinds.extend(json.loads(m.data) for m in events.take(50))
            return [e for e in kinds if e["kind"] == "moved" and e["thing"] == "box"]
        self.assertTrue(until(moved), f"no event: {kinds}")
        self.assertTrue(until(lambda: newest() and json.loads(texts[-1])["things"]["box"]["at"]
                              == "table"), "the scene is old")
        # Who comes later gets the newest, too.
        tasks = self.robots.hear("/omnesia/tasks", String_, LATCHED)
        late = []
        self.assertTrue(until(lambda: late.extend(m.data for m in tasks.take(5)) or late))
        self.assertEqual(json.loads(late[-1])["tasks"][0]["text"], "put it there")


if __name__ == "__main__":
    sys.argv[1:] = [a for a in sys.argv[1:] if a not in (BED, "--there")]
    unittest.main(verbosity=2)
