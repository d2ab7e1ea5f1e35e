"""Posts that look alike: each is told from the others, whichever answers are lost."""

from __future__ import annotations

from tests.fakes.zulip import FakeZulip
from tests.zulip.conftest import Mover, differences
from tests.zulip.killed import world
from tests.zulip.test_faults import doubles


def test_lost_answers_and_lost_calls_by_turns_mix_up_no_equal_posts(mover: Mover, fake: FakeZulip) -> None:
    """A landed post's answer is lost, then the next one's call, which looks the same: by turns, all the way."""
    honest, turn = fake.answer, 0

    def answer(*arguments: object) -> dict[str, object]:
        nonlocal turn
        if arguments[:2] != ("POST", "messages"):
            return honest(*arguments)  # type: ignore[arg-type]
        turn += 1
        if turn % 4 == 2:
            raise ConnectionResetError("lost before it landed")
        done = honest(*arguments)  # type: ignore[arg-type]
        if turn % 4 == 1:
            raise ConnectionResetError("lost after it landed")
        return done

    mover.settings["lanes"] = 1  # so that the turns fall as described
    source = world()
    fake.answer = answer  # type: ignore[method-assign]
    outcome = mover.move(source)
    fake.answer = honest  # type: ignore[method-assign]
    assert outcome.failures == ()
    assert turn > 50
    assert doubles(fake.realm) == []
    assert differences(mover.check(source)) == []
