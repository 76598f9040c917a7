"""A kernel that opens what a file lists, writes down the leases, and waits for its end.

python opens_all.py LIST ANSWER
"""

import json
import signal
import sys
from pathlib import Path

import resnb.resources
from tests.resources.services import fill


def main(listed, answer):
    held = {}
    for name, (kind, args, options) in json.loads(Path(listed).read_text()).items():
        held[name] = getattr(resnb.resources, kind)(*args, **options).open(name)
    fill(held["S3Prefix"].value)
    written = Path(f"{answer}.new")
    written.write_text(json.dumps({name: one.lease.id for name, one in held.items()}))
    written.rename(answer)
    signal.pause()


if __name__ == "__main__":  # Dask's workers import it again
    main(*sys.argv[1:])
