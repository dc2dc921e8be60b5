"""`python -m tests.crash.table`: every story under every fault, counted, as the table of docs/reliability.md.

python -m tests.crash.table                  the points of `make test`, printed
python -m tests.crash.table --full           all of them
python -m tests.crash.table --full --write   and put into docs/reliability.md between its marks
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def _main() -> int:
    # As pytest does by `pythonpath`: the harness shares tests/support with the tests.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    code = importlib.import_module("crash.counting").main(sys.argv[1:])
    assert isinstance(code, int)
    return code


if __name__ == "__main__":
    sys.exit(_main())
