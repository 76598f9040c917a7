"""What was raised on a worker is what the kernel gets."""

import pickle
import traceback

import distributed  # with it come the rules by which exceptions pickle
import pytest

from resnb.dask.failures import Failure, error_of, failure_of

assert distributed


class DemandingError(Exception):
    """Takes something else than what it passes on, as many a library's does."""

    def __init__(self, code, reason):
        super().__init__(f"{code}: {reason}")
        self.code = code


class StubbornError(Exception):
    """Does not pickle, whatever the rules."""

    def __reduce__(self):
        raise TypeError("no")


def raised(error, cause=None):
    try:
        raise error from cause  # noqa: TRY301 - for its traceback
    except BaseException as caught:  # noqa: BLE001 - likewise
        return caught


def back(error):
    return error_of(failure_of(error))


def test_the_code_of_an_exit_comes_back():
    assert back(raised(SystemExit(3))).code == 3
    assert back(raised(SystemExit())).code is None


@pytest.mark.parametrize(
    "error",
    [
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        UnicodeEncodeError("ascii", "é", 0, 1, "ordinal not in range"),
        SyntaxError("invalid", ("cell", 1, 2, "a b", 1, 3)),
        StopIteration(7),
        KeyError("name"),
        FileNotFoundError(2, "not there", "file"),
        ImportError("no", name="module"),
        ExceptionGroup("both", [KeyError("a"), ValueError("b")]),
        BaseExceptionGroup("both", [SystemExit(4), ValueError("b")]),
        DemandingError(404, "not found"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_comes_back_as_it_is(error):
    found = back(raised(error))
    assert type(found) is type(error)
    assert str(found) == str(error)
    assert repr(found) == repr(error)
    for name in ("code", "value", "errno", "filename", "lineno", "start", "object", "name"):
        assert getattr(found, name, None) == getattr(error, name, None)


def test_notes_and_causes_come_back_with_their_tracebacks():
    error = raised(SystemExit(3), raised(DemandingError(1, "first"), raised(SystemExit(4))))
    error.add_note("of the user's")
    found = back(error)
    assert found.__notes__ == ["of the user's"]
    assert type(found.__cause__) is DemandingError
    assert found.__cause__.code == 1
    assert found.__cause__.__cause__.code == 4
    assert [one.name for one in traceback.extract_tb(found.__cause__.__traceback__)] == ["raised"]


def test_what_does_not_pickle_comes_back_as_text():
    found = back(raised(StubbornError("words")))
    assert type(found) is RuntimeError
    assert "StubbornError" in str(found)
    assert "words" in str(found)


def test_what_does_not_load_here_says_so():
    found = error_of(Failure(pickle.dumps((b"no pickle", None))))
    assert "an exception that does not load here" in str(found)
