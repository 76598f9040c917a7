"""What tasks raise on a worker, as the kernel gets it."""

import subprocess
import sys

import distributed  # noqa: F401 - it changes how exceptions are pickled
import pytest

from resnb.dask.failures import error_of, failure_of
from resnb.dask.workers.exceptions import dumped


class Exits(SystemExit):
    pass


class SumError(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a} + {b}")
        self.sum = a + b


class ForgetfulError(Exception):
    def __init__(self, a, *, b):
        self.a, self.b = a, b


class SlottedError(Exception):
    __slots__ = ("place",)

    def __init__(self, place):
        super().__init__("slotted")
        self.place = place


class HandleError(Exception):
    def __init__(self):
        super().__init__("handles")
        self.lock = sys._getframe()


class ReducedError(Exception):
    def __init__(self, a, b):
        self.a, self.b = a, b

    def __reduce__(self):
        return ReducedError, (self.a, self.b)


def failing(error, cause=None):
    if cause is None:
        raise error
    try:
        failing(cause)
    except Exception as found:
        raise error from found


def raised(error, cause=None):
    """What comes back of `error` if a task has raised it."""
    with pytest.raises(type(error)) as caught:
        failing(error, cause)
    return error_of(failure_of(caught.value))


KEPT = [
    (SystemExit(3), ["code"]),
    (Exits("no"), ["code"]),
    (StopIteration(5), ["value"]),
    (KeyboardInterrupt(), []),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "odd"), ["encoding", "object", "end", "reason"]),
    (SyntaxError("odd", ("file", 3, 1, "a b", 3, 2)), ["msg", "lineno", "text", "end_offset"]),
    (NameError("x is not there", name="x"), ["name"]),
    (ModuleNotFoundError("no x", name="x", path="p"), ["name", "path"]),
    (FileNotFoundError(2, "No such file", "f"), ["errno", "filename"]),
    (KeyError("x"), []),
    (SumError(1, 2), ["sum"]),
    (ForgetfulError(1, b=2), ["a", "b"]),
    (SlottedError(4), ["place"]),
]


@pytest.mark.parametrize(("error", "names"), KEPT, ids=[type(one).__name__ for one, _ in KEPT])
def test_an_exception_comes_back_with_all_that_it_knows(error, names):
    error.add_note("a note")
    found = raised(error)
    assert type(found) is type(error)
    assert (str(found), found.args) == (str(error), error.args)
    assert [getattr(found, name) for name in names] == [getattr(error, name) for name in names]
    assert found.__notes__ == ["a note"]
    assert found.__traceback__ is not None


def test_a_class_that_pickles_itself_does_so():
    found = raised(ReducedError(1, 2))
    assert (type(found), found.a, found.b) == (ReducedError, 1, 2)


def test_those_of_a_group_do_too():
    found = raised(
        ExceptionGroup("two", [SumError(1, 2), UnicodeDecodeError("utf-8", b"", 0, 0, "r")])
    )
    assert str(found) == "two (2 sub-exceptions)"
    assert [str(one) for one in found.exceptions] == [
        "1 + 2",
        str(UnicodeDecodeError("utf-8", b"", 0, 0, "r")),
    ]


def test_it_brings_its_cause_with_the_lines_that_raised_that():
    found = raised(ValueError("outer"), SumError(1, 2))
    assert (type(found.__cause__), found.__cause__.sum) == (SumError, 3)
    assert found.__cause__.__traceback__ is not None
    assert found.__suppress_context__


def test_one_whose_cause_does_not_pickle_comes_without():
    found = raised(SumError(1, 2), HandleError())
    assert (type(found), found.sum, found.__cause__) == (SumError, 3, None)


def test_what_does_not_pickle_of_one_is_left_out():
    found = raised(HandleError())
    assert (type(found), str(found)) == (HandleError, "handles")
    assert not hasattr(found, "lock")


def test_one_that_does_not_pickle_comes_as_text():
    found = raised(ValueError("odd", sys._getframe()))
    assert type(found) is RuntimeError
    assert str(found).startswith("ValueError: ('odd', <frame ")


def test_what_refers_to_itself_does_so_again():
    error = SumError(1, 2)
    error.itself = error
    assert (found := raised(error)).itself is found


def test_another_process_needs_only_resnb():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import pickle, sys; print(pickle.load(sys.stdin.buffer).code)",
        ],
        input=dumped(SystemExit(3)),
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"3\n"
