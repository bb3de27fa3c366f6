"""The live viewer: a page of viser, with skinned bodies, cameras and the pictures of the frame that is shown."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from diffproxy.body.nearest_joints import nearest_joints
from diffproxy.cameras import Camera
from diffproxy.utils.extras import require_extra
from diffproxy.viewer.scene import COLORINGS, GRADE_COLORS, GRADES, Scene, ViewerBody

STEPS = 5  # colours of the deviation: a skinned mesh of viser has one colour, so there is a mesh for each
FREE = "free view"
LINE = 0.01  # thickness of a frustum's edges, of its depth
LAYERS = ("pictures", "pictures with proxies", "none")
SPEEDS = {"¼×": 0.25, "1×": 1.0, "2×": 2.0}
Pictures = Callable[[int, bool], Mapping[str, np.ndarray]]


def start_server(host: str, port: int) -> Any:
    """A viser server; the next free port where `port` is taken.

    Raises:
        InputError: viser is not installed.
    """
    require_extra("viser", "view")
    import viser

    return viser.ViserServer(host=host, port=port, verbose=False)


class LivePage:
    """People, cameras and controls in a viser server.

    Args:
        server: The `viser.ViserServer`.
        scene: What is shown.
        pictures: Called with a frame number and whether to draw proxies; returns camera -> RGB.
    """

    def __init__(self, server: Any, scene: Scene, pictures: Pictures):
        self.server, self.scene, self._pictures = server, scene, pictures
        self._lock, self._ahead = threading.RLock(), 0.0
        server.gui.configure_theme(control_layout="collapsible", dark_mode=True)
        server.scene.set_up_direction("+y")
        server.scene.add_grid("/floor", plane="xz", position=(*_floor(scene),))
        server.initial_camera.look_at = scene.center
        server.initial_camera.position = scene.center + scene.distance * np.array([0.25, 0.25, -0.75])
        self.bodies = [SkinnedBody(server, b, f"/people/{b.name}") for b in scene.bodies]
        self.frustums = {c.name: self._frustum(c) for c in scene.upright_cameras}
        self.status = server.gui.add_html("")
        last = len(scene.frame_ids) - 1
        self.frame = server.gui.add_slider("frame", min=0, max=last, step=1, initial_value=0)
        self.playing = server.gui.add_checkbox("play", False)
        self.speed = server.gui.add_dropdown("speed", tuple(SPEEDS), initial_value="1×")
        self.coloring = server.gui.add_dropdown("colour", COLORINGS)
        self.layer = server.gui.add_dropdown("cameras", LAYERS)
        self.view = server.gui.add_dropdown("look from", (FREE, *self.frustums))
        for control in (self.frame, self.coloring, self.layer):
            control.on_update(lambda _: self.show(self.frame.value))
        self.view.on_update(lambda event: self.look(event.client))
        self.show(0)

    def show(self, row: int) -> None:
        """Show one frame: bodies, pictures and status."""
        scene = self.scene
        proxies = self.layer.value == LAYERS[1]
        with self._lock:
            shown = {} if self.layer.value == LAYERS[2] else self._pictures(scene.frame_ids[row], proxies)
            with self.server.atomic():
                for body in self.bodies:
                    body.show(row, COLORINGS.index(self.coloring.value))
                for name, frustum in self.frustums.items():
                    frustum.image = shown.get(name)
                self.status.content = _status(scene, row)

    def advance(self, seconds: float) -> None:
        """Let this much time pass: if playing, go on by the frames that belong to it, from the last to the first."""
        if not self.playing.value:
            self._ahead = 0.0
            return
        self._ahead += seconds * self.scene.fps * SPEEDS[self.speed.value]
        whole = int(self._ahead)
        self._ahead -= whole
        if whole:
            self.frame.value = (self.frame.value + whole) % len(self.scene.frame_ids)

    def run(self) -> None:
        """Play until interrupted."""
        last = time.monotonic()
        while True:
            time.sleep(0.02)
            now = time.monotonic()
            self.advance(now - last)
            last = now

    def _frustum(self, camera: Camera) -> Any:
        wxyz, center = _pose(camera)
        depth = self.scene.frustum_depth
        return self.server.scene.add_camera_frustum(
            f"/cameras/{camera.name}", fov=_fov(camera), aspect=camera.width / camera.height, format="jpeg",
            scale=_frustum_scale(camera, depth), thickness=LINE * depth, color=(140, 190, 255),
            wxyz=wxyz, position=center,
        )  # fmt: skip

    def look(self, client: Any) -> None:
        """Let a client look from the chosen camera, whose picture then stands behind the people."""
        for camera in self.scene.upright_cameras:
            chosen = camera.name == self.view.value
            behind = 2 * float(np.linalg.norm(camera.center_world - self.scene.center))
            depth = behind if chosen else self.scene.frustum_depth
            frustum = self.frustums[camera.name]
            frustum.scale = _frustum_scale(camera, depth)
            # the edges of the chosen one begin at the eye and would fill the screen
            frustum.thickness = 0.0 if chosen else LINE * depth
            if chosen and client is not None:
                client.camera.wxyz, client.camera.position = _pose(camera)
                client.camera.fov = _fov(camera)


class SkinnedBody:
    """One person in a viser server: a skinned mesh for each colour of the skin."""

    def __init__(self, server: Any, body: ViewerBody, path: str):
        self.body, self.motion = body, body.motion.with_up_axis("+Y")
        self._server, self._path = server, path
        model = self.motion.body
        self._vertices, self._rest = self.motion.median_rest()
        self._weights, self._faces = model.weights.numpy(), model.faces.numpy()
        self._face_joint = nearest_joints(model)[self._faces[:, 0]]
        self.meshes: dict[tuple[int, ...], Any] = {}
        self._faces_of: dict[tuple[int, ...], bytes] = {}

    def show(self, row: int, coloring: int) -> None:
        """Pose and colour the body of one frame; a frame without a body shows none."""
        colors: dict[tuple[int, ...], list[int]] = {}
        if self.body.is_shown(row):
            rgb = np.round(255 * self.body.joint_colors(row, coloring, STEPS)).astype(int).tolist()
            for joint, color in enumerate(rgb):
                colors.setdefault(tuple(color), []).append(joint)
        with torch.no_grad():
            R, _ = self.motion.body.joint_transforms(self.motion.params[row])
        turns = Rotation.from_matrix(R[0].double().numpy()).as_quat(scalar_first=True)
        for color, joints in colors.items():
            self._color(color, self._faces[np.isin(self._face_joint, joints)])
        for color, mesh in self.meshes.items():
            mesh.visible = color in colors and bool(self._faces_of[color])
            if mesh.visible:
                for bone, turn, place in zip(mesh.bones, turns, self.motion.joints[row], strict=True):
                    bone.wxyz, bone.position = turn, place

    def _color(self, color: tuple[int, ...], faces: np.ndarray) -> None:
        """Give these faces the colour; they are sent again only where they have changed."""
        if self._faces_of.get(color) == faces.tobytes():
            return
        self._faces_of[color] = faces.tobytes()
        if color in self.meshes:
            self.meshes[color].faces = faces.astype(np.uint32)
            return
        count = len(self._rest)
        self.meshes[color] = self._server.scene.add_mesh_skinned(
            f"{self._path}/{len(self.meshes)}", self._vertices, faces, skin_weights=self._weights, color=color,
            bone_wxyzs=np.tile([1.0, 0.0, 0.0, 0.0], (count, 1)), bone_positions=self._rest,
        )  # fmt: skip


def _floor(scene: Scene) -> np.ndarray:
    return np.array([scene.center[0], scene.bounds[0][1], scene.center[2]])


def _fov(camera: Camera) -> float:
    """Vertical field of view, radians."""
    return 2 * float(np.arctan(0.5 * camera.height / camera.K[1, 1]))


def _frustum_scale(camera: Camera, depth: float) -> float:
    """The `scale` with which viser draws the picture at this depth in metres: it draws pyramids of equal volume."""
    half = np.tan(0.5 * _fov(camera))
    return depth * float(np.cbrt(half * half * camera.width / camera.height / 3))


def _pose(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Orientation (w x y z) of the camera in the world, and its centre."""
    return Rotation.from_matrix(camera.R_cam_world.T).as_quat(scalar_first=True), camera.center_world


def _status(scene: Scene, row: int) -> str:
    lines = [f"<b>{html.escape(scene.title)}</b>, frame {scene.frame_ids[row]}"]
    for body in scene.bodies:
        color = GRADE_COLORS[GRADES.get(body.status[row], "bad")]
        name = f"{html.escape(body.name)}: " if len(scene.bodies) > 1 else ""
        reason = f" · {html.escape(body.reason[row])}" if body.reason[row] else ""
        lines.append(f'{name}<b style="color:{color}">{html.escape(body.status[row])}</b>{reason}')
    return '<div style="padding:0 1em">' + "<br>".join(lines) + "</div>"
