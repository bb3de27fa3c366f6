"""Options are composed beside a program that uses Hydra itself, and in several threads."""

from concurrent.futures import ThreadPoolExecutor

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from diffproxy.commands import fit_command


def test_a_program_with_hydra_keeps_its_own(tmp_path) -> None:
    (tmp_path / "theirs.yaml").write_text("answer: 42\n")
    with initialize_config_dir(str(tmp_path), version_base="1.2"):
        assert fit_command().compose(["frames=7"]).frames == "7"
        assert compose("theirs").answer == 42
    assert not GlobalHydra.instance().is_initialized()


def test_threads_compose_at_the_same_time() -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda k: fit_command().compose([f"frames={k}"]).frames, range(24)))
    assert found == [str(k) for k in range(24)]
