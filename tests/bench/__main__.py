"""`python -m tests.bench`: every figure beside this machine's own limit, measured in the same run.

python -m tests.bench                    all of them, as a table
python -m tests.bench round_trips log    those files only
python -m tests.bench --write            and docs/benchmarks.md made anew (or BENCH_WRITE=1)
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def _main() -> int:
    # As pytest does by `pythonpath`: the bench shares tests/support with the tests.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    code = importlib.import_module("bench.run").main(sys.argv[1:])
    assert isinstance(code, int)
    return code


if __name__ == "__main__":
    sys.exit(_main())
