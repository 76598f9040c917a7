"""The timer in user data: it is run here, by the shell, with a `shutdown` that only says so."""

import email
import os
import subprocess
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from resnb.resources.user_data import with_timer

SCRIPT = "#!/usr/bin/env python3\nprint('é')\n"


def parts_of(data):
    whole = email.message_from_string(data)
    assert whole.get_content_type() == "multipart/mixed"
    return [one for one in whole.walk() if not one.is_multipart()]


def text_of(part):
    return part.get_payload(decode=True).decode()


@pytest.fixture
def run(tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, line in {"shutdown": 'echo "$@"', "date": f"cat {tmp_path}/now"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)

    def run(script, now):
        (tmp_path / "now").write_text(str(now))
        variables = {"PATH": f"{programs}:{os.environ['PATH']}"}
        done = subprocess.run(
            script, env=variables, check=True, capture_output=True, text=True, shell=True
        )
        return done.stdout.strip()

    return run


def test_the_timer_is_set_at_each_start(run, tmp_path):
    timer = text_of(parts_of(with_timer("", 7200))[0])
    assert timer.startswith("#!/bin/sh\n")
    here = timer.replace("/var/lib/cloud", f"{tmp_path}/cloud")
    assert run(here, 1_000_000) == "-P +120"
    at_each_start = f"{tmp_path}/cloud/scripts/per-boot/resnb-self-destruct"
    assert run(at_each_start, 1_000_060) == "-P +119"
    assert run(at_each_start, 1_007_190) == "-P +1"
    assert run(at_each_start, 1_009_999) == "-P +0"


def test_a_script_of_the_user_is_a_part_of_its_own():
    timer, script = parts_of(with_timer(SCRIPT, 60))
    assert timer.get_content_type() == "text/x-shellscript"
    assert script.get_content_type() == "text/plain"  # its first line tells cloud-init what it is
    assert text_of(script) == SCRIPT


def test_several_parts_of_the_user_stay_what_they_are():
    own = MIMEMultipart()
    own.attach(MIMEText("#cloud-config\n{}\n", "cloud-config"))
    own.attach(MIMEText(SCRIPT, "x-shellscript", "utf-8"))
    _, config, script = parts_of(with_timer(own.as_string(), 60))
    assert config.get_content_type() == "text/cloud-config"
    assert (script.get_content_type(), text_of(script)) == ("text/x-shellscript", SCRIPT)


@pytest.mark.parametrize("tag", ["powershell", "script"])
def test_a_script_of_windows_sets_the_timer_first(tag):
    data = with_timer(f"<{tag}>\ndir\n</{tag}>", 3600)
    assert data == f"<{tag}>\nshutdown /s /t 3600\ndir\n</{tag}>"
