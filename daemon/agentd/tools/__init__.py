"""Floor 4, what the model can do: the tools, how their arguments are checked, how their results are bounded.

`base` declares what a tool is, `registry` lists the built-in ones (one file each in `builtin/`, prompt text in
`prompts/`), `arguments` and `schema` stand between a model's words and a tool's types, `partition` says what runs
together, `output` cuts results, `search_jobs` and `snapshot_jobs` run in the worker process. No tool decides whether it
may run: it names what it would touch, and `agentd.policy` judges. Nothing is re-exported.
"""

from __future__ import annotations

__all__: list[str] = []
