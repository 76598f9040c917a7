"""Print the circles among resnb's files: files that import each other, type checking included.

import-linter keeps the layers apart; within a layer it has no rule for files. Exits with 1 if there
is a circle.
"""

import sys
from graphlib import CycleError, TopologicalSorter

import grimp


def main() -> int:
    """Print one line; 0 if no file imports itself by way of others."""
    graph = grimp.build_graph("resnb", cache_dir=None)
    imports = {one: graph.find_modules_directly_imported_by(one) for one in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        print("Files import each other in a circle:", " -> ".join(reversed(error.args[1])))
        return 1
    print(f"0 circles among {len(imports)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
