"""The documents: what they point at is there, and their pictures are small."""

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
