"""Draw docs/pictures/first-minute.svg from what the real commands print: `python tests/support/picture.py`.

The picture is made, never painted: a private home, the real daemon, this repository as the workspace.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

from rich.console import Console
from rich.text import Text

ROOT = pathlib.Path(__file__).parent.parent.parent
TARGET = ROOT / "docs" / "pictures" / "first-minute.svg"
WIDTH = 118


def main() -> None:
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    with tempfile.TemporaryDirectory(dir="/tmp") as home, tempfile.TemporaryDirectory(dir="/tmp") as folder:
        environment = os.environ | {"AGENTD_HOME": home, "COLUMNS": str(WIDTH)}

        def run(*arguments: str, cwd: str | pathlib.Path = ROOT, show: str | None = None) -> str:
            shown = show or " ".join(["agentctl", *arguments])
            console.print(Text(f"$ {shown}", style="bold green"))
            done = subprocess.run(
                [sys.executable, "-m", "agentctl", *arguments],
                cwd=cwd,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            for line in done.stdout.rstrip("\n").splitlines():
                line = line.replace(home, "~/.agentd").replace(folder, "~/project")
                console.print(Text(line[: WIDTH - 1], style="dim" if line.startswith(("*", "-")) else ""))
            console.print()
            return done.stdout

        try:
            run(
                "ask",
                "which file defines the wire's size limits?",
                show='agentctl ask "which file defines the wire\'s size limits?"',
            )
            run(
                "ask",
                "--no-input",
                "run: touch made.txt",
                cwd=folder,
                show='agentctl ask --no-input "run: touch made.txt"',
            )
            status = json.loads(
                subprocess.check_output(
                    [sys.executable, "-m", "agentctl", "daemon", "status", "--json"], env=environment, text=True
                )
            )
            console.print(Text(f"$ kill -9 {status['pid']}      # the daemon itself", style="bold green"))
            console.print()
            os.kill(status["pid"], signal.SIGKILL)
            waiting = run("pending")
            question = re.search(r"s\w{16}\.q1", waiting)
            assert question is not None, waiting
            run("approve", question.group(0))
            for _ in range(50):
                if (pathlib.Path(folder) / "made.txt").exists():
                    break
                time.sleep(0.1)
            console.print(Text("$ ls", style="bold green"))
            console.print(" ".join(os.listdir(folder)))
        finally:
            subprocess.run(
                [sys.executable, "-m", "agentctl", "daemon", "stop"], env=environment, capture_output=True, check=False
            )
    svg = console.export_svg(title="agentctl")
    # The picture must not fetch anything when it is looked at.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code", "ui-monospace")
    TARGET.write_text(svg)


if __name__ == "__main__":
    main()
