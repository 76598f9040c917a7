"""Which cells a notebook no longer has, as far as its front end says.

JupyterLab sends the ids of deleted cells with each cell that it runs, until one of these has ended.
A deleted cell may come back with its id, by undo or by cut and paste: it is there again when it
runs. A deletion that was reported before is no news, so that it does not undo that.
"""

from collections.abc import Sequence


class DeletedCells:
    """The ids of cells that the notebook no longer has.

    Attributes:
        ids: these ids.
    """

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self._reported: tuple[str, ...] = ()

    def report(self, ids: Sequence[str], running: str | None) -> None:
        """Take what the front end says as a cell begins to run.

        Args:
            ids: its list, to which it appends until it empties it.
            running: the id of the cell that runs, which is there.
        """
        before = self._reported
        self._reported = tuple(ids)
        known = len(before) if self._reported[: len(before)] == before else 0
        self.ids.update(self._reported[known:])
        if running is not None:
            self.ids.discard(running)
