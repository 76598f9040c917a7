"""Running a cell again: which cell it replaces, and what becomes of its tasks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from resnb.notebook.cells.identity import Cells, task_labels


def run(cells):
    """The keys of cells that run one after the other, each an (id, names[, reads])."""
    known, keys = Cells(), []
    for cell_id, names, *reads in cells:
        known, key = known.after(cell_id, names.split(), *(read.split() for read in reads))
        keys.append(key)
    return keys


RUNS = {
    "an id is the same cell": ([("A", "xs"), ("B", "ys"), ("A", "xs")], [0, 1, 0]),
    "whatever it binds now": ([("A", "xs"), ("A", "ys"), ("A", "")], [0, 0, 0]),
    "even what another bound": ([("A", "xs"), ("B", "ys"), ("A", "ys")], [0, 1, 0]),
    "a copied cell is another": ([("A", "xs"), ("B", "xs"), ("A", "xs")], [0, 1, 0]),
    "even when it reads its names": ([("A", "df"), ("A", "df", "df")], [0, 0]),
    "without ids the names decide": ([(None, "xs"), (None, "ys"), (None, "xs")], [0, 1, 0]),
    "their order does not": ([(None, "xs ys"), (None, "ys xs")], [0, 0]),
    "names in part are another cell": ([(None, "xs"), (None, "xs ys"), (None, "xs")], [0, 1, 0]),
    "and so are fewer": ([(None, "xs ys"), (None, "xs"), (None, "xs ys")], [0, 1, 0]),
    "no names, no match": ([(None, ""), (None, ""), (None, "")], [0, 1, 2]),
    "a throwaway is no name": ([(None, "_"), (None, "_")], [0, 1]),
    "nor does it tell names apart": ([(None, "xs"), (None, "xs _")], [0, 0]),
    "df = clean(df) needs the cell before": ([(None, "df"), (None, "df", "clean df")], [0, 1]),
    "and the one after it replaces it": (
        [(None, "df"), (None, "df", "df"), (None, "df")],
        [0, 1, 1],
    ),
    "reads of other names do not matter": ([(None, "xs", "n"), (None, "xs", "n")], [0, 0]),
    "a console replaces the notebook's cell": ([("A", "xs"), (None, "xs"), ("A", "xs")], [0, 0, 0]),
    "a notebook takes over what ran without ids": (
        [(None, "xs"), ("A", "xs"), ("A", "ys"), ("B", "xs")],
        [0, 0, 0, 1],
    ),
    "the cell that bound the names last": ([("A", "xs"), ("B", "xs"), (None, "xs")], [0, 1, 1]),
    "last in time": ([("A", "xs"), ("B", "xs"), ("A", "xs"), (None, "xs")], [0, 1, 0, 0]),
    "the names are those of the last run": (
        [(None, "xs"), (None, "ys"), ("A", "xs"), ("A", "zs"), (None, "xs"), (None, "zs")],
        [0, 1, 0, 0, 2, 0],
    ),
}


@pytest.mark.parametrize("case", RUNS)
def test_cells_that_run_are(case):
    cells, keys = RUNS[case]
    assert run(cells) == keys


def test_a_run_that_fails_leaves_the_cells_as_they_were():
    before, key = Cells().after("A", ["xs"])
    after, _ = before.after("A", ["ys"])
    assert before.resolve(None, ["xs"]) == key
    assert before.resolve(None, ["ys"]) is None
    assert after.resolve(None, ["ys"]) == key


class RunningCells(RuleBasedStateMachine):
    """Cells with and without ids, in any order."""

    def __init__(self):
        super().__init__()
        self.cells = Cells()

    @rule(
        cell_id=st.sampled_from([None, "A", "B", "C"]),
        names=st.lists(st.sampled_from(["xs", "ys", "zs", "_"]), unique=True),
        reads=st.lists(st.sampled_from(["xs", "ys"])),
    )
    def run_cell(self, cell_id, names, reads):
        expected = self.cells.resolve(cell_id, names, reads)
        before, (self.cells, key) = self.cells, self.cells.after(cell_id, names, reads)
        assert (key in {cell.key for cell in before.known}) == (expected is not None)
        assert key == expected or expected is None
        last = self.cells.known[-1]
        assert (last.key, last.names) == (key, tuple(names))
        # what has run can be run again, and is then the same cell
        if cell_id is not None:
            assert self.cells.resolve(cell_id, []) == key
        elif set(names) - {"_"} and not set(names) & set(reads):
            assert self.cells.resolve(None, names) == key

    @invariant()
    def keys_and_ids_belong_to_one_cell_each(self):
        keys = [cell.key for cell in self.cells.known]
        ids = [cell.cell_id for cell in self.cells.known if cell.cell_id is not None]
        assert sorted(keys) == list(range(self.cells.made))
        assert len(set(ids)) == len(ids)


TestRunningCells = RunningCells.TestCase


# --- tasks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ([], []),
        (["xs", "ys"], ["xs", "ys"]),
        ([None, "xs", None], [0, "xs", 1]),
        (["xs", None, "xs"], [0, 1, "xs"]),  # the name is the last task's
        (["_", "xs", "_"], [0, "xs", 1]),
    ],
)
def test_a_task_is_known_by_its_name_else_by_its_ordinal(names, labels):
    assert list(task_labels(names)) == labels


@given(st.lists(st.sampled_from([None, "xs", "ys", "_"])))
def test_no_two_tasks_of_a_cell_have_one_identity(names):
    labels = task_labels(names)
    assert len(set(labels)) == len(labels) == len(names)
