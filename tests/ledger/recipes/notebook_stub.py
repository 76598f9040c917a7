"""A notebook without a front end, which makes a resource and is killed.

On standard input: the cells, the resource's name and its arguments. Into the file that its argument
names: what the ledger would hold.
"""

import asyncio
import base64
import inspect
import json
import os
import signal
import sys
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell

from resnb.ledger.recipes.protection import protection_before
from resnb.ledger.recipes.recipe import can_find, handle_of, lives_in_kernel, pickled, recipe_of


class Lease:
    """What set-up sees of its lease."""

    id = "the-lease"

    def __init__(self):
        self.recorded = []

    def record(self, handle):
        self.recorded = [pickled(handle)]


def called(function, *args):
    done = function(*args)
    if not inspect.isawaitable(done):
        return done

    async def awaited():
        return await done

    return asyncio.get_event_loop_policy().new_event_loop().run_until_complete(awaited())


def text(found):
    return None if found is None or found.data is None else base64.b64encode(found.data).decode()


def main():
    order = json.load(sys.stdin)
    shell = InteractiveShell.instance()
    shell.run_cell("%load_ext resnb")
    for cell in order["cells"]:
        shell.run_cell(cell).raise_error()
    definition = shell.user_ns[order["name"]]
    before = protection_before(definition.resource_class)
    manager = definition.resource_class(*order["args"])
    manager.lease = Lease()
    recipe, handle, dies = recipe_of("machine", manager), None, False
    can = can_find(manager)
    try:
        resource = called(manager.setup)
    except RuntimeError:  # half made
        handle = manager.lease.recorded[0] if manager.lease.recorded else None
    else:
        dies = lives_in_kernel(manager, resource)
        if not dies:
            recipe, handle = recipe_of("machine", manager), handle_of(manager, resource)
    said = {
        "recipe": text(recipe),
        "handle": text(handle),
        "dies": dies,
        "can_find": can,
        "before": before,
        "faults": [one.fault for one in (recipe, handle) if one is not None and one.fault],
    }
    Path(sys.argv[1]).write_text(json.dumps(said), encoding="utf-8")
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
