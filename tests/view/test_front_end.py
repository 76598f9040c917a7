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


def _luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """The contrast of two colours, from 1 to 21; see WCAG 2."""
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_and_shapes_stand_out_from_what_is_behind_them(theme):
    css = (SOURCE / "widget" / "style" / "theme.css").read_text(encoding="utf-8")
    light, dark = css.split("[data-jp-theme-light", 1)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
    if theme == "dark":
        colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", dark))
    paper = {"light": "#ffffff", "dark": "#111111"}[theme]  # JupyterLab's
    texts = [(colours[name], paper) for name in ("bad", "anchor")]
    shapes = [(colours[name], paper) for name in ("link", "own-link", "edge")]
    for name, colour in colours.items():
        kind = name.rpartition("-")[0]
        if name.endswith("-line"):
            shapes += [(colour, paper), (colour, colours[f"{kind}-fill"])]
        elif name.startswith("task-") and name.endswith("-fill"):
            texts.append((colours["node-ink"], colour))
        elif name.startswith("lease-") and name.endswith("-ink"):
            texts.append((colour, colours[f"{kind}-fill"]))
    assert len(texts) > 18
    assert len(shapes) > 40
    assert [pair for pair in texts if contrast(*pair) < 4.5] == []
    assert [pair for pair in shapes if contrast(*pair) < 3] == []


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
