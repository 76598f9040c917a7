"""Cells of ours as Python; the palette, the toolbar and the settings."""

from contextlib import suppress

import pytest
from playwright.sync_api import Error, expect

from tests.browser.labs import START, Questions, Resources, exists, opening
from tests.ledger.worlds import wait_for

BODY = """
from pathlib import Path  # of a folder
def load(n=2):
    return [f"{one}" for one in range(n) if not one % 2]
xs = load()
"""
HEADS = (
    '%%flow demo(n=2) --with Volume("x") as volume',
    "%%resource folder(path='x', deep=True) --ttl 2h",
)
TOKENS = """(cell) => {
  const lines = [...document.querySelectorAll('.jp-CodeCell')[cell].querySelectorAll('.cm-line')];
  return lines.slice(cell === 0 ? 0 : 1).map((line) => [...line.childNodes].map((one) => {
    const {color, fontWeight} = getComputedStyle(one.nodeType === 3 ? line : one);
    return [one.textContent, color, fontWeight];
  }));
}"""
TOOLBAR = ".jp-NotebookPanel-toolbar [data-command='resnb:{}']"


@pytest.mark.long
def test_cells_of_ours_are_coloured_and_completed_as_python(notebook):
    cells = [BODY.strip(), *(head + BODY.rstrip() for head in HEADS)]
    notebook.open(*cells, START, "%%flow demo\nxs = unmapp")
    page = notebook.page
    ordinary = page.evaluate(TOKENS, 0)
    colours = {colour for line in ordinary for _, colour, _ in line}
    assert len(colours) >= 5  # keywords, names, numbers, strings, comments
    for cell in (1, 2):
        assert page.evaluate(TOKENS, cell) == ordinary

    notebook.run(3)
    editor = page.locator(".jp-CodeCell").nth(4).locator(".cm-content")
    offered = page.locator(".jp-Completer").filter(has_text="unmapped")
    found = offered.or_(
        editor.filter(has_text="unmapped")
    ).first  # it is taken if it is the only one
    editor.click()
    page.keyboard.press("Control+End")
    for _ in range(8):  # the completer does not wait for a kernel that is slow to answer
        page.keyboard.press("Tab")
        with suppress(Error):
            found.wait_for(timeout=2500)
            break
    expect(found).to_be_visible()
    assert not notebook.complaints


@pytest.mark.long
def test_the_palette_the_toolbar_and_the_settings(notebook, tmp_path):
    path = tmp_path / "volume"
    notebook.open(START, opening(path))
    page, resources, questions = notebook.page, Resources(notebook), Questions(notebook.page)
    for name in ("run-flow", "show-plan", "clean-up"):
        expect(page.locator(TOOLBAR.format(name))).to_be_hidden()
    notebook.run(0, 1)
    for name in ("run-flow", "show-plan", "clean-up"):
        expect(page.locator(TOOLBAR.format(name))).to_have_attribute("aria-disabled", "false")

    page.locator(TOOLBAR.format("clean-up")).click()
    questions.answer("Cancel")
    assert exists(path)
    resources.command("apputils:activate-command-palette")
    page.locator(".lm-CommandPalette-input").fill("resources and flows")
    listed = page.locator(".lm-CommandPalette-item:visible")
    expect(listed).to_have_count(5)
    notebook.picture("palette")
    listed.filter(has_text="Clean Up the Resources of This Notebook…").click()
    questions.answer("Clean up")
    wait_for(lambda: not exists(path), "the volume to be cleaned up")
    expect(page.locator(TOOLBAR.format("clean-up"))).to_have_attribute("aria-disabled", "true")
    assert questions.titles() == ["Clean up 1 resource?"] * 2

    resources.command("settingeditor:open", "{query: 'resnb'}")
    form = page.locator(".jp-SettingsForm")
    for title in ("Ask before a kernel with", "Warn when something"):
        expect(form.get_by_label(title)).to_be_checked()
    for title in ("Minutes to keep a resource", "Seconds to wait for clean-ups"):
        expect(form.get_by_role("heading", name=title)).to_be_visible()
    try:
        form.locator("[id$=keepMinutes]").fill("45")
        notebook.picture("settings")
        resources.activate(notebook.name)
        resources.show()
        notebook.run(1)
        keep = resources.section.get_by_role("button", name="Keep demo/volume")
        expect(keep).to_have_attribute("title", "Let it survive its kernel for 45 min")
    finally:
        page.evaluate("jupyterapp.serviceManager.settings.save('resnb:resources', '{}')")
    assert not notebook.complaints
