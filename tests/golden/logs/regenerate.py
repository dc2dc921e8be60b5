"""Make the golden log of the present format anew: `python tests/golden/logs/regenerate.py --replace`.

A log of a released version is never replaced: old logs must stay readable. It tells one story with every kind of
outcome in a simulated world, so that its bytes are the same on every machine.
"""

from __future__ import annotations

import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent.parent)]

from support.golden_story import golden_log, golden_state  # noqa: E402 - found by the line above


def main() -> None:
    if "--replace" not in sys.argv:
        sys.exit(__doc__)
    data = golden_log()
    (HERE / "v1.jsonl").write_bytes(data)
    (HERE / "v1.state.json").write_bytes(golden_state(data))


if __name__ == "__main__":
    main()
