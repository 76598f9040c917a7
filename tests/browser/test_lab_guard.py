"""Each way to end a kernel with open leases asks once, and does what is answered."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PICTURES
from tests.browser.ends import (
    CANCEL,
    CLEAN,
    KEEP,
    LEAVE,
    SERVER,
    SHUT_DOWN_ON_CLOSE,
    WAYS,
    Kernel,
    select_files,
)
from tests.browser.lab import Notebook, Server
from tests.browser.labs import exists

BY_NAME = {one.name: one for one in WAYS}
CASES = (
    ("notebook:restart-kernel", CLEAN),
    ("notebook:restart-run-all", LEAVE),
    ("restart, toolbar", KEEP),
    ("notebook:shutdown-kernel", KEEP),
    ("all, Running panel", LEAVE),
    ("change kernel", LEAVE),
    ("close the tab", LEAVE),
    ("console:close-and-shutdown", CLEAN),
    ("running:kernel-shut-down-unused", CLEAN),
)
"""Those of the whole table that differ most."""
DISMISSED = "Cancel"
SAVE = "Save your work"
TOUCH = """() => {
  const {content} = jupyterapp.shell.currentWidget;
  content.model.sharedModel.setMetadata('touched', String(Math.random()));
}"""


@pytest.fixture
def kernel(notebook, tmp_path):
    notebook.open("'ran'")
    return Kernel(notebook, tmp_path / "volume")


@pytest.mark.timeout(1200)
def test_every_way_asks_once_and_cancel_changes_nothing(notebook, kernel):
    kernel.hold()
    for way in WAYS:
        kernel.try_out(way, CANCEL)
        kernel.page.evaluate(f"() => ({SHUT_DOWN_ON_CLOSE})(false)")
        kernel.hold()
        assert kernel.knows(), way
    kernel.try_out(SERVER, CANCEL)
    assert not kernel.ends
    kernel.go(BY_NAME["notebook:restart-kernel"])
    expect(kernel.questions.all).to_contain_text(f"{kernel.flow}/volume")
    notebook.picture("question", kernel.questions.all.locator(".jp-Dialog-content"))
    kernel.questions.answer(CANCEL)
    assert not kernel.complaints


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_what_is_answered_is_done(kernel):
    for name, answer in CASES:
        kernel.hold()
        kernel.try_out(BY_NAME[name], answer)
    assert not kernel.complaints


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("answer", [CLEAN, KEEP, LEAVE])
def test_every_way_does_what_is_answered(kernel, answer):
    for way in WAYS:
        kernel.hold()
        kernel.try_out(way, answer)
    assert not kernel.complaints


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_nothing_of_ours_is_asked_if_nothing_is_open_or_nobody_wants_it(kernel):
    def stock_questions():
        for way in (*WAYS, SERVER):
            if not way.stock:
                continue
            kernel.go(way)
            kernel.questions.answer(DISMISSED)
            assert kernel.questions.titles() == [way.stock], way
            kernel.id = kernel.open()

    stock_questions()
    kernel.hold()
    kernel.wants_questions(is_wanted=False)
    try:
        stock_questions()
        for name in ("notebook:shutdown-kernel", "close the tab"):
            kernel.hold()
            kernel.go(BY_NAME[name])
            kernel.check(LEAVE, BY_NAME[name])
            assert kernel.questions.titles() == []
    finally:
        kernel.wants_questions(is_wanted=True)
    assert not kernel.complaints


def test_thinking_long_about_saving_leads_to_no_other_question_and_to_no_end_unasked(kernel):
    def close():
        kernel.page.evaluate(f"() => ({SHUT_DOWN_ON_CLOSE})(true)")
        kernel.page.evaluate(TOUCH)
        way.act(kernel)
        kernel.questions.answer(LEAVE)

    way = BY_NAME["close the tab"]
    title = f"{way.title}? 1 resource is open"
    kernel.hold()
    close()
    kernel.questions.answer("Cancel")  # it is not closed after all
    assert kernel.questions.titles() == [title, SAVE]
    restart = BY_NAME["notebook:restart-kernel"]
    kernel.try_out(restart, CANCEL)
    close()
    kernel.questions.answer("Discard")
    kernel.check(LEAVE, way)
    assert kernel.questions.titles() == [title, SAVE]
    assert not kernel.complaints


@pytest.mark.long
def test_several_at_once_are_one_question(notebook, kernel, tmp_path):
    other = Kernel(kernel.also(f"{notebook.name}-2"), tmp_path / "other", kernel.questions)
    names = notebook.name, other.notebook.name
    for one in (kernel, other):
        one.hold()
    select_files(kernel.page, *names)
    kernel.resources.command("filebrowser:shutdown")
    kernel.questions.answer(CANCEL)
    assert kernel.questions.titles() == ["Shut down 2 kernels? 2 resources are open"]
    assert {kernel.id, other.id} <= set(kernel.kernels())
    kernel.page.evaluate(f"() => ({SHUT_DOWN_ON_CLOSE})(true)")
    kernel.resources.command("application:close-all")
    kernel.questions.answer(CLEAN)
    kernel.until(lambda: not kernel.kernels(), "the end of both kernels")
    assert (kernel.ends, other.ends) == ([False, False], [False, False])  # cleaned up before
    assert kernel.questions.titles() == ["Close and shut down 2 kernels? 2 resources are open"]
    assert not kernel.complaints


@pytest.mark.long
@pytest.mark.parametrize("answer", [CLEAN, KEEP, LEAVE])
def test_the_end_of_the_server_asks_once_and_does_what_is_answered(page, tmp_path, answer):
    folder = tmp_path / "own"
    folder.mkdir()
    server = Server(folder)
    try:
        notebook = Notebook(page, server, f"test_{answer.split()[0]}", PICTURES)
        notebook.open("'ran'")
        kernel = Kernel(notebook, tmp_path / "volume")
        kernel.hold()
        kernel.go(SERVER)
        kernel.questions.answer(answer)
        kernel.until(lambda: server.process.poll() is not None, "the server's end")
        assert kernel.ends[0] is (answer != CLEAN)
        if answer == KEEP:
            assert exists(kernel.path)
            server.start()
            kernel.drop_kept()
        else:
            kernel.until(lambda: not exists(kernel.path), "the clean-up")
    finally:
        page.close()
        server.close()
