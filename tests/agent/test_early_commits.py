"""What the ASR service does about a silence that is not yet a pause."""

import pytest
from pipecat.frames.frames import EagerTranscriptionFrame, TranscriptionFrame, VADUserStoppedSpeakingFrame

from asr_server.protocol import Commit, Failed, Final
from tests.agent.stand_ins import AsrStandIn, eventually
from tests.agent.test_asr_service import listening


async def test_a_first_silence_is_committed_with_the_silence_there_was():
    server = AsrStandIn("hello")
    async with listening(server, vad_hangover_ms=0) as (_, caller):
        await caller.speak(ms=1_000)
        await caller.fall_silent()
        assert (await server.until(Commit)).speech_end_sample == 16 * (1_000 - 96)


async def test_words_are_told_before_the_turn_is_confirmed():
    server = AsrStandIn("hello")
    async with listening(server) as (rig, caller):
        await caller.speak()
        await caller.fall_silent()
        assert (await rig.until(EagerTranscriptionFrame)).text == "hello"


@pytest.mark.parametrize("final", ["", ("book a table", 0.2)])
async def test_words_that_are_empty_or_unsure_are_not_told_before(final: str | tuple[str, float]):
    server = AsrStandIn(final, "hello")
    async with listening(server) as (rig, caller):
        await caller.speak()
        await caller.fall_silent()
        await server.until(Commit)
        await caller.pause()
        await rig.until(EagerTranscriptionFrame)
    assert [frame.text for frame in rig.came(EagerTranscriptionFrame)] == ["hello"]


async def test_a_silence_that_becomes_a_pause_is_not_committed_again():
    server = AsrStandIn("hello", "hello again")
    async with listening(server) as (rig, caller):
        await caller.speak()
        await caller.fall_silent()
        await rig.until(EagerTranscriptionFrame)
        await caller.pause()
        await caller.finish()
        assert (await rig.until(TranscriptionFrame)).text == "hello"
    assert len(server.messages(Commit)) == 1


async def test_a_silence_that_is_not_answered_when_it_becomes_a_pause_is_waited_for():
    server = AsrStandIn(None)
    async with listening(server) as (rig, caller):
        await caller.speak()
        await caller.fall_silent()
        commit = await server.until(Commit)
        await caller.pause()
        await caller.finish()
        final = Final(utterance_id=commit.utterance_id, commit_id=commit.commit_id, text="hi", end_sample=1)
        await server.say(final)
        assert (await rig.until(TranscriptionFrame)).text == "hi"
    assert len(server.messages(Commit)) == 1


@pytest.mark.parametrize("pauses_before", [True, False])
async def test_a_commit_that_is_refused_is_made_up_for_at_the_pause(pauses_before: bool):
    server = AsrStandIn(None, "book a table")
    async with listening(server) as (rig, caller):
        await caller.speak()
        await caller.fall_silent()
        commit = await server.until(Commit)
        if pauses_before:
            await caller.pause()
            await eventually(lambda: any(isinstance(f, VADUserStoppedSpeakingFrame) for f in rig.up))
        refusal = Failed(
            code="busy", message="not now", utterance_id=commit.utterance_id, commit_id=commit.commit_id
        )
        await server.say(refusal)
        if not pauses_before:
            await caller.pause()
        await caller.finish()
        assert (await rig.until(TranscriptionFrame)).text == "book a table"


@pytest.mark.complaint("pipecat-ai/nemotron-january-2026, docs/stt-truncation-debugging.md")
async def test_who_goes_on_after_a_short_silence_is_heard_to_the_end():
    server = AsrStandIn("can you", "can you help me")
    async with listening(server) as (rig, caller):
        await caller.speak()
        await caller.fall_silent()
        await rig.until(EagerTranscriptionFrame)
        await caller.go_on()
        await caller.pause()
        await caller.finish()
        await rig.until(TranscriptionFrame)
    assert [frame.text for frame in rig.came(TranscriptionFrame)] == ["can you help me"]
    assert len({commit.utterance_id for commit in server.messages(Commit)}) == 1


async def test_a_turn_that_was_confirmed_too_late_is_not_taken_for_the_next():
    server = AsrStandIn("can you", "can you help me")
    async with listening(server) as (rig, caller):
        await caller.speak()
        await caller.pause()
        await server.until(Commit)
        await caller.speak()
        await caller.finish()
        await caller.pause()
        await server.until(Commit, 2)
        await caller.finish()
        await rig.until(TranscriptionFrame)
    assert [frame.text for frame in rig.came(TranscriptionFrame)] == ["can you help me"]
