"""Secrets in a text that is shown: what looks like one is left out, its name stays."""

import re

from resnb.ledger.recipes.captured import looks_secret

LEFT_OUT = "<not shown>"
_NAME = re.compile(r"[A-Za-z_][\w-]*")
_IS = re.compile(r"""['"]?\s*[=:]\s*""")
_FOLLOWS = re.compile(r"""['"]?\s*,\s*|\s+""")
_VALUE = re.compile(r"""b?'(?:[^'\\]|\\.)*'?|b?"(?:[^"\\]|\\.)*"?|[^\s,;&)}\]]+""")
_IN_ADDRESS = re.compile(r"(\w+://[^/\s:@]*):[^/\s@]+@")


def masked(text: str) -> str:
    """`text` without the values of names that look like secrets, and passwords in addresses."""
    text = _IN_ADDRESS.sub(rf"\1:{LEFT_OUT}@", text)
    found, done = [], 0
    for name in _NAME.finditer(text):
        if name.start() < done or not looks_secret(name[0].strip("-").replace("-", "_")):
            continue
        is_option = text[: name.start()].endswith("-")  # as in ``--password x``
        mark = _IS.match(text, name.end()) or (is_option and _FOLLOWS.match(text, name.end()))
        value = _VALUE.match(text, mark.end()) if mark else None
        if value is not None:
            found += [text[done : value.start()], LEFT_OUT]
            done = value.end()
    return "".join([*found, text[done:]])
