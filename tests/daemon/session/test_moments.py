"""Moments are told in UTC, to the second."""

from agentd.session.moments import moment


def test_a_moment_is_told_as_people_read_it() -> None:
    assert moment(1_795_237_920_999) == "2026-11-21 05:12:00 UTC"
