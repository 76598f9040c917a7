"""``%resources kinds`` and completion of what is registered by name."""

import pytest

from resnb import resource_manager
from resnb.errors import MagicError
from resnb.ledger.recipes import kinds
from resnb.notebook.commands.kinds import show_kinds
from resnb.notebook.completion import candidates
from resnb.notebook.session import Session


class Box:
    """Rents a box. It is returned.

    Whatever is in it is lost.

    Args:
        size: how large it is,
            in litres.
        colour: its colour.
        **more: what else to say.

    >>> Box(1)
    """

    def __init__(self, size, colour="red", **more): ...

    def cleanup(self, box): ...


KNOWN = {
    "box": kinds.Kind("box", Box, {}, None, install="acme[box]", module="json"),
    "crate": kinds.Kind("crate", Box, {}, None, install="acme[crate]", module="no_such_library"),
    "bare": kinds.Kind("bare", lambda: None, {}, None),
}


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setattr(kinds, "find", KNOWN.get)
    monkeypatch.setattr(kinds, "names", lambda: sorted(KNOWN))


def test_the_list(known, capsys):
    show_kinds(None)
    assert capsys.readouterr().out == (
        "bare()\n"
        "box(size, colour='red', **more)\n"
        "    Rents a box. It is returned.\n"
        "crate(size, colour='red', **more)\n"
        "    Rents a box. It is returned. (first: pip install 'acme[crate]')\n"
    )


def test_the_help_of_one(known, capsys):
    show_kinds("crate")
    assert (
        capsys.readouterr().out
        == """\
crate(size, colour='red', **more)
Rents a box. It is returned.

  size          how large it is, in litres.
  colour='red'  its colour.
  **more        what else to say.

needs: pip install 'acme[crate]', which is missing
"""
    )
    show_kinds("box")
    assert "needs: pip install 'acme[box]', which is there\n" in capsys.readouterr().out
    with pytest.raises(MagicError, match="'boxx' is not registered; did you mean box"):
        show_kinds("boxx")
    with pytest.raises(MagicError, match="'q' is not registered; there is bare, box, crate"):
        show_kinds("q")


@pytest.mark.parametrize(
    ("line", "word", "found"),
    [
        ("%resources open bo", "bo", ["box"]),
        ("%resources kinds c", "c", ["crate"]),
        ("%resources open box(", "", ["colour=", "size="]),
        ("%resources open box(3, co", "co", ["colour="]),
        ("%resources open box(size=3, ", "", ["colour="]),
        ("%%flow etl --with box(f(1), colour='(', s", "s", ["size="]),
        ("%%flow etl --with box(size=", "", []),
        ("%%flow etl --with box(3) as b --with crate(c", "c", ["colour="]),
        ("%%flow etl --with own(", "", ["colour=", "size="]),
        ("%%flow etl --with nothing(", "", []),
        ("%%flow etl --with box('co", "'co", []),
    ],
)
def test_completion(known, line, word, found):
    session = Session({"own": resource_manager(Box)})
    got_word, got = candidates(session, line)
    assert sorted(got) == found
    assert got_word == word or not found
