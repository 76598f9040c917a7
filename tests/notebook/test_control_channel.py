"""Commands on the kernel's control channel, and the status that follows them; no kernel."""

import asyncio
from types import SimpleNamespace

import pytest

from resnb.ledger.kernel.keeper import KEEPER
from resnb.notebook.control_channel import take_commands
from resnb.view.wire.kinds import COMMAND_MESSAGE


class Kernel:
    """The part of a kernel that is used."""

    def __init__(self):
        self.ident, self.iopub_socket, self.control_handlers = "one", object(), {}
        self.said = []
        self.session = SimpleNamespace(
            send=lambda _, kind, content, **__: self.said.append((kind, content))
        )

    def get_parent(self, channel):
        assert channel == "shell"
        return {"header": {"msg_type": "execute_request"}}

    def hear(self, content):
        """Deal with a message as ipykernel does: in a task of the control thread's loop."""

        async def dispatch():
            self.control_handlers[COMMAND_MESSAGE](None, [], {"content": content})
            self.said.append("idle")
            await asyncio.sleep(0)

        asyncio.run(dispatch())


@pytest.fixture
def busy():
    KEEPER.activity.begin()
    yield
    KEEPER.activity.end()


def test_a_command_is_taken_and_a_running_cell_stays_in_sight(busy):
    kernel, taken = Kernel(), []
    undo = take_commands(kernel, lambda *one: taken.append(one))
    kernel.hear({"model": "resnb-1", "command": {"do": "cancel"}})
    assert taken == [("resnb-1", {"do": "cancel"})]
    assert kernel.said == ["idle", ("status", {"execution_state": "busy"})]
    undo()
    undo()
    assert kernel.control_handlers == {}


def test_an_idle_kernel_stays_idle():
    kernel = Kernel()
    take_commands(kernel, lambda *_: None)
    kernel.hear({"model": "resnb-1", "command": None})
    assert kernel.said == ["idle"]


@pytest.mark.parametrize("content", [None, [], {}, {"model": 3}, "text"])
def test_other_messages_are_not_taken(content):
    kernel, taken = Kernel(), []
    take_commands(kernel, lambda *one: taken.append(one))
    kernel.hear(content)
    assert taken == []


def test_a_kernel_without_a_control_channel_is_left_alone():
    take_commands(object(), lambda *_: None)()
