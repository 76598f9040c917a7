"""The steps of a set-up or a clean-up: the lines that its own file runs, one by one."""

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, Self


class Steps:
    """Calls `at` with the number of each step that a function takes on this thread, in a block.

    Args:
        code: that of the function.
        at: what to do before the step; what it raises comes out of there.

    Attributes:
        taken: how many steps were taken.
    """

    def __init__(self, code: CodeType | None, at: Callable[[int], object]) -> None:
        self.taken = 0
        self._code = code
        self._at = at
        self._outer: FrameType | None = None
        self._before: Any = None

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _called(self, frame: FrameType, _event: str, _arg: Any) -> Any:
        if self._code is None:
            return None
        if self._outer is None and frame.f_code is self._code:
            self._outer = frame
        is_own = frame.f_code.co_filename == self._code.co_filename
        return self._stepped if self._outer is not None and is_own else None

    def _stepped(self, frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "return" and frame is self._outer:
            self._outer = None
        elif event == "line" and self._outer is not None:
            self.taken += 1
            self._at(self.taken)
        return self._stepped
