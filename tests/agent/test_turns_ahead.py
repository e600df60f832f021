"""What the turn detector has answered before a turn has ended."""

import pytest
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection

from agent.turn_frames import CommitEarlyFrame, SpeechGoesOnFrame
from tests.agent.stand_ins import eventually
from tests.agent.test_turns import COMPLETE, INCOMPLETE, turns


async def test_a_first_silence_is_committed_before_it_is_a_pause():
    async with turns() as talk:
        await talk.speak()
        await talk.silence(96)
        await eventually(lambda: talk.went_up(CommitEarlyFrame) == 1)


async def test_the_llm_is_asked_with_the_words_that_the_context_does_not_have_yet():
    async with turns() as talk:
        await talk.speak()
        await talk.silence(96)
        await talk.learn("can you help me")
        asked = await talk.asked_ahead()
    assert asked.context.get_messages() == [{"role": "user", "content": "can you help me"}]
    assert talk.said() == []


async def test_the_llm_is_not_asked_again_when_the_turn_ends_with_the_same_words():
    async with turns(COMPLETE) as talk:
        await talk.speak()
        await talk.silence(96)
        await talk.learn("can you help me")
        await talk.asked_ahead()
        await talk.pause()
        await talk.confirmed()
        await talk.hear("can you help me")
        await talk.rig.until(UserStoppedSpeakingFrame)
    assert (len(talk.rig.came(LLMContextFrame)), talk.said()) == (1, ["can you help me"])
    assert talk.rig.came(EagerEndOfTurnCancelFrame) == []


async def test_other_words_at_the_end_of_the_turn_are_answered_instead():
    async with turns(COMPLETE) as talk:
        await talk.speak()
        await talk.silence(96)
        await talk.learn("can you")
        await talk.learn("can you help")
        await talk.asked_ahead()
        await talk.pause()
        await talk.confirmed()
        await talk.hear("can you help me")
        await talk.rig.until(UserStoppedSpeakingFrame)
        await talk.rig.until(LLMContextFrame, 2)
    kinds = [
        type(f) for f in talk.rig.down if isinstance(f, EagerEndOfTurnCancelFrame | UserStoppedSpeakingFrame)
    ]
    assert kinds == [EagerEndOfTurnCancelFrame, UserStoppedSpeakingFrame]
    assert talk.said() == ["can you help me"]


async def test_who_goes_on_before_the_pause_withdraws_the_question():
    async with turns() as talk:
        await talk.speak()
        await talk.silence(96)
        await talk.learn("can you help me")
        await talk.asked_ahead()
        await talk.silence(0)
        await talk.rig.until(EagerEndOfTurnCancelFrame)
    assert (talk.went_up(SpeechGoesOnFrame), talk.said()) == (1, [])


async def test_who_goes_on_after_the_pause_withdraws_the_question():
    async with turns(INCOMPLETE) as talk:
        await talk.speak()
        await talk.pause()
        await talk.learn("can you help me")
        await talk.asked_ahead()
        await talk.speak()
        await talk.rig.until(EagerEndOfTurnCancelFrame)
    assert talk.said() == []


@pytest.mark.parametrize("paused", [True, False])
async def test_the_time_of_words_that_were_not_all_is_no_part_of_the_answers_time(paused: bool):
    async with turns() as talk:
        await talk.speak()
        await (talk.pause() if paused else talk.silence(96))
        await talk.learn("can you help me")
        await talk.asked_ahead()
        await (talk.speak() if paused else talk.silence(0))
        await talk.rig.until(EagerEndOfTurnCancelFrame)
        assert talk.stop._speculation.account().heard_s is None


@pytest.mark.parametrize("withdrawal", [EagerEndOfTurnCancelFrame, InterruptionFrame])
async def test_a_question_that_somebody_else_withdraws_is_asked_at_the_end_of_the_turn(
    withdrawal: type[Frame],
):
    async with turns(COMPLETE) as talk:
        await talk.speak()
        await talk.silence(96)
        await talk.learn("can you help me")
        await talk.asked_ahead()
        await talk.rig.send(withdrawal(), FrameDirection.UPSTREAM)
        await eventually(lambda: talk.went_up(withdrawal) > 0)
        await talk.pause()
        await talk.confirmed()
        await talk.hear("can you help me")
        assert not (await talk.rig.until(LLMContextFrame, 2)).speculation


async def test_with_the_setting_off_nothing_is_asked_before_the_pause():
    async with turns(answer_ahead=False) as talk:
        await talk.speak()
        await talk.silence(96)
        await talk.pause()
        await talk.learn("can you help me")
        await talk.asked_ahead()
    assert talk.went_up(CommitEarlyFrame) == 0
