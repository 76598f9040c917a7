"""What a worker has attached for several runs at the same time."""

import pickle

from resnb.dask.workers.attachments import Attachments

LIVE = pickle.dumps((None, "live"))


def test_another_run_attaches_while_one_leaves():
    attachments = Attachments()

    class Topic(str):
        """Just when it is compared, another thread gets its turn."""

        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other):
            attachments.attach("other", "task", f"lease {len(others)}", LIVE)
            others.append(other)
            return str(self) == other

    others = []
    for number in range(3):
        attachments.attach("run", "task", f"lease {number}", LIVE)
    assert attachments.leave(Topic("run")) == [(None, "live")] * 3
    assert attachments.leave("other") == [(None, "live")] * len(others)
    assert attachments.leave("run") == []
