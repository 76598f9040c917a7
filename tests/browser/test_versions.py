"""Parts of several versions: the page says so, in one line where it matters."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.labs import START, Resources
from tests.browser.test_live import LOAD

OTHER = """
import resnb
resnb.__version__ = "9.9.9"
"""


def with_version_8(socket):
    """Let a stream say that the server has another version; all else is the real server's."""
    server = socket.connect_to_server()
    server.on_message(lambda text: socket.send(json.dumps({**json.loads(text), "version": "8.8"})))


@pytest.mark.long
def test_a_server_and_a_kernel_of_other_versions(notebook):
    page, resources = notebook.page, Resources(notebook)
    page.route_web_socket("**/resnb/api/stream*", with_version_8)
    notebook.open(START, OTHER, LOAD)
    resources.show()
    expect(resources.section.get_by_role("status")).to_contain_text("the server 8.8: reload")
    resources.command("resnb:show-flows")
    notebook.run(0, 1, 2)
    view = page.locator("#resnb-flows .resnb")
    expect(view.locator(".node")).to_have_count(2)
    expect(view.get_by_role("status").first).to_contain_text("the kernel has 9.9.9: install")
    assert not notebook.complaints
