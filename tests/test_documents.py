"""The documents: what they point at is there, their code is code, their pictures are small.

`make docs` runs the cells of the tutorial and the guides, and checks the links of what it builds.
"""

import ast
import inspect
import re
import textwrap
from pathlib import Path

import pytest
from IPython.core.inputtransformer2 import TransformerManager

import resnb
from benchmarks.crash.containers.ends import CONTAINER_ENDS
from benchmarks.crash.process_ends import PROCESS_ENDS
from resnb import resources
from tools import proof, reference_pages, version

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
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
CODE = re.compile(
    r"^ *```(?:python|\{code-cell\} ipython3)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL
)
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GENERATED = ROOT / "docs" / "generated"
README_LINES = 150
VARIABLE = re.compile(r"\bRESNB_[A-Z_]+[A-Z]\b")


def linked(document):
    found = LINK.findall(document.read_text(encoding="utf-8"))
    places = [document.parent / one for one in found if "://" not in one]
    return [one for one in places if GENERATED not in one.resolve().parents]


def name_of(document):
    return document.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document):
    assert [one for one in linked(document) if not one.exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_code_is_code(document):
    for block in CODE.findall(document.read_text(encoding="utf-8")):
        lines = textwrap.dedent(block).splitlines(keepends=True)
        lines = [one for one in lines if not re.match(r":\w+:", one)]  # options of a directive
        body = lines[1:] if lines[0].startswith("%%") else lines
        ast.parse(TransformerManager().transform_cell("".join(body)))


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


def test_every_page_is_in_the_contents():
    pages = {one for one in DOCUMENTS if ROOT / "docs" in one.parents}
    listed = {ROOT / "docs" / "index.md"}
    for page in pages:
        for contents in TOCTREE.findall(page.read_text(encoding="utf-8")):
            names = [one for one in contents.splitlines() if one and one[0] not in ":*"]
            listed |= {(page.parent / f"{name}.md").resolve() for name in names}
    included = re.findall(r"```\{include\} (\S+)", "".join(map(Path.read_text, pages)))
    fragments = {one for one in pages if one.name in map(Path, included) or one.name == "leaks.md"}
    assert sorted(pages - listed - fragments) == []


def test_every_environment_variable_is_documented():
    texts = [one.read_text(encoding="utf-8") for one in (ROOT / "resnb").rglob("*.py")]
    known = set(VARIABLE.findall("".join(texts)))
    page = (ROOT / "docs" / "reference" / "environment.md").read_text(encoding="utf-8")
    assert set(VARIABLE.findall(page)) == known


def test_every_figure_has_a_command_that_repeats_it():
    assert list(proof.unsupported()) == []
    for one in proof.PROOFS.values():
        where = one.command.removeprefix("-m ").split()[0]
        path = ROOT / (where if where.endswith(".py") else where.replace(".", "/"))
        assert path.exists() or path.with_suffix(".py").exists()


def test_a_figure_without_a_command_is_found(tmp_path, monkeypatch):
    text = """
A lease takes 2.6 ms, or `3 ms`. After 41 ways and 728 and 249 trials 5.1 s, 33 % and 17 kB were left.

```python
sleep("7 ms")
```

```{note}
It waits 8 ms, and 60 s at most.
```
"""
    page = tmp_path / "README.md"
    page.write_text(text, encoding="utf-8")
    monkeypatch.setattr(proof, "ROOT", tmp_path)
    monkeypatch.setattr(proof, "documents", lambda: [page])
    known = proof.Proof("benchmarks/leases.py", ("2.6 ms", "12 ms"))
    monkeypatch.setattr(proof, "PROOFS", {"leases": known})
    wrong = ("41 ways", "728 and 249 trials", "5.1 s", "33 %", "17 kB", "8 ms")
    assert list(proof.unsupported()) == [
        *(f"README.md: {figure}" for figure in wrong),
        "12 ms: is in no document any more",
    ]


def test_a_table_of_leaks_with_fewer_peers_is_not_shown(tmp_path, monkeypatch, capsys):
    shown = {name: tmp_path / name for name in ("README.md", "leaks.md")}
    monkeypatch.setattr(proof, "README", shown["README.md"])
    monkeypatch.setattr(proof, "LEAKS", shown["leaks.md"])
    old, new = (
        "| left |\n|---|\n| `with` | {} |\n| Prefect 3 | {} |\n".format(*n) for n in ("12", "34")
    )
    shown["leaks.md"].write_text(f"{old}\nthen\n", encoding="utf-8")
    shown["README.md"].write_text(
        f"before\n<!-- leaks -->\n{old}<!-- /leaks -->\nafter\n", encoding="utf-8"
    )
    before = [path.read_text(encoding="utf-8") for path in shown.values()]
    proof.show_leaks("| left |\n|---|\n| `with` | 5 |\n", "now")
    assert capsys.readouterr().out == "the table of leaks stays as it is; not tried: Prefect 3\n"
    assert [path.read_text(encoding="utf-8") for path in shown.values()] == before
    proof.show_leaks(new, "now")
    assert [path.read_text(encoding="utf-8") for path in shown.values()] == [
        f"before\n<!-- leaks -->\n{new}<!-- /leaks -->\nafter\n",
        f"{new}\nnow\n",
    ]


def test_the_ways_to_end_are_counted():
    [ways] = [one for one in proof.PROOFS["crash"].claims if one.endswith("ways")]
    [more] = [one for one in proof.PROOFS["crash"].claims if one.endswith("more")]
    assert (ways, more) == (f"{len(PROCESS_ENDS)} ways", f"{len(CONTAINER_ENDS)} more")


def test_the_version_is_the_same_everywhere():
    found = version.rewritten(version.own())
    assert [path for path, text in found.items() if path.read_text(encoding="utf-8") != text] == []
    assert f"## [{version.own()}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_public_name_is_in_the_reference():
    assert "resnb.Flow" in reference_pages.api()  # which refuses to leave out a name
    for name, members in reference_pages.INTERNAL.items():
        assert set(members) <= set(dir(getattr(resnb, name)))
    found = {f"resnb.{one}": getattr(resnb, one) for one in resnb.__all__}
    found |= {one: getattr(resources, one) for one in resources.__all__}
    assert [name for name, one in found.items() if not inspect.getdoc(one)] == []


def test_the_reference_follows_the_code():
    assert "`%%flow NAME[(param=default, ...)] [options]`" in reference_pages.magics()
    assert "## `resnb sweep`" in reference_pages.command_line()
    assert "`ResnbServer.stop_wait`" in reference_pages.settings()
    assert "class Lease(TypedDict):" in reference_pages.messages()
    assert "| `TriggerFailed` |" in reference_pages.task_states()
    assert "| `closed` | nothing |" in reference_pages.lease_moves()


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
