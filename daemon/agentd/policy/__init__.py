"""Floor 3, what a tool call may do: allow, ask or deny, each with its reason.

`access` is what a call wants to touch, `decide` the judgement over it, `rules` what people wrote in settings and on the
command line, `grants` what they answered, `gates`, `modes` and `secrets` the tables. All pure: paths come in real and
absolute, and whatever cannot be told for certain is a question. It knows no tool, no session and no model.
"""

from __future__ import annotations

__all__: list[str] = []
