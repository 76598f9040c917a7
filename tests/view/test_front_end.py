"""The front end has the kernel's messages, words and colours, and no circles."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from resnb.view.palette import LEASE, TASK
from tools import wire

SOURCE = Path(__file__).parents[2] / "labextension" / "src"
BUILT = Path(__file__).parents[2] / "resnb" / "view" / "static"
LARGEST = 70_000


@pytest.mark.parametrize("path", wire.files(), ids=lambda path: path.name)
def test_what_is_made_from_the_types_is_up_to_date(path):
    assert path.read_text(encoding="utf-8") == wire.files()[path], "run `make wire`"


@pytest.mark.parametrize(("kind", "looks"), [("task", TASK), ("lease", LEASE)])
def test_states_have_the_same_colours_in_the_light_and_others_in_the_dark(kind, looks):
    css = (SOURCE / "widget" / "style" / "theme.css").read_text(encoding="utf-8")
    light, dark = css.split("[data-jp-theme-light", 1)
    for look in looks.values():
        name = f"--{kind}-{look.word.replace(' ', '-')}"
        assert f"{name}-fill: {look.fill};" in light
        assert f"{name}-line: {look.line};" in light
        assert f"{name}-fill: " in dark
        assert f"{name}-line: " in dark


def test_what_is_sent_with_each_model_is_small():
    if not BUILT.is_dir():
        pytest.skip("the front end is not built: make widget")
    assert sum(one.stat().st_size for one in BUILT.iterdir()) < LARGEST


def test_no_files_import_each_other_in_a_circle():
    files = {one.resolve() for one in SOURCE.rglob("*.ts")}

    def imports(file):
        for name in re.findall(r'(?:from|import) "(\.[^"]*)"', file.read_text(encoding="utf-8")):
            target = (file.parent / name).resolve()
            yield from {target.with_name(f"{target.name}.ts"), target / "index.ts"} & files

    TopologicalSorter({file: set(imports(file)) for file in files}).prepare()
