"""Write the version of `resnb/__init__.py` wherever it is repeated: `make version`.

npm has its own form of pre-releases: `0.2.0.dev1` is `0.2.0-dev.1` there.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPEATED = {
    "CITATION.cff": r"(?m)(?<=^version: ).*$",
    "tools/conda/meta.yaml": r'(?<=set version = ")[^"]*',
}
"""Files that repeat it, and the pattern of what is replaced."""


def own() -> str:
    """The version of the package."""
    text = (ROOT / "resnb" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.*)"$', text, re.MULTILINE)
    if found is None:
        raise ValueError("resnb/__init__.py has no line __version__ = ...")
    return found[1]


def as_npm(version: str) -> str:
    """A version in npm's form."""
    version = re.sub(r"\.(dev|post)(\d+)$", r"-\1.\2", version)
    return re.sub(r"(?<=\d)(a|b|rc)(\d+)$", r"-\1.\2", version)


def rewritten(version: str) -> dict[Path, str]:
    """The files that repeat the version, with their texts as they should be."""
    found = {}
    for name, pattern in REPEATED.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        found[ROOT / name] = re.sub(pattern, version, text)
    for name in ("package.json", "package-lock.json"):
        data = json.loads((ROOT / name).read_text(encoding="utf-8"))
        for place in (data, data.get("packages", {}).get("", {})):
            if "version" in place:
                place["version"] = as_npm(version)
        found[ROOT / name] = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    return found


def main() -> int:
    """Write them."""
    for path, text in rewritten(own()).items():
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: {own()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
