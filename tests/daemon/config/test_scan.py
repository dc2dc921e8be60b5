"""Lines and comments of keys in TOML texts, whatever stands between them."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from agentd.config.scan import Place, place_of, scan


def test_every_form_of_a_key_has_its_line_and_its_comment() -> None:
    text = """\
# about all

# first reason,
# second line
a.b = 1
'c d'."e=f" = "# no comment = 1" # a remark
[t] # a table
long = [ # numbers
  1, 2, # [3
  "]", '''
x = 4
''',
]
text = \"\"\"
y = 5 \\"\"\"
[z]
\"\"\"
# of the inner table
inner = { q = 1, "r" = [2] }
[[list."of tables"]]
last = 2026-01-01"""
    tomllib.loads(text)
    assert scan(text) == {
        ("a", "b"): Place(5, "first reason, second line"),
        ("c d", "e=f"): Place(6, ""),
        ("t",): Place(7, ""),
        ("t", "long"): Place(8, ""),
        ("t", "text"): Place(14, ""),
        ("t", "inner"): Place(19, "of the inner table"),
        ("list", "of tables"): Place(20, ""),
        ("list", "of tables", "last"): Place(21, ""),
    }


def test_lines_are_counted_with_any_line_end() -> None:
    assert scan("a = 1\r\n\r\n# why\r\nb = 2\r\n") == {("a",): Place(1, ""), ("b",): Place(4, "why")}


def test_what_has_no_statement_of_its_own_is_at_the_one_that_holds_it() -> None:
    places = scan("\nt = { a = 1 }\n")
    assert place_of(("t", "a"), places) == Place(2, "")
    assert place_of(("other",), places) == Place(1, "")


@given(st.lists(st.tuples(st.text(), st.lists(st.text()))))
def test_it_finds_the_line_of_any_text_as_a_key(rows: list[tuple[str, list[str]]]) -> None:
    """Keys and values are quoted as TOML asks; each statement is on a line that is known."""
    wanted: dict[tuple[str, ...], int] = {}
    lines: list[str] = []
    for key, values in dict(rows).items():
        wanted[(key,)] = len(lines) + 1
        lines += [f"{quoted(key)} = [", *(f"  {quoted(value)}, # {i}" for i, value in enumerate(values)), "]"]
    text = "\n".join(lines)
    assert tomllib.loads(text) == dict(rows)
    assert {path: place.line for path, place in scan(text).items()} == wanted


def quoted(text: str) -> str:
    return '"' + "".join(c if c.isalnum() else f"\\U{ord(c):08x}" for c in text) + '"'
