"""Floor 2: settings as frozen values, each with the file and line that set it.

`load` joins the layers, `model` is what comes out, `detect` says which model servers could be used without any
configuration. `edit` writes and is imported only when something is written. Knows no room beside or above it.
"""

from __future__ import annotations

__all__: list[str] = []
