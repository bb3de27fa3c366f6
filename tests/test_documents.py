"""Links between the documents lead to files and headings that exist, and so do names of our own source files."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [
    page
    for pattern in ("*.md", ".github/**/*.md", "docs/**/*.md", "diffproxy/**/*.md")
    for page in sorted(ROOT.glob(pattern))
]

FOLDERS = ("benchmarks", "diffproxy", "docs", "examples", "render_synth", "tests", "tools")
SOURCES = {
    f"/{path.relative_to(ROOT).as_posix()}"
    for pattern in ("*.py", *(f"{folder}/**/*.py" for folder in FOLDERS))
    for path in ROOT.glob(pattern)
}
NOT_OURS = {"fit_blender.py", "df_full_body.py", "matching.py"}  # written by an export; of other projects


def prose(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Anchors as GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    found = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            found.append(f"{page.relative_to(ROOT)}: {target}")
    return found


def test_links_lead_somewhere():
    assert [line for page in PAGES for line in broken(page)] == []


def unknown_files(page: Path) -> list[str]:
    """Python files that a page names in code spans, without one of that name in the repository."""
    named = set(re.findall(r"`([\w/]+\.py)`", page.read_text())) - NOT_OURS
    known = {name for name in named if any(path.endswith(f"/{name}") for path in SOURCES)}
    return [f"{page.relative_to(ROOT)}: {name}" for name in sorted(named - known)]


def test_source_files_that_pages_name_are_there():
    assert [line for page in PAGES if page.name != "CHANGELOG.md" for line in unknown_files(page)] == []


def test_a_broken_link_is_found(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    page = tmp_path / "a.md"
    page.write_text("# One two\n[a](#one-two) [b](#three) [c](b.md) [d](https://example.org)\n")
    assert broken(page) == ["a.md: #three", "a.md: b.md"]


def test_a_file_that_is_gone_is_found(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    page = tmp_path / "a.md"
    page.write_text("`fit.py`, `association/relink.py` and `association/between.py`")
    assert unknown_files(page) == ["a.md: association/between.py"]
