"""The shape of the package: its layers, its public names, the size of its files."""

import ast
import json
from collections import Counter
from pathlib import Path
from statistics import median

import pytest
from importlinter.cli import lint_imports
from packaging.version import Version

import resnb
from tools import circles

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "resnb").rglob("*.py"))
TYPESCRIPT = sorted((ROOT / "labextension" / "src").rglob("*.ts"))
MOST_FILES = 20
PUBLIC = [
    "DaskExecutor",
    "DateTimeParameter",
    "Edge",
    "FilterTask",
    "Flow",
    "LocalDaskExecutor",
    "LocalExecutor",
    "LocalResult",
    "Parameter",
    "ResourceManager",
    "Task",
    "ThreadExecutor",
    "allow_failure",
    "apply_map",
    "as_completed",
    "cache_validators",
    "callback_factory",
    "case",
    "context",
    "defaults_from_attrs",
    "exponential_backoff",
    "flatten",
    "flow",
    "get_run_logger",
    "ifelse",
    "mapped",
    "merge",
    "resource",
    "resource_manager",
    "signals",
    "states",
    "switch",
    "tags",
    "task",
    "triggers",
    "unmapped",
    "wait",
]


def relative(path):
    return path.relative_to(ROOT).as_posix()


def test_imports_keep_to_the_layers(capsys, monkeypatch):
    monkeypatch.setattr("importlinter.cli.logging_config.dictConfig", lambda _: None)  # for all
    status = lint_imports(str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    assert status == 0, capsys.readouterr().out


def test_no_files_import_each_other_in_a_circle(capsys):
    assert circles.main() == 0, capsys.readouterr().out


def test_folders_are_small_enough_to_know():
    folders = Counter(path.parent for path in [*MODULES, *TYPESCRIPT])
    assert {relative(one): n for one, n in folders.items() if n > MOST_FILES} == {}


def test_most_files_are_short():
    assert median(len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES) < 120


def test_the_public_names_are_the_documented_ones():
    assert sorted(resnb.__all__) == PUBLIC


def test_every_public_name_is_there():
    assert {name for name in PUBLIC if not hasattr(resnb, name)} == set()
    assert set(PUBLIC) <= set(dir(resnb))


def test_the_front_end_has_the_version_of_the_package():
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    assert Version(package["version"]) == Version(resnb.__version__)


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_file_has_one_idea_and_says_which(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 400, "over 400 lines: split it by its ideas"
    assert ast.get_docstring(ast.parse(source)), "no docstring: say what the file answers for"
