"""Run in Blender, beside the .glb and .json of the same name: blender --python NAME_blender.py

Imports the skinned body with its animation, a camera for each view of the rig, and the pictures behind them.
"""

import json
import sys
from pathlib import Path

import bpy
from mathutils import Matrix

SENSOR = 36.0  # millimetres; only its ratio to the focal length matters


def import_run(path):
    """Build the scene from the .json and .glb at `path`."""
    data = json.loads(path.with_suffix(".json").read_text())
    scene = bpy.context.scene
    scene.render.fps = max(1, round(data["fps"]))
    scene.render.fps_base = scene.render.fps / data["fps"]
    before = set(bpy.data.objects)
    bpy.ops.import_scene.gltf(filepath=str(path.with_suffix(".glb")))
    moving = [o for o in set(bpy.data.objects) - before if o.animation_data and o.animation_data.action]
    start, end = (round(x) for x in moving[0].animation_data.action.frame_range)
    scene.frame_start, scene.frame_end = start, end
    for camera in data["cameras"]:
        add_camera(camera, data["frame_ids"], start)
    if data["cameras"]:
        scene.camera = bpy.data.objects[data["cameras"][0]["name"]]
        scene.render.resolution_x, scene.render.resolution_y = data["cameras"][0]["size"]
    scene.frame_set(start)


def add_camera(entry, frame_ids, start):
    """A camera from its intrinsics (pixels, OpenCV axes) and its pose in Blender's world, with its pictures."""
    width, height = entry["size"]
    (fx, _, cx), (_, _, cy), _ = entry["K"]
    camera = bpy.data.cameras.new(entry["name"])
    camera.sensor_fit, camera.sensor_width = "HORIZONTAL", SENSOR
    camera.lens = fx * SENSOR / width
    camera.shift_x, camera.shift_y = (width / 2 - cx) / width, (cy - height / 2) / width
    camera.display_size = 0.3
    thing = bpy.data.objects.new(entry["name"], camera)
    thing.matrix_world = Matrix(entry["matrix"])
    bpy.context.scene.collection.objects.link(thing)
    if entry["file"] and Path(entry["file"]).is_file():
        add_pictures(camera, entry, frame_ids, start)


def add_pictures(camera, entry, frame_ids, start):
    """The picture, numbered pictures or video behind the camera, which has them in the viewport only."""
    picture = bpy.data.images.load(entry["file"])
    camera.show_background_images = True
    background = camera.background_images.new()
    background.image = picture
    background.alpha = 0.7
    if picture.source == "FILE" and len(frame_ids) > 1:
        picture.source = "SEQUENCE"
    if picture.source in ("SEQUENCE", "MOVIE"):
        video = picture.source == "MOVIE"
        background.image_user.frame_start = start
        background.image_user.frame_offset = frame_ids[0] - (0 if video else 1)
        background.image_user.frame_duration = frame_ids[-1] - frame_ids[0] + 1


if __name__ == "__main__":
    import_run(Path(__file__))
    if "--save" in sys.argv:  # blender --background --python NAME_blender.py -- --save
        bpy.ops.wm.save_as_mainfile(filepath=str(Path(__file__).with_suffix(".blend").resolve()))
