"""What ready-made resources say when they fail: which one, why, and nothing of a library's lines."""

import sys
from types import SimpleNamespace

import pytest

from resnb.errors import CleanupError, NothingMadeError, ResnbError
from resnb.resources import DaskCluster, Subprocess, command
from resnb.resources.common import last_words, shortened
from resnb.resources.shell import CommandManager


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("ls  -l\n", "ls -l"),
        ("a\nb", "a b"),
        (
            "curl --token abc https://me:pw@host/",
            "curl --token <not shown> https://me:<not shown>@host/",
        ),
        ("x" * 100, f"{'x' * 52} ... {'x' * 15}"),
    ],
)
def test_a_command_in_a_message_is_short_and_keeps_secrets(given, said):
    assert shortened(given) == said


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("", "nothing was printed"),
        ("\n \n", "nothing was printed"),
        ("one\ntwo\n\nthree\nfour\n", "two; three; four"),
        ("x" * 999, f"... {'x' * 296}"),
    ],
)
def test_the_last_words_of_a_program_are_bounded(output, said):
    assert last_words(output) == said


def refused(manager, kind=ResnbError):
    with pytest.raises(kind) as caught, manager:
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_command_says_which_line_failed_how_and_why():
    assert refused(command("echo no >&2; echo luck >&2; exit 3", "true")) == (
        "command: up='echo no >&2; echo luck >&2; exit 3' ended with exit code 3: no; luck"
    )
    assert refused(command("exit 3", "true")).endswith("exit code 3: it printed no error")
    manager = CommandManager("true", "exit 4")
    manager.lease = SimpleNamespace(id="a" * 32)
    with pytest.raises(CleanupError, match=r"^command: down='exit 4' ended with exit code 4: it"):
        manager.cleanup("")


def test_a_process_says_what_it_was():
    assert refused(Subprocess("no-such-program --token x"), NothingMadeError) == (
        "Subprocess: 'no-such-program --token <not shown>' cannot be started: "
        "No such file or directory"
    )
    ended = refused(Subprocess([sys.executable, "-c", "print(1)"], ready_line="ready"))
    assert ended.startswith("Subprocess: ")
    assert ended.endswith(" ended with exit code 0 before it was ready: 1")


def test_a_command_without_a_folder_has_made_nothing(tmp_path):
    refusal = refused(command("true", "true", cwd=tmp_path / "no"), NothingMadeError)
    assert refusal == f"command: cwd='{tmp_path}/no' is no folder"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"dashboard_adress": ":0"},
            "LocalCluster has no option 'dashboard_adress'; did you mean 'dashboard_address'?",
        ),
        (
            {"memory_limt": 1},
            "LocalCluster has no option 'memory_limt'; did you mean 'memory_limit'?",
        ),
        (
            {"ttl": "2h"},
            "LocalCluster has no option 'ttl'; did you mean DaskCluster.options(ttl=...)(...)?",
        ),
        ({"zzz": 1}, "LocalCluster has no option 'zzz'"),
        ({"cluster": "distributed.SpecCluster", "zzz": 1}, "SpecCluster has no option 'zzz'"),
        (
            {"cluster": "distributed.Nope"},
            (
                "cluster='distributed.Nope' is no class that can be imported: "
                "module 'distributed' has no attribute 'Nope'"
            ),
        ),
    ],
)
def test_an_option_that_a_class_of_clusters_does_not_take(options, said):
    assert refused(DaskCluster(1, **options), NothingMadeError) == f"DaskCluster: {said}"
