"""`get_run_logger`: a logger whose lines appear with the task that wrote them."""

import logging

from resnb.run.engine.slots import CURRENT


class _TaskHandler(logging.Handler):
    """Writes a line to the output of the task that is running on this thread."""

    def emit(self, record: logging.LogRecord) -> None:
        slot = CURRENT.get()
        text = f"{record.levelname}: {record.getMessage()}\n"
        if record.exc_info:
            text += (self.formatter or logging.Formatter()).formatException(record.exc_info) + "\n"
        if slot is not None and slot.print("stderr", text):
            return
        if logging.lastResort is not None:
            logging.lastResort.handle(record)


def get_run_logger(name: str | None = None) -> logging.Logger:
    """The logger for a task's own messages; its lines hold neither times nor ids.

    Args:
        name: gives a logger below it, with a level of its own, whose lines look the same.

    Returns:
        A standard logger at level INFO; set another level as with any logger.

    Example:
        >>> import sys
        >>> from contextlib import redirect_stderr
        >>> @task
        ... def load():
        ...     get_run_logger().info("loaded %d rows", 3)
        >>> with Flow("etl") as flow:
        ...     loaded = load()
        >>> with redirect_stderr(sys.stdout):
        ...     state = flow.run()
        INFO: loaded 3 rows
    """
    logger = logging.getLogger("resnb.task")
    if not logger.handlers:
        logger.addHandler(_TaskHandler())
        logger.propagate = False
        logger.setLevel(logging.INFO)
    return logger if name is None else logger.getChild(name)
