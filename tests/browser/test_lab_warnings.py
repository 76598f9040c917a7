"""What is wrong with a lease is said once, with a way to the list, and taken back when it is over."""

import time

import pytest
from playwright.sync_api import expect

from resnb.ledger.store.home import ledger_home
from resnb.ledger.store.store import Store
from tests.browser.labs import START, Resources, exists, opening
from tests.ledger.things import until
from tests.ledger.worlds import here, lease

STUBBORN = """
@resource_manager
class Stubborn:
    def __init__(self, path):
        self.path = path
    def setup(self):
        Path(self.path).write_text("here")
        return self.path
    def cleanup(self, resource):
        from pathlib import Path
        if not Path(resource + ".key").exists():
            raise RuntimeError("the door is locked")
        Path(resource).unlink(missing_ok=True)
"""


@pytest.fixture
def store():
    found = Store(ledger_home())
    yield found
    with found._database.transaction() as db:
        db.execute("delete from leases where id = 'overdue'")


@pytest.mark.long
def test_what_is_wrong_is_said_once_and_taken_back_when_it_is_over(notebook, store, tmp_path):
    path, key = tmp_path / "door", tmp_path / "door.key"
    notebook.open(START, STUBBORN, opening(path, "cellar", "Stubborn"))
    resources = Resources(notebook)
    said = notebook.page.locator(".Toastify__toast")
    failed, late = said.filter(has_text="cellar/volume"), said.filter(has_text="report/vm")
    notebook.run(0, 1, 2)
    expect(said).to_have_count(0)

    store.add(lease("overdue", here(), name="report/vm", created=time.time() - 7200, ttl=3600.0))
    expect(late).to_contain_text("report/vm is past its limit of 1 h")
    notebook.page.evaluate("jupyterapp.shell.collapseLeft()")
    late.get_by_role("button", name="Show").click()
    expect(resources.row("report/vm")).to_contain_text("past its limit")
    expect(late).to_have_count(0)  # somebody has seen it

    resources.press("Clean up", "cellar/volume")
    expect(failed).to_contain_text("the door is locked")
    expect(resources.row("cellar/volume")).to_contain_text("failed")
    expect(resources.row("cellar/volume").locator(".resnb-safety")).to_contain_text(
        "door is locked"
    )
    expect(notebook.page.locator(".resnb-status button")).to_contain_text("⚠")
    notebook.picture("warning")
    resources.press("Clean up", "cellar/volume")
    until(lambda: _tried(notebook.server.leases()["cellar/volume"]) == ("failed", 2))
    expect(resources.row("cellar/volume")).to_contain_text("failed")
    expect(failed).to_have_count(1)
    assert exists(path)
    key.touch()
    resources.press("Clean up", "cellar/volume")
    expect(resources.row("cellar/volume")).to_have_count(0)
    expect(failed).to_have_count(0)
    assert not exists(path)
    expect(said).to_have_count(0)
    assert not notebook.complaints


def _tried(found):
    return found["state"], found["tries"]
