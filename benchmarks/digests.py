"""CPU seconds that a run spends on digests of its images and videos, by which it notices changed inputs. JSON.

python benchmarks/digests.py examples/synthetic_rig [FOLDER ...]
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from diffproxy.utils.digests import path_digest

ENDINGS = (".jpg", ".jpeg", ".png", ".mp4", ".avi", ".mov")


def cost(folder: Path) -> dict[str, float | int | str]:
    """Files of the folder, their megabytes, and the CPU seconds of their digests: first, and again in the same run."""
    files = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in ENDINGS and p.is_file()]
    seconds = []
    for _ in range(2):
        begin = time.process_time()
        for path in files:
            path_digest(path)
        seconds.append(time.process_time() - begin)
    size = sum(p.stat().st_size for p in files) / 1e6
    return {"folder": str(folder), "files": len(files), "MB": size, "first": seconds[0], "again": seconds[1]}


def main(words: list[str]) -> None:
    for name in words:
        print(json.dumps(cost(Path(name))))


if __name__ == "__main__":
    main(sys.argv[1:])
