"""Every benchmark is started by a test and named in a document."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def unloaded(benchmarks: Path, tests: Path) -> set[str]:
    """Scripts that no test loads, and files without a command that nothing imports."""
    sources = {p.stem: p.read_text() for p in benchmarks.glob("*.py")}
    asked = {n for p in tests.rglob("*.py") for n in re.findall(r'load_benchmark\("(\w+)"\)', p.read_text())}
    imported = {
        n for text in sources.values() for n in re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)
    }
    return {n for n, text in sources.items() if n not in (asked if "__main__" in text else imported)}


def test_every_benchmark_is_started_by_a_test():
    assert not unloaded(ROOT / "benchmarks", ROOT / "tests")


def test_every_benchmark_is_in_a_document():
    pages = "".join(p.read_text() for p in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
    scripts = [p.name for p in (ROOT / "benchmarks").glob("*.py") if "__main__" in p.read_text()]
    assert [n for n in scripts if f"benchmarks/{n}" not in pages] == []


def test_what_nothing_loads_is_found(tmp_path):
    benchmarks, tests = tmp_path / "benchmarks", tmp_path / "tests"
    for folder in (benchmarks, tests):
        folder.mkdir()
    for name, text in (("a", "import c\n__main__"), ("b", "__main__"), ("c", ""), ("d", "")):
        (benchmarks / f"{name}.py").write_text(text)
    (tests / "test_a.py").write_text('def test(load_benchmark):\n    load_benchmark("a")\n')
    assert unloaded(benchmarks, tests) == {"b", "d"}
