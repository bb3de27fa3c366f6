"""The benchmark of kills, with small stand-ins for the commands: one that does all right, and one that does not."""

import json
import subprocess
import sys

import pytest

from diffproxy.__main__ import COMMANDS
from diffproxy.commands import evaluate_command, fit_command
from diffproxy.training.cli import read_config
from diffproxy.utils.options import parse_options
from render_synth.config import RenderConfig

BEGIN = """
import json, os, pathlib, signal, sys, time
out = pathlib.Path(sys.argv[1])
again = out.exists()
out.mkdir(exist_ok=True)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda n, _: os._exit(128 + n if GOOD else 1))
print('ready', flush=True)
time.sleep(0.2)
"""
GOOD = f"""GOOD = True{BEGIN}
(out / 'e.json').write_text(json.dumps({{'subjects': [{{'key': 'a', 'seconds': time.time()}}]}}))
os._exit(0)
"""
BAD = f"""GOOD = False{BEGIN}
(out / 'a.tmp').touch()
(out / 'e.json').write_text(json.dumps({{'subjects': [{{'key': 'b' if again else 'a'}}]}}))
os._exit(0)
"""


@pytest.fixture
def script(load_benchmark):
    return load_benchmark("kill_and_resume")


@pytest.mark.parametrize(("code", "is_good"), [(GOOD, True), (BAD, False)])
def test_wrong_exits_leftovers_and_other_results_are_counted(
    script, monkeypatch, tmp_path, capsys, code, is_good
):
    (tmp_path / "command.py").write_text(code)

    def start(command, words, messages):
        assert words[0] == command == "evaluate"
        (file,) = (w.partition("=")[2] for w in words if w.startswith("out="))
        line = [sys.executable, "-S", str(tmp_path / "command.py"), file.removesuffix("/e.json")]
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=messages)
        assert process.stdout.readline() == b"ready\n"  # a signal before is the interpreter's business
        process.stdout.close()
        return process

    monkeypatch.setattr(script, "start", start)
    row = script.main(["command=evaluate", "kills=6", "seed=1"])
    assert json.loads(capsys.readouterr().out).items() >= row.items() and row["kills"] >= 6
    faults = [row[k] for k in ("wrong_exit", "tracebacks", "leftovers", "different")]
    assert row["finished"] > 0 and (sum(faults) == 0 if is_good else faults[2] > 0 < faults[3])


def test_its_commands_have_these_options(script, tmp_path):
    for command in script.RESULTS:
        words = script.words_of(script.MINE | {"command": command}, tmp_path)
        assert words[0] in COMMANDS
        if words[0] == "train":
            assert read_config(words[1:]).steps == 6
        elif words[0] == "render":
            assert parse_options(RenderConfig, words[1:]).subjects == 4
        else:
            chosen = (fit_command if words[0] == "fit" else evaluate_command)()
            assert chosen.compose(words[1:]).out.startswith(str(tmp_path))
