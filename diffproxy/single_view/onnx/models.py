"""The files of `python -m diffproxy.single_view export`, opened with onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.single_view.onnx.manifest import FIX, check_manifest
from diffproxy.utils.bounded_arrays import read_npz
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.extras import require_extra
from diffproxy.utils.io import file_sha256

FORMAT, VERSION = "diffproxy-single-view-onnx", 4
MANIFEST, SURFACE = "models.json", "surface.npz"


class Models:
    """The graphs of a folder; each is loaded when it is first used.

    Args:
        folder: What `export` has written.
        threads: Threads of each graph; 0: those of the machine.

    Raises:
        InputError: another folder, or files of another version.
    """

    def __init__(self, folder: Path, threads: int = 0):
        require_extra("onnxruntime", "onnx")
        self.folder, self.threads = folder, threads
        path = folder / MANIFEST
        if not path.is_file():
            raise InputError("a folder of exported models", f"no {path}", FIX)
        self.manifest: dict[str, Any] = read_json(path, "exported models")
        found = self.manifest if isinstance(self.manifest, dict) else {}
        if found.get("format") != FORMAT or found.get("version") != VERSION:
            raise InputError(f"exported models of version {VERSION} in {folder}", "another file", FIX)
        check_manifest(found, path)
        missing = [name for name in found["files"] if not (folder / name).is_file()]
        if missing:
            raise InputError(f"all exported models in {folder}", f"no {', '.join(missing)}", FIX)
        self._sessions: dict[str, Any] = {}

    @cached_property
    def faces(self) -> np.ndarray:
        """(Nf, 3) triangles of the body."""
        return read_npz(self.folder / SURFACE, "the surface of the exported body")["faces"]

    def run(self, graph: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs of a graph by name.

        Args:
            graph: Name of the file without its suffix.
            inputs: By name.
        """
        session = self._sessions.get(graph) or self._open(graph)
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs), strict=True))

    def pose(self, graph: str, params: Mapping[str, np.ndarray]) -> np.ndarray:
        """`joints` (N, 55, 3) or `vertices` (N, Nv, 3) of bodies, metres; `params` has N rows of each field."""
        full_pose = np.concatenate([params[name] for name in self.manifest["pose"]], 1)
        others = {name: params[name] for name in ("betas", "expression", "transl", "scale")}
        return self.run(graph, full_pose=full_pose, **others)[graph]

    def _open(self, graph: str) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        # Every graph has threads of its own, which would go on spinning while the next graph runs.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.log_severity_level = 3
        path = self.folder / f"{graph}.onnx"
        if file_sha256(path) != self.manifest["files"].get(path.name):
            raise InputError(f"{path} as the manifest beside it lists it", "another file", FIX)
        try:
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises its own classes, which it does not export
            raise InputError(f"a whole {path}", f"{error}"[:200], FIX) from error
        self._sessions[graph] = session
        return session
