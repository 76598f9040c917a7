"""Which lease is set up, or taken over."""

from types import SimpleNamespace

from resnb.run.opening import prepared


def test_what_is_kept_only_while_set_up_waits_is_taken_over():
    """The kernel before has ended, and its reaper has not noticed yet."""
    lease, known = object(), []
    keeper = SimpleNamespace(
        prepare_alone=lambda _: None,
        predecessors=SimpleNamespace(wait=lambda _: known.append(lease) or ""),
        adoptions=SimpleNamespace(
            by_command=lambda _: None, for_scope=lambda _: next(iter(known), None)
        ),
    )
    assert prepared(keeper, None) == (lease, "")
