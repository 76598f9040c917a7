"""Objects that stand for a value: handles and futures, which say so when they are used as one.

Python and libraries such as numpy ask an object by special methods whether it is a number, a
collection, a path, ... Each of these methods raises, and names the object and the remedies.
"""

import sys
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from resnb.errors import HandleError, NoAttributeError, is_installed

if TYPE_CHECKING:
    from types import FrameType


class Standing(NamedTuple):
    """How an error describes a stand-in."""

    subject: str  # the variable or another name, and what that is
    value: str  # an expression for the value
    when: str = ""  # " after a run" if there is no value yet


class StandIn:
    """Base of objects that stand for a value."""

    __slots__ = ()

    def _standing(self, name: str | None = None) -> Standing:
        """What it is, for errors; `name` is its variable if that is known."""
        raise NotImplementedError

    def _misused(self, fault: str, instead: str = "{}", otherwise: str = "") -> str:
        """The message that it was used as a value.

        Args:
            fault: what it cannot do.
            instead: what to write, with ``{}`` in the place of the value.
            otherwise: another remedy.
        """
        subject, value, when = self._standing()
        remedy = f"{instead.format(value)}{when}, or {otherwise or 'do this in a task'}"
        return f"{subject}, not a value, and {fault}: use {remedy}"

    def explained(self, name: str | None = None) -> str:
        """What it is, and how to get its value, in one line; `name` is its variable."""
        subject, value, when = self._standing(name)
        return f"{subject}, not a value; {value} is its value{when}"

    def _refuse(self, fault: str, instead: str = "{}", otherwise: str = "") -> NoReturn:
        raise HandleError(self._misused(fault, instead, otherwise))

    def _refuse_attribute(self, name: str) -> NoReturn:
        """Raise `AttributeError` for `name`; libraries look for protocols by private names."""
        if name.startswith("_"):
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(message)
        raise NoAttributeError(self._misused(f"has no {name!r}", f"{{}}.{name}"))

    def __len__(self) -> int:  # noqa: PLE0303 - it never returns
        self._refuse("has no length yet", "len({})")

    def __contains__(self, item: object) -> bool:
        self._refuse("nothing can be looked for in it", "`in {}`")

    def __enter__(self) -> NoReturn:
        self._refuse("cannot be entered", "`with {}`")

    def __exit__(self, *_: object) -> None:
        """Never called, but Python looks for it before it enters a block."""

    def __setitem__(self, key: object, value: object) -> None:
        self._refuse("cannot be changed")

    def __delitem__(self, key: object) -> None:
        self._refuse("cannot be changed")

    def __int__(self) -> int:
        self._refuse("is no number yet", "int({})")

    def __float__(self) -> float:
        self._refuse("is no number yet", "float({})")

    def __complex__(self) -> complex:
        self._refuse("is no number yet", "complex({})")

    def __index__(self) -> int:  # noqa: PLE0305 - it never returns
        self._refuse("is no whole number yet")

    def __round__(self, digits: object = None) -> NoReturn:
        self._refuse("is no number yet", "round({})")

    def __fspath__(self) -> str:
        self._refuse("is no path yet")

    def __array__(self, *_: object, **options: object) -> NoReturn:
        self._refuse("is no array yet")

    def __array_function__(self, function: Any, *_: object) -> NoReturn:
        name = getattr(function, "__name__", "this function")
        self._refuse(f"{name} cannot take it", f"{name}({{}})")

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
        self._refuse(f"{function.__name__} cannot take it", f"{function.__name__}({{}})")

    def __dataframe__(self, **options: object) -> NoReturn:
        self._refuse("is no data frame yet")


def variable_of(value: object) -> str | None:
    """The variable that holds `value` in the user's code that is running, if there is one."""
    # the only way to the variables of the callers
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001
    while frame is not None:
        if not is_installed(frame.f_code.co_filename):
            for names in (frame.f_locals, frame.f_globals):
                for name, held in tuple(names.items()):
                    if held is value and not name.startswith("_"):
                        return name
        frame = frame.f_back
    return None
