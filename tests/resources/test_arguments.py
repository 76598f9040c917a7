"""What ready-made resources say of an argument that they cannot take, before anything is made."""

from pathlib import Path

import pytest

from resnb.errors import NothingMadeError, OptionError, ResnbError
from resnb.resources import (
    DaskCluster,
    DockerContainer,
    KubernetesDeployment,
    KubernetesJob,
    PostgresDatabase,
    SSHTunnel,
    Subprocess,
    TemporaryFolder,
    command,
)

ONE = "a list of texts and paths, not "
URL = "server must be a URL such as postgresql://user@host:5432/postgres"
WRONG = [
    (TemporaryFolder(5), "prefix must be a text, not 5"),
    (TemporaryFolder("a/b"), "prefix has a slash: name the folder around it as parent"),
    (TemporaryFolder("a\0"), "prefix has a NUL character, which no command or path can hold"),
    (TemporaryFolder("a", 5), "parent must be a path, not 5"),
    (TemporaryFolder("a", b"/tmp"), "parent must be a path, not a value of type bytes"),
    (Subprocess(""), "Subprocess needs a command: a list such as"),
    (Subprocess(5), f"args must be a text, or {ONE}5"),
    (Subprocess(b"sleep 9"), f"args must be a text, or {ONE}a value of type bytes"),
    (Subprocess({"sleep": 9}), f"args must be a text, or {ONE}a value of type dict"),
    (Subprocess(["sleep", 9]), "a word of args must be a path, not 9"),
    (Subprocess("sleep '9"), "a quote in args is not closed"),
    (Subprocess("sl\0eep"), "args has a NUL character"),
    (Subprocess("sleep 9", cwd=5), "cwd must be a path, not 5"),
    (Subprocess("sleep 9", env=5), "env must be a mapping of names to values, not 5"),
    (Subprocess("sleep 9", env={"A=B": 1}), "'A=B' in env is no name of a variable"),
    (Subprocess("sleep 9", env={5: 1}), "5 in env is no name of a variable"),
    (Subprocess("sleep 9", env={"A": "\0"}), "env['A'] has a NUL character"),
    (
        Subprocess("sleep 9", ready_port="80"),
        "ready_port must be a whole number, not a value of type str",
    ),
    (Subprocess("sleep 9", ready_line=5), "ready_line must be a text, not 5"),
    (command(5, "true"), "up must be a text, not 5"),
    (command("true", None), "down must be a text, not a value of type NoneType"),
    (command("a\0", "true"), "up has a NUL character"),
    (
        command("true", "true", env=["A"]),
        "env must be a mapping of names to values, not a value of",
    ),
    (DockerContainer(5), "image must be a text, not 5"),
    (DaskCluster("two"), "n_workers must be a whole number, not a value of type str"),
    (DaskCluster(-1), "n_workers must be a whole number of at least 0, not -1"),
    (
        DaskCluster(n_workers=True),
        "n_workers must be a whole number, not a value of type bool",
    ),
    (DaskCluster(cluster=5), "cluster must be a text, not 5"),
    (DaskCluster(self_destruct="soon"), "self_destruct='soon' is no duration"),
    (DockerContainer("tiny", self_destruct="soon"), "self_destruct='soon' is no duration"),
    (KubernetesJob("tiny", 5), f"command must be a text, or {ONE}5"),
    (KubernetesJob("tiny", "run", environment={"A=B": 1}), "'A=B' in environment is no name"),
    (KubernetesDeployment(None), "image must be a text, not a value of type NoneType"),
    (SSHTunnel(5, 80), "host must be a text, not 5"),
    (SSHTunnel("a\0", 80), "host has a NUL character"),
    (
        SSHTunnel("host", "80"),
        "remote_port must be a whole number, not a value of ty",
    ),
    (SSHTunnel("host", 80, -1), "local_port=-1 is no port"),
    (SSHTunnel("host", 0), "remote_port=0 is no port: give 1 to 65535"),
    (PostgresDatabase(5), "server must be a text, not 5"),
    (PostgresDatabase("hidden"), URL),
    (PostgresDatabase("postgresql://localhost/x", name=5), "name must be a text, not 5"),
]


@pytest.mark.parametrize(("use", "said"), WRONG)
def test_a_wrong_argument_is_named(use, said):
    with pytest.raises(OptionError) as caught, use:
        pass
    text = str(caught.value)
    assert said in text
    assert text.startswith((use.manager.name, "Subprocess needs"))
    assert "hidden" not in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "url", ["postgresql://u:hidden@[::1", "postgresql://u:hid/den@h/x", "postgres://u:hidden%zz@h"]
)
def test_a_url_that_is_none_is_not_shown(url):
    with pytest.raises(NothingMadeError, match=URL) as caught, PostgresDatabase(url):
        pass
    assert "hid" not in str(caught.value)
    assert "den" not in str(caught.value)


def test_what_is_no_class_is_no_cluster():
    with pytest.raises(ResnbError, match=r"cluster=.os\.path. is no class, but a module"):
        DaskCluster(cluster="os.path").open()


def test_paths_and_numbers_are_taken_in_each_form(tmp_path):
    with TemporaryFolder("a-", Path(tmp_path)) as folder:
        assert folder.parent == tmp_path
    with Subprocess([Path("/bin/sleep"), "9"], env={"N": 5}, cwd=Path(tmp_path)) as process:
        assert process.returncode is None
