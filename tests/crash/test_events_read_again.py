"""An event that is read from the log has the same body as when it was published live, to the byte.

msgspec leaves a default out only when it is the same object, so a text that is equal to its default could be left out
live and sent after a restart; who hashes the bodies of a stream would get two hashes.
"""

from __future__ import annotations

import pytest

from agentd.session.projection import project
from agentproto.shape import to_plain
from crash.stories import STORIES, Story, Told, a_world, tell
from crash.test_streams_over_restarts import all_lines


@pytest.mark.parametrize("story", STORIES[4:5], ids=lambda story: story.name)
def test_what_is_read_again_has_the_body_that_was_published(story: Story) -> None:
    world, told = a_world(story), Told()
    world.run(tell(world, story, told))
    (live,) = told.lines()
    read = all_lines(world.restart(), told.session)
    bodies = [
        [to_plain(event[1]) for line in lines if (event := project(told.session, line))] for lines in (live, read)
    ]
    assert bodies[0] == bodies[1]
