"""The front end says and paints the same as pictures do."""

import re
from pathlib import Path

import pytest

from resnb.states import PENDING
from resnb.view.palette import LEASE, TASK

WIDGET = Path(__file__).parents[2] / "labextension" / "src" / "widget"
LARGEST = 60_000
BUILT = Path(__file__).parents[2] / "resnb" / "view" / "static"


def words(name):
    source = (WIDGET / "vocabulary.ts").read_text(encoding="utf-8")
    table = source.partition(f"export const {name}")[2].partition("];")[0]
    return re.findall(r'word: "(.*?)", mark: "(.*?)"', table)


def test_states_have_the_same_words_and_marks():
    assert sorted(TASK) == list(range(PENDING, len(TASK)))
    assert words("TASK") == [(TASK[code].word, TASK[code].mark) for code in sorted(TASK)]
    assert words("LEASE") == [(look.word, look.mark) for look in LEASE.values()]


@pytest.mark.parametrize(("kind", "looks"), [("task", TASK), ("lease", LEASE)])
def test_states_have_the_same_colours_in_the_light_and_others_in_the_dark(kind, looks):
    css = (WIDGET / "style" / "theme.css").read_text(encoding="utf-8")
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
