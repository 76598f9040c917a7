"""Real kernels: one for each test module, with a fresh notebook for each test."""

from pathlib import Path

import pytest

from tests.kernel.client import Kernel

PRELUDE = Path(__file__).with_name("prelude.py").read_text(encoding="utf-8")

BEGIN = """
%load_ext resnb
_own = set(globals())  # In, Out and what else IPython keeps there
"""
_FRESH = """
from resnb.ledger.kernel.keeper import KEEPER as _keeper
_keeper.close_all()
_keeper._leases.clear()
%unload_ext resnb
get_ipython().__dict__.pop("_resnb_session", None)
for _name in [_one for _one in globals() if _one not in _own and not _one.startswith("_")]:
    del globals()[_name]
%load_ext resnb
"""


class Cells:
    """The cells of one notebook in a kernel.

    Args:
        kernel: the kernel.
        with_ids: whether the front end sends the ids of cells.
    """

    def __init__(self, kernel, *, with_ids):
        self.kernel = kernel
        self.with_ids = with_ids
        self.value = kernel.value

    def run(self, source, cell=None):
        """Run a cell that succeeds; `cell` stands for its place in the notebook."""
        return self.kernel.run(source, cell if self.with_ids else None)

    def fail(self, source, cell=None):
        """Run a cell that raises."""
        return self.kernel.fail(source, cell if self.with_ids else None)

    def refuse(self, source, cell=None):
        """Run a cell that is refused and changes nothing; gives the one line that says why."""
        self.kernel.run("before = None; before = everything()")
        shown = self.fail(source, cell)
        assert self.value("before == everything()"), "the refused cell has changed something"
        assert "\n" not in shown.message
        assert not shown.stdout
        assert not shown.displays
        return f"{shown.error}: {shown.message}"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    kernel = Kernel(tmp_path_factory.mktemp("kernel"), BEGIN)
    yield kernel
    kernel.close()


@pytest.fixture(params=["with ids", pytest.param("without ids", marks=pytest.mark.long)])
def cells(request, kernel):
    """A fresh notebook, driven by a front end that sends the ids of cells, and by one that does not."""
    kernel.run(_FRESH)
    kernel.run(PRELUDE)
    return Cells(kernel, with_ids=request.param == "with ids")


@pytest.fixture
def notebook(kernel):
    """A fresh notebook, where it makes no difference whether cells have ids."""
    kernel.run(_FRESH)
    kernel.run(PRELUDE)
    return Cells(kernel, with_ids=True)


with_ids = pytest.mark.parametrize("cells", ["with ids"], indirect=True)
without_ids = pytest.mark.parametrize("cells", ["without ids"], indirect=True)
