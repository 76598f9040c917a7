"""What the doctor says of the extension for JupyterLab."""

import json
from pathlib import Path

import pytest

import resnb
from resnb.cli.doctor import _anywidget, _lab_extension

VERSION = json.loads((Path(__file__).parents[2] / "package.json").read_text())["version"]
OTHER = f"is of {{}}, the package of {resnb.__version__}: install resnb again"


@pytest.mark.parametrize(
    ("package", "said"),
    [
        (json.dumps({"version": VERSION}), "the extension is installed"),
        (json.dumps({"version": "9.9.9-rc.1"}), OTHER.format("9.9.9rc1")),
        ("[]", OTHER.format("an unknown version")),
        ("cut sho", OTHER.format("an unknown version")),
    ],
)
def test_an_extension_of_another_version_is_news(package, said, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))  # where Jupyter looks first
    folder = tmp_path / "labextensions" / "resnb"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(package, encoding="utf-8")
    found = _lab_extension()
    assert said in found.text
    assert (found.is_bad, found.is_news) == (False, said.startswith("is of"))


@pytest.mark.parametrize("is_there", [True, False])
def test_a_lab_without_anywidget_is_news_and_says_what_to_install_where(
    is_there, tmp_path, monkeypatch
):
    if is_there:
        (tmp_path / "anywidget").mkdir()
    monkeypatch.setattr("resnb.cli.doctor._lab_folders", lambda: [tmp_path])
    found = _anywidget()
    assert found.is_news != is_there
    assert is_there or "install resnb (or anywidget) in the environment in which" in found.text
