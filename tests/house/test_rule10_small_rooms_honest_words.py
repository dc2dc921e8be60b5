"""Rule 10: small rooms, honest words; what the text of a module shows (its import is `test_rule10_import_does_nothing`).

Sorting of `__all__`, commented-out code and relative imports are ruff's business; here is a test that ruff is asked.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable

import pytest

from house.tree import CONTAINERS, ROOT, Source, none, sample, sources, suite

MOST_LINES = 400  # one that passes it is asked what second thing it decides
SHORTEST_DOCSTRING = 15  # characters; fewer cannot say what a module decides and what it must never do
BANNED = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc", "stuff"}
RUFF_RULES = {"ERA", "TID", "RUF", "BLE", "DTZ"}
# Where a late import is worth it. (The command line has one place for all of its own: `agentctl.lazy`.)
LATE_IMPORTS = {
    "agentd.providers.keys_keyring": "the keyring's library is for the program alone, not for who knows its exit codes",
    "agentd.settings.room": "tomlkit is 25 ms of a start, and needed only when a setting is written",
    "agentd.world.real": "httpx is a quarter of the time that a start may take; it is loaded when something is sent",
}


def without_docstring(source: Source) -> list[str]:
    text = ast.get_docstring(source.tree) or ""
    if len(text) < SHORTEST_DOCSTRING:
        return [f"{source.place}: the module does not say what it decides"]
    return []


def too_long(source: Source) -> list[str]:
    count = len(source.lines)
    return [f"{source.place}: {count} lines"] if count > MOST_LINES else []


def badly_named(source: Source) -> list[str]:
    """Names of files, folders and classes that say nothing."""
    classes = [node.name for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]
    names = [*source.place.removesuffix(".py").split("/"), *classes]
    return [f"{source.place}: {name}" for name in names if BANNED & set(words(name))]


def words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def public_names(source: Source) -> set[str]:
    """What a module defines at its top level without an underscore in front. Imports are not its own, a type variable
    is only a letter for its signatures, and the name in a comprehension ends with it."""
    names = {node.name for node in source.tree.body if isinstance(node, SCOPES) and not is_subcommand(node)}
    statements = [*source.tree.body]
    while statements:
        node = statements.pop()
        if isinstance(node, SCOPES):
            continue
        if not (isinstance(node, ast.Assign) and ast.unparse(node.value).startswith(("TypeVar(", "ParamSpec("))):
            names |= stored(node)
        statements += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
    return {name for name in names if not name.startswith("_")}


def is_subcommand(node: ast.stmt) -> bool:
    """`@main.command("list")`: reached through the command that it belongs to, and never by its name."""
    decorators = getattr(node, "decorator_list", [])
    return any(re.match(r"(?!click\.)\w+\.(command|group)\(", ast.unparse(decorator)) for decorator in decorators)


def stored(node: ast.stmt) -> set[str]:
    """Names that this statement itself binds, without those of statements inside it."""
    match node:
        case ast.Assign(targets=targets):
            bound: list[ast.expr] = targets
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target) | ast.For(target=target):
            bound = [target]
        case _:
            bound = []
    return {name.id for target in bound for name in ast.walk(target) if isinstance(name, ast.Name)}


SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def exported(source: Source) -> list[str] | None:
    """The value of `__all__`, None when there is none or it is not a plain list of texts."""
    for node in source.tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            try:
                return list(ast.literal_eval(node.value))  # type: ignore[attr-defined,arg-type]
            except (ValueError, TypeError):
                return None
    return None


def badly_exported(source: Source) -> list[str]:
    """`__all__` equals the public names; a package may name what it imports, `__version__` is a name like others."""
    names = exported(source)
    if names is None:
        return [f"{source.place}: no plain __all__"]
    own = public_names(source)
    if source.stem == "__init__":
        own |= {
            alias.asname or alias.name
            for node in source.tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        return [f"{source.place}: __all__ has {name}, which is not there" for name in sorted(public(names) - own)]
    return [f"{source.place}: {name}" for name in sorted(public(names) ^ own)]


def public(names: list[str]) -> set[str]:
    return {name for name in names if not name.startswith("__")}


def without_future(source: Source) -> list[str]:
    """Annotations cost nothing at import: wherever something is defined."""
    asked = any(isinstance(node, SCOPES) for node in source.tree.body)
    given = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in source.tree.body)
    return [f"{source.place}: no `from __future__ import annotations`"] if asked and not given else []


def late_imports(source: Source) -> list[str]:
    if source.name in LATE_IMPORTS:
        return []
    return [
        f"{source.place}:{node.lineno}"
        for scope in ast.walk(source.tree)
        if isinstance(scope, SCOPES)
        for node in ast.walk(scope)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]


def relative(source: Source) -> list[str]:
    return [
        f"{source.place}:{node.lineno}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]


CHECKS: list[Callable[[Source], list[str]]] = [
    without_docstring,
    too_long,
    badly_named,
    badly_exported,
    without_future,
    late_imports,
    relative,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_module_keeps_to_it(check: Callable[[Source], list[str]]) -> None:
    none(fault for source in sources() for fault in check(source))


@pytest.mark.parametrize("check", [without_docstring, badly_named, relative], ids=lambda check: check.__name__)
def test_every_test_file_keeps_to_it(check: Callable[[Source], list[str]]) -> None:
    none(fault for source in suite() for fault in check(source))


def test_the_table_of_late_imports_has_no_stale_row() -> None:
    late = {
        source.name
        for source in sources()
        for scope in ast.walk(source.tree)
        if isinstance(scope, SCOPES)
        for node in ast.walk(scope)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert set(LATE_IMPORTS) - late == set()


def test_the_containers_are_no_packages() -> None:
    """An `__init__.py` in one of them would shadow other people's `proto` and `daemon`."""
    assert [name for name in CONTAINERS if (ROOT / name / "__init__.py").exists()] == []
    assert [name for name in CONTAINERS if not (ROOT / name).is_dir()] == []


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {source.place.rpartition("/")[0] for source in sources()}
    assert sorted(folder for folder in folders if not (ROOT / folder / "__init__.py").exists()) == []


def test_ruff_is_asked_for_what_is_not_checked_here() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert RUFF_RULES - set(settings["select"]) == set()
    assert [rule for rule in settings["ignore"] if rule.startswith(tuple(RUFF_RULES - {"RUF"}))] == []
    assert settings["flake8-tidy-imports"]["ban-relative-imports"] == "all"


def ruff(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "check", "--select", "ERA,RUF022", "--stdin-filename", "x.py", "-"]
    return subprocess.run(command, cwd=ROOT, input=text, capture_output=True, text=True, timeout=60, check=False).stdout


def test_ruff_finds_commented_out_code_and_an_unsorted_face() -> None:
    assert "ERA001" in ruff("# x = f(1)\n# import os\n")
    assert "RUF022" in ruff('__all__ = ["b", "a"]\n')
    assert "All checks passed" in ruff("# Why this is so.\n")


@pytest.mark.parametrize(
    ("check", "text", "place"),
    [
        (without_docstring, "x = 1\n", "daemon/agentd/x.py"),
        (without_docstring, '"""Words."""\n', "daemon/agentd/x.py"),
        (too_long, "x = 1\n" * (MOST_LINES + 1), "daemon/agentd/x.py"),
        (badly_named, "", "daemon/agentd/turn/utils.py"),
        (badly_named, "", "daemon/agentd/path_helpers.py"),
        (badly_named, "", "daemon/agentd/common/x.py"),
        (badly_named, "class SessionManager: ...\n", "daemon/agentd/x.py"),
        (badly_exported, "x = 1\n", "daemon/agentd/x.py"),
        (badly_exported, "__all__ = []\ndef f(): ...\n", "daemon/agentd/x.py"),
        (badly_exported, "__all__ = ['g']\n", "daemon/agentd/x.py"),
        (badly_exported, "__all__ = [*other]\n", "daemon/agentd/x.py"),
        (badly_exported, "from x import a\n__all__ = ['a', 'b']\n", "daemon/agentd/turn/__init__.py"),
        (badly_exported, "__all__ = []\nif True:\n    x = 1\n", "daemon/agentd/x.py"),
        (without_future, "def f(): ...\n", "daemon/agentd/x.py"),
        (late_imports, "def f():\n    import os\n", "daemon/agentd/x.py"),
        (relative, "from . import x\n", "daemon/agentd/x.py"),
    ],
)
def test_a_bad_sample_is_found(check: Callable[[Source], list[str]], text: str, place: str) -> None:
    assert check(sample(text, place)) != []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("__all__ = ['C', 'f', 'x']\nx: int = 1\n_y = 2\ndef f(): ...\nclass C: ...\n", "daemon/agentd/x.py"),
        ("import os\nfrom x import a\n__all__: list[str] = []\n", "daemon/agentd/x.py"),
        ("from x import a\n__all__ = ['a']\n", "daemon/agentd/turn/__init__.py"),
        ("__all__ = ['__version__']\n__version__ = '1'\n", "proto/agentproto/__about__.py"),
    ],
)
def test_an_honest_face_is_not_found(text: str, place: str) -> None:
    assert badly_exported(sample(text, place)) == []
