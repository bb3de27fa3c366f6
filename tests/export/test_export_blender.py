"""The scene that Blender builds: joints and cameras where the run has them."""

import json
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from diffproxy.__main__ import main
from diffproxy.cameras import open_frames
from diffproxy.cameras.up_axis import rotation_to_y_up
from diffproxy.export.blender import R_ZUP_YUP, camera_matrix

LOOK = """
import json, runpy, sys
import bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
runpy.run_path(sys.argv[1], run_name="__main__")
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector
scene = bpy.context.scene
body = next(o for o in bpy.data.objects if o.type == "ARMATURE")
out = {"frames": [scene.frame_start, scene.frame_end], "joints": [], "cameras": {}}
for frame in range(scene.frame_start, scene.frame_end + 1):
    scene.frame_set(frame)
    out["joints"].append({b.name: list(body.matrix_world @ b.head) for b in body.pose.bones})
for thing in bpy.data.objects:
    if thing.type == "CAMERA":
        scene.render.resolution_x, scene.render.resolution_y = 160, 120
        view = world_to_camera_view(scene, thing, Vector((0.1, -0.2, 0.3)))
        images = [[b.image.filepath, b.image.source] for b in thing.data.background_images]
        out["cameras"][thing.name] = [160 * view[0], 120 * (1 - view[1]), images]
print("FOUND" + json.dumps(out))
"""


@pytest.fixture
def exported(make_ring, rig_of, run_of):
    ring = [c.crop((0, 20, 160, 140), (160, 120)) for c in make_ring(2, size=160)]
    options = rig_of(ring, 3, up_axis="+Z")
    run = run_of(3, options=options, up_axis="+Z")
    assert main(["export", str(run), "format=blender", "fps=50"]) == 0
    return run / "export" / "take_blender.py", ring


def test_cameras_are_those_of_the_rig_in_blenders_axes(exported):
    script, ring = exported
    data = json.loads(script.with_suffix(".json").read_text())
    assert (
        data["fps"] == 25.0 and data["frame_ids"][:5:2] == [0, 1, 2] and script.with_suffix(".glb").exists()
    )
    point = np.array([0.1, -0.2, 0.3])
    for camera, entry in zip(ring, data["cameras"], strict=True):
        at = np.linalg.inv(np.array(entry["matrix"])) @ [*(R_ZUP_YUP @ rotation_to_y_up("+Z") @ point), 1]
        x, y, z = at[:3] * [1, -1, -1]  # to OpenCV's axes
        pixel = np.array(entry["K"]) @ [x / z, y / z, 1]
        np.testing.assert_allclose(pixel[:2], camera.project(point), atol=1e-9)
        assert entry["file"].endswith(f"{camera.name}/000000.png") and entry["size"] == [160, 120]
    assert np.linalg.det(camera_matrix(ring[0], "-Y")[:3, :3]) == pytest.approx(1)


@pytest.mark.skipif(find_spec("bpy") is None, reason="bpy, Blender as a module, is not installed")
def test_blender_builds_the_scene(exported, body, tmp_path):
    script, ring = exported
    (tmp_path / "look.py").write_text(LOOK)
    run = subprocess.run(
        [sys.executable, str(tmp_path / "look.py"), str(script)], capture_output=True, text=True
    )
    lines = [line for line in run.stdout.splitlines() if line.startswith("FOUND")]
    assert lines, run.stderr[-2000:]
    found = json.loads(lines[0].removeprefix("FOUND"))
    from diffproxy.export import open_run

    motion = open_run(script.parents[1]).motion()
    expected = motion.joints @ (R_ZUP_YUP @ rotation_to_y_up("+Z")).T
    joints = np.array([[row[name] for name in body.joint_names] for row in found["joints"]])
    assert np.linalg.norm(joints - expected, axis=-1).max() < 1e-3
    for camera in ring:
        x, y, images = found["cameras"][camera.name]
        point = (R_ZUP_YUP @ rotation_to_y_up("+Z")).T @ [0.1, -0.2, 0.3]
        np.testing.assert_allclose([x, y], camera.project(point), atol=1e-2)
        assert images == [[str(open_frames(tmp_path / "rig").files(0)[camera.name]), "SEQUENCE"]]
