"""Resources for tests of blocks: they note who set them up and cleaned them up, and where."""

import signal
import sys
import threading

from resnb import resource_manager


class Notes(list):
    """What has happened, in order: words, and the thread on which each happened."""

    def __init__(self):
        super().__init__()
        self.threads = []
        self.seen = None

    def note(self, word):
        """Note it; `seen` is a word, and the event that is set when that is noted."""
        self.append(word)
        if self.seen is not None and self.seen[0] == word:
            self.seen[1].set()
        self.threads.append(threading.current_thread())


def things(notes, **options):
    """A manager whose resources note their life."""

    @resource_manager(name="Thing", **options)
    class Thing:
        def __init__(self, name="a", fails=()):
            self.name, self.fails = name, fails

        def setup(self):
            notes.note(f"up {self.name}")
            if "setup" in self.fails:
                raise OSError(self.name)
            return f"value of {self.name}"

        def cleanup(self, resource):
            notes.note(f"down {self.name}")
            if "cleanup" in self.fails:
                raise OSError(self.name)

    return Thing


class interrupting:  # noqa: N801 - a block
    """Sends a Ctrl-C at line number `at` of the traced files, within the block."""

    def __init__(self, at, files):
        self.at, self.files, self.seen = at, files, 0

    def _trace(self, frame, event, _):
        code = frame.f_code
        if not code.co_filename.endswith(self.files) or code.co_name == "__del__":
            return None
        if event == "line":
            self.seen += 1
            if self.seen == self.at:
                signal.getsignal(signal.SIGINT)(signal.SIGINT, frame)
        return self._trace

    def __enter__(self):
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_):
        sys.settrace(None)
