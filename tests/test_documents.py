"""The documents: what they point at is there, and their pictures are small."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "benchmarks" / "README.md",
    ROOT / "labextension" / "README.md",
]
PICTURES = sorted((ROOT / "docs" / "pictures").iterdir())
LARGEST = 150_000
WALK = re.compile(r"^### (?P<title>.+?)\n(?P<steps>.*?)(?=^##)", re.MULTILINE | re.DOTALL)
STEP = re.compile(r"^\d+\. `(?P<path>[^`]+)` `(?P<name>[^`]+)`: ", re.MULTILINE)
WALKS = {
    found["title"]: STEP.findall(found["steps"])
    for found in WALK.finditer((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
}
MOST_STEPS = 15
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def linked(document):
    found = LINK.findall(document.read_text(encoding="utf-8"))
    return [document.parent / one for one in found if "://" not in one]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document):
    assert [one for one in linked(document) if not one.exists()] == []


def test_pictures_are_shown_and_small():
    shown = {one.resolve() for document in DOCUMENTS for one in linked(document)}
    assert PICTURES
    for one in PICTURES:
        assert one in shown, f"no document shows {one.name}"
        assert one.stat().st_size < LARGEST


def names_in(path):
    """The classes, functions and methods (with their class), and other names that a file defines."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ts":
        return set(
            re.findall(r"^export (?:class|function|const|interface) (\w+)", text, re.MULTILINE)
        )
    found = set()
    for node in ast.parse(text).body:
        match node:
            case ast.ClassDef(name=name):
                found |= {
                    name,
                    *(f"{name}.{one.name}" for one in node.body if hasattr(one, "name")),
                }
            case ast.FunctionDef(name=name):
                found.add(name)
            case ast.Assign(targets=targets):
                found |= {one.id for one in targets if isinstance(one, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
    return found


def test_there_are_three_walks():
    assert len(WALKS) == 3


@pytest.mark.parametrize("title", WALKS)
def test_a_walk_names_what_is_there(title):
    steps = WALKS[title]
    assert 5 < len(steps) <= MOST_STEPS
    assert [step for step in steps if step[1] not in names_in(ROOT / step[0])] == []
