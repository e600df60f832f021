import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    MetricsFrame,
    TranscriptionFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import TTFBMetricsData
from pipecat.processors.frame_processor import FrameDirection

from agent.asr_service import AsrService
from agent.trace import Trace
from agent.turn_frames import CommitEarlyFrame, NothingHeardFrame, SpeechGoesOnFrame, TurnConfirmedFrame
from asr_server.protocol import Commit, Failed, NextUtterance, Partial, Start
from tests.agent.stand_ins import AsrStandIn, Rig, eventually, rigged, running, settings_for
from wire.message import trace_ids

UP = FrameDirection.UPSTREAM


class Caller:
    """What the pipeline tells the ASR service about a caller."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    async def speak(self, ms: int = 100) -> None:
        await self.rig.send(VADUserStartedSpeakingFrame(start_secs=0.2), UP)
        await self.silence(ms)

    async def silence(self, ms: int) -> None:
        """Audio, as far as this service is concerned."""
        frames = len(self.rig.came(InputAudioRawFrame)) + ms // 20
        for _ in range(ms // 20):
            await self.rig.send(InputAudioRawFrame(bytes(640), 16_000, 1))
        await eventually(lambda: len(self.rig.came(InputAudioRawFrame)) == frames)

    async def pause(self) -> None:
        await self.rig.send(VADUserStoppedSpeakingFrame(stop_secs=0.2), UP)

    async def fall_silent(self) -> None:
        """Too short for a pause, so far."""
        await self.rig.send(CommitEarlyFrame(silence_ms=96), UP)

    async def go_on(self) -> None:
        await self.rig.send(SpeechGoesOnFrame(), UP)

    async def finish(self) -> None:
        """The turn detector agrees."""
        await self.rig.send(TurnConfirmedFrame(), UP)


@asynccontextmanager
async def listening(server: AsrStandIn, **settings: Any) -> AsyncGenerator[tuple[Rig, Caller], None]:
    async with running(server), rigged(AsrService(settings_for(server, **settings), Trace())) as rig:
        yield rig, Caller(rig)


async def test_the_conversation_begins_with_a_start_that_names_the_call():
    server = AsrStandIn()
    async with listening(server, language="de", right_context=6):
        start = await server.until(Start)
    assert (start.language, start.right_context, bool(trace_ids(start.traceparent))) == ("de", 6, True)


async def test_audio_reaches_the_server():
    server = AsrStandIn()
    async with listening(server) as (_, caller):
        await caller.speak(ms=200)
        await eventually(lambda: server.audio_bytes == 6_400)


async def test_every_pause_is_committed():
    server = AsrStandIn("one", "one two")
    async with listening(server) as (_, caller):
        for _ in range(2):
            await caller.speak()
            await caller.pause()
        await server.until(Commit, 2)
    assert len({commit.utterance_id for commit in server.messages(Commit)}) == 1


@pytest.mark.complaint("pipecat-ai/pipecat#4484", "pipecat-ai/pipecat#4066")
async def test_a_commit_follows_all_the_audio_before_it():
    server = AsrStandIn("hello")
    async with listening(server, vad_stop_ms=200, vad_hangover_ms=0) as (_, caller):
        await caller.speak(ms=1_000)
        await caller.pause()
        commit = await server.until(Commit)
    assert commit.speech_end_sample == 16 * (1_000 - 200)


@pytest.mark.complaint("pipecat-ai/pipecat#5018", "pipecat-ai/pipecat#3862")
async def test_the_words_of_a_turn_come_once_and_finalized():
    server = AsrStandIn("what time is it")
    async with listening(server) as (rig, caller):
        await caller.speak()
        await caller.pause()
        await caller.finish()
        frame = await rig.until(TranscriptionFrame)
    assert (frame.text, frame.finalized, len(rig.came(TranscriptionFrame))) == ("what time is it", True, 1)


async def test_nothing_comes_before_the_turn_is_confirmed():
    server = AsrStandIn("i would like um")
    async with listening(server) as (rig, caller):
        await caller.speak()
        await caller.pause()
        await server.until(Commit)
        await asyncio.sleep(0.05)
        assert rig.came(TranscriptionFrame) == []


async def test_a_sentence_with_a_pause_comes_once_and_whole():
    server = AsrStandIn("i would like um", "i would like um a table for two")
    async with listening(server) as (rig, caller):
        await caller.speak()
        await caller.pause()
        await server.until(Commit)
        await caller.speak()
        await caller.pause()
        await caller.finish()
        await rig.until(TranscriptionFrame)
    assert [frame.text for frame in rig.came(TranscriptionFrame)] == ["i would like um a table for two"]


async def test_an_utterance_begins_with_the_speech():
    server = AsrStandIn()
    async with listening(server, vad_start_ms=200, vad_lead_ms=300) as (_, caller):
        await caller.silence(ms=1_000)
        await caller.speak()
        assert await server.until(NextUtterance) == NextUtterance(utterance_id=1, from_sample=16 * 500)


async def test_the_next_utterance_begins_at_the_commit():
    server = AsrStandIn("hello")
    async with listening(server) as (_, caller):
        await caller.speak(ms=400)
        await caller.pause()
        await caller.finish()
        following = await server.until(NextUtterance, 2)
    assert following == NextUtterance(utterance_id=2, from_sample=16 * 400)


async def test_a_turn_without_words_ends_at_once():
    server = AsrStandIn("")
    async with listening(server) as (rig, caller):
        await caller.speak()
        await caller.pause()
        await caller.finish()
        assert not (await rig.until(NothingHeardFrame)).lost


async def test_words_that_the_server_is_not_sure_of_are_not_told():
    server = AsrStandIn(("book a table", 0.49))
    async with listening(server, asr_min_confidence=0.5) as (rig, caller):
        await caller.speak()
        await caller.pause()
        await caller.finish()
        assert (await rig.until(NothingHeardFrame)).lost
    assert rig.came(TranscriptionFrame) == []


async def test_partials_are_shown_while_the_caller_speaks():
    server = AsrStandIn()
    async with listening(server) as (rig, caller):
        await caller.speak()
        await eventually(lambda: server.audio_bytes > 0)
        began = await server.until(NextUtterance)
        await server.say(Partial(utterance_id=began.utterance_id, text="what ti", end_sample=1))
        assert (await rig.until(InterimTranscriptionFrame)).text == "what ti"


@pytest.mark.complaint("pipecat-ai/pipecat#4279", "pipecat-ai/pipecat#3643", "pipecat-ai/pipecat#3988")
async def test_a_final_that_never_comes_is_not_waited_for():
    server = AsrStandIn(None)
    async with listening(server, asr_final_timeout_ms=50) as (rig, caller):
        await caller.speak()
        await caller.pause()
        await caller.finish()
        assert (await rig.until(NothingHeardFrame)).lost


async def test_a_commit_that_is_refused_is_not_waited_for():
    server = AsrStandIn(None)
    async with listening(server, asr_final_timeout_ms=60_000) as (rig, caller):
        await caller.speak()
        await caller.pause()
        await caller.finish()
        commit = await server.until(Commit)
        await server.say(Failed(code="internal", message="no", commit_id=commit.commit_id))
        assert (await rig.until(NothingHeardFrame)).lost


async def test_a_turn_that_ended_without_us_leaves_nothing_to_the_next():
    server = AsrStandIn("stale")
    async with listening(server) as (_, caller):
        await caller.speak()
        await caller.pause()
        await server.until(Commit)
        await caller.rig.send(UserStoppedSpeakingFrame(), UP)
        assert (await server.until(NextUtterance, 2)).utterance_id == 2


async def test_a_connection_that_breaks_again_and_again_is_never_given_up():
    server = AsrStandIn("hello again")
    async with listening(server) as (rig, caller):
        for starts in range(1, 5):
            await server.until(Start, starts)
            server.hang_up()
        await server.until(Start, 5)
        await asyncio.sleep(0.05)  # Ready is on its way
        await caller.speak()
        await caller.pause()
        await caller.finish()
        assert (await rig.until(TranscriptionFrame)).text == "hello again"


async def test_a_server_that_comes_back_is_found():
    server = AsrStandIn("hello again")
    async with listening(server) as (rig, caller):
        await server.stop()
        await server.start()
        await server.until(Start, 2)
        await eventually(lambda: server.connections == 2)
        await asyncio.sleep(0.05)  # Ready is on its way
        await caller.speak()
        await caller.pause()
        await caller.finish()
        assert (await rig.until(TranscriptionFrame)).text == "hello again"


async def test_positions_begin_again_with_the_connection():
    server = AsrStandIn("hello", "hello again")
    async with listening(server, vad_stop_ms=200, vad_hangover_ms=0) as (rig, caller):
        await caller.speak(ms=5_000)
        await caller.pause()
        await caller.finish()
        await rig.until(TranscriptionFrame)
        await server.stop()
        await server.start()
        await server.until(Start, 2)
        await asyncio.sleep(0.05)
        await caller.speak(ms=400)
        await caller.pause()
        commit = await server.until(Commit, 2)
    assert commit == Commit(utterance_id=1, commit_id=1, speech_end_sample=16 * 200)


async def test_what_is_said_while_the_server_is_away_ends_the_turn_as_lost():
    server = AsrStandIn()
    async with listening(server) as (rig, caller):
        await server.stop()
        await caller.speak()
        await caller.pause()
        await caller.finish()
        assert (await rig.until(NothingHeardFrame)).lost


async def test_a_server_that_dies_while_it_thinks_ends_the_turn_as_lost():
    server = AsrStandIn(None)
    async with listening(server, asr_final_timeout_ms=60_000) as (rig, caller):
        await caller.speak()
        await caller.pause()
        await caller.finish()
        await server.until(Commit)
        await server.stop()
        assert (await rig.until(NothingHeardFrame)).lost


async def test_a_server_that_is_away_at_first_is_named_with_what_to_do():
    async with rigged(AsrService(settings_for(), Trace())) as rig:
        await eventually(lambda: any(isinstance(frame, ErrorFrame) for frame in rig.up))
    error = next(frame for frame in rig.up if isinstance(frame, ErrorFrame))
    assert "python -m asr_server" in error.error


async def test_a_refusal_is_not_taken_for_a_conversation():
    server = AsrStandIn()
    server.refusal = Failed(code="busy", message="all places are taken", retry=True)
    async with listening(server) as (rig, _):
        await eventually(lambda: any(isinstance(frame, ErrorFrame) for frame in rig.up))


async def test_the_time_to_the_final_is_reported_under_a_name_people_know():
    server = AsrStandIn("hello")
    async with listening(server) as (rig, caller):
        await caller.speak()
        await caller.pause()
        await caller.finish()
        await rig.until(TranscriptionFrame)
        times = [d for f in rig.came(MetricsFrame) for d in f.data if isinstance(d, TTFBMetricsData)]
    assert [(metric.processor, metric.value < 0.2) for metric in times if metric.value] == [("ASR", True)]


@pytest.mark.parametrize("text", ["garbage", '{"type": "new"}', "{}"])
async def test_what_the_server_should_not_say_does_no_harm(text: str):
    server = AsrStandIn("hello")
    async with listening(server) as (rig, caller):
        await caller.speak()
        await eventually(lambda: server.audio_bytes > 0)
        await server.say(text)
        await caller.pause()
        await caller.finish()
        assert (await rig.until(TranscriptionFrame)).text == "hello"
