"""The options of `python -m diffproxy.calibration`, as text `name=value`."""

from __future__ import annotations

from dataclasses import dataclass, fields

from diffproxy.utils.errors import InputError


@dataclass
class Options:
    """Values as given; `diffproxy.calibration.__main__.HELP` says what each means."""

    rig: str = ""
    proxies: str = ""
    frames: str = "all"
    start: str = ""
    cameras: str = ""
    turn_std: float = 5.0
    place_std: float = 0.1
    fov: float = 60.0
    focal: str = ""
    common_focal: str = "false"
    height: float = 0.0
    distance: str = ""
    fix: str = ""
    boxes: str = ""
    keypoints: str = ""
    body: str = "anny"
    generator: str = "nano"
    out: str = ""

    @staticmethod
    def of(words: list[str]) -> Options:
        """InputError on anything that is not name=value of these."""
        kinds = {f.name: f.type for f in fields(Options)}
        options = Options()
        for word in words:
            name, sign, value = word.partition("=")
            if not sign or name not in kinds:
                raise InputError(
                    f"options among {', '.join(kinds)}", word, "write name=value; --help lists them"
                )
            try:
                setattr(options, name, float(value) if kinds[name] == "float" else value)
            except ValueError as error:
                raise InputError(f"a number for {name}", value, f"write {name}=1.8") from error
        if not options.rig:
            raise InputError("rig=DIR", "none", "name the folder with the pictures")
        if options.start not in ("", "rough", "none"):
            raise InputError("start=rough or start=none", options.start, "leave it out")
        return options
