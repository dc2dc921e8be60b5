"""The manual's page of settings, made from the shipped defaults: every key, its value, what it may be, and why.

`python -m agentd.config.manual` prints the page; the committed copy is `docs/settings.md`, and a test fails when it is
stale. It decides nothing about settings and writes no file. Callers: people who changed a default, and that test.
"""

from __future__ import annotations

import sys
import tomllib

from agentd.config.keys import JOINED, PROJECT_SAFE, Key, Keys, toml_text
from agentd.config.layers import ENVIRONMENT_PREFIX
from agentd.config.load import MANAGED, shipped_text
from agentd.config.model import FEATURES, ConnectionSettings
from agentd.config.scan import Place, scan

__all__ = ["main", "page"]

_INTRODUCTION = f"""\
# Settings

<!-- Made by `python -m agentd.config.manual`. Change `daemon/agentd/config/defaults.toml` or `model.py`, not this page. -->

Settings are TOML. Where several places set a key, the one further down this list wins:

1. the shipped defaults, which are on this page;
2. the managed file `{MANAGED}`;
3. the user's file `settings.toml` in the config folder (`agentctl config set KEY VALUE` writes it);
4. `.agentd/settings.toml` of a workspace that you trust: only the keys marked *project*;
5. `.agentd/settings.local.toml` of a workspace that you trust;
6. environment variables `{ENVIRONMENT_PREFIX}<SECTION>__<KEY>`, e.g. `{ENVIRONMENT_PREFIX}TURN__MAX_STEPS=20`; the value is TOML, and
   a bare word counts as text;
7. flags of the daemon;
8. keys below `[locked]` in the managed file, e.g. `[locked.turn]`: nobody can override them.

`agentctl config show` prints each value with the file and line that set it. An unknown key is an error that names the
nearest known one. A file that changes is read again without a restart; when anything in it is wrong, nothing of it
counts, the old settings stay, and a notice says which line to mend.
"""


def page() -> str:
    """The whole page, with a newline at its end."""
    text = shipped_text()
    defaults, places, keys = tomllib.loads(text), scan(text), Keys(FEATURES)
    parts = [_INTRODUCTION]
    for section, names in keys.sections.items():
        parts.append(f"## `[{section}]`\n\n{places[(section,)].comment}\n")
        parts += [_entry(key, toml_text(defaults[section][name]), places) for name, key in names.items()]
        if section == "models":
            parts.append("## `[models.NAME]`\n\nOne table for each connection; the name is yours.\n")
            parts += [_entry(key, _default(name), places) for name, key in keys.connection.items()]
    return "\n".join(parts)


def _default(name: str) -> str:
    return "" if name == "kind" else toml_text(getattr(ConnectionSettings("offline"), name))


def _entry(key: Key, default: str, places: dict[tuple[str, ...], Place]) -> str:
    marks = [
        word for word, table in (("project", PROJECT_SAFE), ("lists of all places add up", JOINED)) if key.name in table
    ]
    facts = [f"default `{default}`" if default else "no default", key.allowed, *(f"*{mark}*" for mark in marks)]
    why = key.why or places[tuple(key.name.split("."))].comment
    return f"### `{key.name}`\n\n{'; '.join(facts)}.\n\n{why}\n"


def main() -> None:
    sys.stdout.write(page())


if __name__ == "__main__":
    main()
