"""Links between the documents lead to files and headings that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [
    page
    for pattern in ("*.md", ".github/**/*.md", "docs/**/*.md", "diffproxy/**/*.md")
    for page in sorted(ROOT.glob(pattern))
]


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


def test_a_broken_link_is_found(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    page = tmp_path / "a.md"
    page.write_text("# One two\n[a](#one-two) [b](#three) [c](b.md) [d](https://example.org)\n")
    assert broken(page) == ["a.md: #three", "a.md: b.md"]
