"""Small functions that make handlers and pauses, by their names in Prefect."""

from collections.abc import Callable
from typing import Any

from resnb.states import State


def callback_factory(
    fn: Callable[[Any, State], Any], check: Callable[[State], bool]
) -> Callable[[Any, State, State], State]:
    """A state handler that calls `fn` with task (or flow) and new state where `check` holds.

    Args:
        fn: what to call, such as a function that posts a message.
        check: whether to call it for a state.

    Example:
        >>> def tell(subject, state):
        ...     print(subject.name, type(state).__name__)
        >>> handler = callback_factory(tell, check=lambda state: state.is_successful())
        >>> with Flow("told", state_handlers=[handler]) as flow:
        ...     one = task(len, name="count")("a")
        >>> state = flow.run()
        told Success
    """

    def state_handler(subject: Any, old_state: State, new_state: State) -> State:
        del old_state
        if check(new_state):
            fn(subject, new_state)
        return new_state

    return state_handler


def exponential_backoff(backoff_factor: float) -> Callable[[int], list[float]]:
    """A ``retry_delay`` that doubles with each try, beginning with `backoff_factor` seconds.

    Example:
        >>> exponential_backoff(10)(3)
        [10, 20, 40]
    """
    return lambda retries: [backoff_factor * 2**number for number in range(retries)]
