"""Each way to end a kernel with open leases asks once, and does what is answered."""

from contextlib import suppress

import pytest
from playwright.sync_api import Error, expect

from tests.browser.labs import START, Questions, Resources, exists, opening
from tests.ledger.worlds import wait_for

CLEAN, KEEP, LEAVE, CANCEL = "Clean up and", "Keep for 30 min", "Leave to the reaper", "Cancel"


class Kernel:
    """The kernel of the current notebook, with a volume that it holds."""

    def __init__(self, notebook, path):
        self.notebook, self.page, self.path = notebook, notebook.page, path
        self.resources = Resources(notebook)
        self.flow = notebook.name.split("_")[1]  # each test's leases have names of their own

    def hold(self):
        """Open the volume, in a kernel that may be fresh."""
        self.notebook.wait_idle()
        self.notebook.run(0, 1)
        assert exists(self.path)

    def leases(self):
        query = f"resnb/api/leases?name={self.flow}/volume"
        return self.notebook.server.ask("GET", query)["leases"]

    def is_cleaned_up(self):
        wait_for(lambda: not exists(self.path) and not self.leases(), "the volume to be cleaned up")

    def drop_kept(self):
        """End what is kept."""
        (one,) = self.leases()
        assert one["keep"] == 1800
        wait_for(lambda: self.leases()[0]["state"] == "kept", "the volume to be kept")
        assert exists(self.path)
        self.notebook.server.ask("POST", f"resnb/api/leases/{one['id']}/cleanup")
        self.is_cleaned_up()

    def pids(self):
        return [one["pid"] for one in self.leases()]

    def kernels(self):
        return [one["id"] for one in self.notebook.server.ask("GET", "api/kernels")]

    def is_fresh(self):
        """Wait until the kernel knows nothing of what was before."""
        wait_for(lambda: not self.knows(), "the kernel to be another one")

    def knows(self):
        """Whether the kernel knows what was before; asked again if it is restarted meanwhile."""
        while True:
            self.notebook.wait_idle()
            with suppress(Error):
                return self.asked()

    def asked(self):
        asked = """async () => {
          const {kernel} = jupyterapp.shell.currentWidget.context.sessionContext.session;
          const {content} = await kernel.requestExecute(
            {code: '', user_expressions: {x: "'Volume' in globals()"}, store_history: false}).done;
          return content.user_expressions.x.data['text/plain'];
        }"""
        return self.page.evaluate(asked) == "True"


@pytest.fixture
def kernel(notebook, tmp_path):
    kernel = Kernel(notebook, tmp_path / "volume")
    notebook.open(START, opening(kernel.path, kernel.flow), "'ran'")
    return kernel


@pytest.fixture
def questions(kernel):
    return Questions(kernel.page)


def test_restarts_ask_once_and_do_what_is_answered(notebook, kernel, questions):
    command = kernel.resources.command
    restart = "Restart the kernel? 1 resource is open"

    command("notebook:restart-kernel")  # nothing is open: the stock question, as before
    questions.answer("Cancel")
    assert questions.titles() == ["Restart Kernel?"]

    kernel.hold()
    command("notebook:restart-kernel")
    expect(questions.all).to_contain_text(f"{kernel.flow}/volume")
    notebook.picture("question", questions.all.locator(".jp-Dialog-content"))
    questions.answer(CANCEL)
    assert questions.titles() == [restart]
    assert exists(kernel.path)
    assert kernel.knows()

    command("notebook:restart-kernel")
    questions.answer(CLEAN)
    kernel.is_cleaned_up()
    expect(questions.all).to_have_count(0)
    kernel.is_fresh()
    assert questions.titles() == [restart]

    kernel.hold()
    command("notebook:restart-run-all")
    questions.answer(LEAVE)
    wait_for(lambda: kernel.pids() and exists(kernel.path), "the volume to be opened again")
    expect(notebook.output(2)).to_contain_text("ran")
    notebook.wait_idle()
    assert questions.titles() == [restart]

    kernel.page.locator(".jp-Toolbar [data-command='notebook:restart-kernel']").click()
    questions.answer(KEEP)
    kernel.is_fresh()
    assert questions.titles() == [restart]
    kernel.drop_kept()

    assert not notebook.complaints


def test_shut_downs_ask_once_and_do_what_is_answered(notebook, kernel, questions):
    command = kernel.resources.command
    title = "Shut down the kernel? 1 resource is open"
    kernel.hold()
    command("notebook:shutdown-kernel")
    questions.answer(CANCEL)
    assert questions.titles() == [title]
    assert len(kernel.kernels()) == 1
    command("notebook:shutdown-kernel")
    questions.answer(CLEAN)
    kernel.is_cleaned_up()
    wait_for(lambda: not kernel.kernels(), "the kernel to be shut down")
    assert questions.titles() == [title]

    def again():
        notebook.show()
        questions.watch()
        kernel.resources.show()
        kernel.hold()

    again()
    row = kernel.page.locator(".jp-RunningSessions-item.jp-mod-kernel")
    row.locator(".jp-RunningSessions-itemLabel").first.hover()
    row.locator(".jp-RunningSessions-itemShutdown").first.click()
    questions.answer(KEEP)
    wait_for(lambda: not kernel.kernels(), "the kernel to be shut down")
    assert questions.titles() == [title]
    kernel.drop_kept()

    again()
    kernel.page.locator(".lm-AccordionPanel-title", has_text="Kernels").locator(
        ".jp-RunningSessions-shutdownAll"
    ).click()
    questions.answer(LEAVE)
    wait_for(lambda: not kernel.kernels(), "the kernel to be shut down")
    kernel.is_cleaned_up()
    assert questions.titles() == ["Shut down all kernels? 1 resource is open"]
    assert not notebook.complaints


def test_closing_asks_while_the_notebook_is_still_there(notebook, kernel, questions):
    page = kernel.page
    tab = page.locator(".lm-TabBar-tab", has_text=notebook.name)
    title = "Close and shut down the kernel? 1 resource is open"
    kernel.hold()
    notebook.save()
    page.evaluate(
        """() => {
          const {sessionContext} = jupyterapp.shell.currentWidget.context;
          sessionContext.kernelPreference = {...sessionContext.kernelPreference, shutdownOnDispose: true};
        }"""
    )
    tab.locator(".lm-TabBar-tabCloseIcon").click()
    questions.answer(CANCEL)
    expect(tab).to_have_count(1)
    assert len(kernel.kernels()) == 1
    kernel.resources.command("notebook:close-and-shutdown")
    questions.answer(CANCEL)
    expect(tab).to_have_count(1)
    assert questions.titles() == [title, title]
    tab.locator(".lm-TabBar-tabCloseIcon").click()
    questions.answer(CLEAN)
    kernel.is_cleaned_up()
    expect(tab).to_have_count(0)
    wait_for(lambda: not kernel.kernels(), "the kernel to be shut down")
    assert questions.titles() == [title]
    assert not notebook.complaints
