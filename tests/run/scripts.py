"""Starting scripts that use resnb, and talking to them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAD = f"""
import os, signal, subprocess, sys, threading, time
sys.path.insert(0, {str(ROOT)!r})
from resnb import *

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

@resource_manager
class Thing:
    def __init__(self, name="thing"):
        self.name = name
    def setup(self):
        say("setup", self.name)
        return self.name
    def cleanup(self, resource):
        say("cleanup", resource)
"""
LIMIT = 60.0
_SLOW = "interrupted: waiting for "


def script(text):
    """Start a script; the caller ends it."""
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + text],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )


def lines_until(process, wanted):
    """The lines that the script says, up to and with `wanted`."""
    found = []
    for line in process.stdout:
        found.append(line.rstrip("\n"))
        if found[-1] == wanted:
            return found
    raise AssertionError(f"no {wanted!r} in {found}; stderr: {process.stderr.read()}")


def outcome(process):
    """What the script says from now on, what it writes to stderr, and how it ends.

    What an interrupt still waits for is left out: it is said on a slow machine only.
    """
    with process:
        try:
            out, err = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    told = [one for one in err.splitlines(keepends=True) if not one.startswith(_SLOW)]
    return out.splitlines(), "".join(told), process.returncode


def done(text):
    """All of that for a script that ends by itself."""
    return outcome(script(text))
