"""The list of resources where there is little room; what is at risk, at a glance; the palette."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.labs import OVERLAPS, START, Questions, Resources, both_themes, opening

RISKY = """
from threading import Lock

@resource_manager
class Risky:
    def __init__(self):
        self.lock = Lock()  # which no other process can have
    def setup(self):
        return object()
    def cleanup(self, resource):
        pass
"""
IS_NARROW = "() => document.querySelector('.resnb-rows > li').getBoundingClientRect().width <= 240"
IS_WHOLE = "(one) => one.scrollWidth <= one.clientWidth"


@pytest.mark.long
def test_a_narrow_list_tells_what_is_at_risk(notebook, tmp_path):
    notebook.open(
        START + RISKY,
        opening(tmp_path / "volume", "training", "Volume"),
        """
%%flow training --with Risky() as socket --run
kind = task(type)(socket)
""",
    )
    page, resources = notebook.page, Resources(notebook)
    resources.show()
    notebook.run(0, 1, 2)
    safe, risky = resources.row("training/volume"), resources.row("training/socket")
    expect(safe.locator(".resnb-safety")).to_have_text("✓ protected")
    expect(risky.locator(".resnb-safety")).to_have_text("⚠ at risk")
    resources.section.evaluate("(one) => { one.style.maxWidth = '240px'; }")
    page.wait_for_function(IS_NARROW)
    for row in (safe, risky):
        expect(row.locator(".place")).to_contain_text("test_a_narrow_list")
        assert row.locator(".name").evaluate(IS_WHOLE)
        assert not row.evaluate(OVERLAPS)
    resources.button("Keep", "training/volume").focus()
    page.keyboard.press("Enter")
    expect(safe.locator(".resnb-safety")).to_have_text("✓ kept 30 min")
    page.keyboard.press("Tab")
    expect(resources.button("Clean up", "training/volume")).to_be_focused()
    both_themes(notebook, "list-narrow")

    questions = Questions(page)
    resources.command("kernelmenu:restart")
    expect(questions.all.locator("li")).to_have_count(1)  # the other one is kept
    expect(questions.all.locator("li.is-risk")).to_contain_text(re.compile("⚠ at risk"))
    expect(questions.all.get_by_role("button", name="Restart anyway")).to_be_visible()
    expect(questions.all.get_by_role("button", name="in the background")).to_have_count(0)
    notebook.picture("guard-at-risk", questions.all.locator(".jp-Dialog-content"))
    questions.answer("Cancel")

    resources.command("apputils:activate-command-palette")
    page.locator(".lm-CommandPalette-input").fill("resnb")
    found = page.locator(".lm-CommandPalette-itemLabel")
    for label in (
        "Show Resources",
        "Run the Flow of This Cell",
        "Show the Plan of This Cell's Flow",
        "Clean Up the Resources of This Notebook…",
        "Show Flows",
    ):
        expect(found.filter(has_text=label)).to_have_count(1)
    notebook.picture("palette-resnb")
    page.keyboard.press("Escape")
    # nobody could, if the kernel had to be killed in the end
    resources.press("Clean up", "training/socket")
    expect(risky).to_have_count(0)
    assert not notebook.complaints
