"""daemon.*: condition, stop, variables."""

from __future__ import annotations

import pytest

from agentd.errors import TooLargeError
from agentproto.api import daemon as api
from support.reception import STATUS, Reception, receive


def test_status_and_stop_go_to_the_daemon_itself() -> None:
    async def story(desk: Reception) -> None:
        assert await desk.ask("daemon.status") == STATUS
        assert await desk.ask("daemon.stop", key="k", drain=False) == api.StopResult(3)
        assert desk.stops == [False]

    receive(story)


def test_only_the_variables_that_were_asked_for_are_taken() -> None:
    async def story(desk: Reception) -> None:
        taken = await desk.ask("daemon.environment", variables={"PATH": "/bin", "SECRET": "x", "LANG": "C"})
        assert taken == api.EnvironmentResult(("LANG", "PATH"))
        assert desk.caller.variables == {"PATH": "/bin", "LANG": "C"}
        assert desk.environment == desk.caller.variables
        with pytest.raises(TooLargeError, match="the variable PATH"):
            await desk.ask("daemon.environment", variables={"PATH": "x" * 100_000})

    receive(story)
