import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    MetricsFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.metrics.metrics import TTFBMetricsData
from pipecat.processors.frame_processor import FrameDirection

from agent.speculation import Speculation
from agent.trace import Trace
from agent.tts_service import TtsService
from agent.turn_frames import WaitFrame
from tests.agent.stand_ins import Rig, TtsStandIn, eventually, rigged, running, settings_for
from tests.simulated_time import simulated_time
from tts_server.protocol import Audio, Cancel, Failed, Finish, Open, Speak, encode_audio
from wire.message import trace_ids

TWO_SENTENCES = ("Hello ", "there. ", "How ", "are ", "you?")


@asynccontextmanager
async def voiced(server: TtsStandIn, **settings: Any) -> AsyncGenerator[Rig, None]:
    async with (
        running(server),
        rigged(TtsService(settings_for(server, **settings), Trace(), Speculation())) as rig,
    ):
        yield rig


async def answer(rig: Rig, *texts: str) -> None:
    """An answer of the LLM's."""
    await rig.send(LLMFullResponseStartFrame())
    for text in texts:
        await rig.send(LLMTextFrame(text))
    await rig.send(LLMFullResponseEndFrame())


async def test_an_answer_is_one_speech():
    server = TtsStandIn()
    async with voiced(server) as rig:
        await answer(rig, *TWO_SENTENCES)
        await server.until(Finish)
    assert [type(message) for message in server.received[1:]] == [Open, Speak, Speak, Finish]


async def test_a_sentence_is_sent_when_it_is_complete():
    server = TtsStandIn()
    async with voiced(server) as rig:
        await answer(rig, *TWO_SENTENCES)
        await server.until(Finish)
    assert server.said == ["Hello there.", "How are you?"]


async def test_the_rate_of_the_call_is_asked_for():
    server = TtsStandIn()
    async with voiced(server, audio_out_hz=24_000, voice="one", voice_preset="balanced") as rig:
        await answer(rig, "Hello.")
        opened = await server.until(Open)
    assert (opened.sample_rate_hz, opened.voice, opened.preset) == (24_000, "one", "balanced")


async def test_each_speech_says_which_call_it_belongs_to():
    server = TtsStandIn()
    async with voiced(server) as rig:
        await answer(rig, "Hello.")
        opened = await server.until(Open)
    assert trace_ids(opened.traceparent)


async def test_the_audio_comes_between_its_start_and_its_stop():
    server = TtsStandIn()
    async with voiced(server) as rig:
        await answer(rig, *TWO_SENTENCES)
        await rig.until(TTSStoppedFrame)
        kinds = [type(frame) for frame in rig.down]
    order = [kinds.index(kind) for kind in (TTSStartedFrame, TTSAudioRawFrame, TTSStoppedFrame)]
    assert order == sorted(order)


async def test_all_the_audio_comes_through():
    server = TtsStandIn()
    async with voiced(server) as rig:
        await answer(rig, *TWO_SENTENCES)
        await rig.until(TTSStoppedFrame)
        assert sum(len(frame.audio) for frame in rig.came(TTSAudioRawFrame)) == 5 * 2_400 * 2


def heard_ms(rig: Rig) -> list[tuple[str, float]]:
    """Each word, and how much audio came before it."""
    heard, audio_bytes = [], 0
    for frame in rig.down:
        if isinstance(frame, TTSAudioRawFrame):
            audio_bytes += len(frame.audio)
        elif isinstance(frame, TTSTextFrame):
            heard.append((frame.text, audio_bytes / 48))
    return heard


async def test_words_stand_where_half_of_them_was_heard():
    server = TtsStandIn()
    async with voiced(server) as rig:
        await answer(rig, *TWO_SENTENCES)
        await rig.until(TTSStoppedFrame)
    assert heard_ms(rig) == [("Hello", 181), ("there.", 281), ("How", 327), ("are", 427), ("you?", 500)]


async def test_words_and_the_end_of_an_answer_keep_to_the_order_of_the_audio():
    server = TtsStandIn()
    async with voiced(server) as rig:
        await answer(rig, *TWO_SENTENCES)
        await rig.until(LLMFullResponseEndFrame)
    in_order = (TTSTextFrame, TTSStoppedFrame, LLMFullResponseEndFrame)
    assert [frame for frame in rig.down if isinstance(frame, in_order) and frame.pts] == []


async def test_an_interruption_cancels_the_speech():
    server = TtsStandIn(slow=True)
    async with voiced(server) as rig:
        await answer(rig, "A very long story indeed.")
        await rig.until(TTSAudioRawFrame)
        await rig.send(InterruptionFrame())
        assert (await server.until(Cancel)).speech_id == server.messages(Open)[0].speech_id


@pytest.mark.complaint("pipecat-ai/pipecat#3986")
async def test_a_speech_that_is_not_heard_yet_is_cancelled_too():
    server = TtsStandIn()
    server.mute = True
    async with voiced(server) as rig:
        await rig.send(LLMFullResponseStartFrame())
        await rig.send(LLMTextFrame("A very long story indeed. And"))
        await server.until(Speak)
        await rig.send(InterruptionFrame())
        assert (await server.until(Cancel)).speech_id == server.messages(Open)[0].speech_id


@pytest.mark.complaint("pipecat-ai/pipecat#3077", "pipecat-ai/pipecat#754")
async def test_audio_that_comes_after_a_cancel_is_not_heard():
    server = TtsStandIn(slow=True)
    async with voiced(server) as rig:
        await answer(rig, "A very long story indeed.")
        await rig.until(TTSAudioRawFrame)
        await rig.send(InterruptionFrame())
        await rig.until(InterruptionFrame)
        heard = len(rig.came(TTSAudioRawFrame))
        late = encode_audio(Audio(server.messages(Open)[0].speech_id, 0, bytes(2_400)))
        await server.say(late)
        await answer(rig, "Yes?")
        await rig.until(TTSStoppedFrame)
        assert len(rig.came(TTSAudioRawFrame)) == heard + 1


async def test_the_answer_after_an_interruption_is_a_new_speech():
    server = TtsStandIn(slow=True)
    async with voiced(server) as rig:
        await answer(rig, "A very long story indeed.")
        await rig.until(TTSAudioRawFrame)
        await rig.send(InterruptionFrame())
        await server.until(Cancel)
        await answer(rig, "Yes?")
        await server.until(Open, 2)
    assert len({message.speech_id for message in server.messages(Open)}) == 2


async def test_a_speech_that_must_be_heard_is_not_cancelled():
    server = TtsStandIn(slow=True)
    async with voiced(server) as rig:
        alarm = TTSSpeakFrame("Your timer is up.")
        alarm.interruptible = False
        await rig.send(alarm)
        await rig.until(TTSAudioRawFrame)
        await rig.send(InterruptionFrame())
        await rig.until(TTSStoppedFrame)
    audio_bytes = sum(len(frame.audio) for frame in rig.came(TTSAudioRawFrame))
    assert (audio_bytes, server.messages(Cancel)) == (4 * 2_400 * 2, [])


async def test_a_speech_that_fails_is_an_error_and_ends():
    server = TtsStandIn()
    server.fails = Failed(code="unknown_voice", message="no voice of that name")
    async with voiced(server) as rig:
        await answer(rig, "Hello.")
        await rig.until(TTSStoppedFrame)
    assert any("no voice of that name" in frame.error for frame in rig.up if isinstance(frame, ErrorFrame))


async def test_after_a_failure_the_next_answer_is_spoken():
    server = TtsStandIn()
    server.fails = Failed(code="internal", message="broken")
    async with voiced(server) as rig:
        await answer(rig, "Hello.")
        await rig.until(TTSStoppedFrame)
        server.fails = None
        await answer(rig, "Hello again.")
        await rig.until(TTSAudioRawFrame)


@pytest.mark.complaint("pipecat-ai/pipecat#2941")
async def test_a_voice_that_fails_is_apologised_for():
    server = TtsStandIn()
    server.fails = Failed(code="internal", message="broken")
    async with voiced(server, sorry_no_voice="Pardon.") as rig:
        await answer(rig, "Hello.")
        await eventually(lambda: "Pardon." in server.said)
        server.fails = None
        await rig.until(TTSStoppedFrame, 2)
    assert server.said == ["Hello.", "Pardon."]  # once: the apology has failed as well


async def interrupted(service: TtsService, failed: Failed) -> None:
    """The server's refusal comes while the interruption is on its way through the service."""
    await asyncio.gather(
        service.process_frame(InterruptionFrame(), FrameDirection.DOWNSTREAM),
        service._take(failed.json_text()),
    )


async def test_a_voice_that_fails_as_it_is_interrupted_is_not_apologised_for():
    server = TtsStandIn()
    server.mute = True
    async with running(server):
        settings = settings_for(server, sorry_no_voice="Pardon.", tts_timeout_ms=60_000)
        service = TtsService(settings, Trace(), Speculation())
        async with rigged(service) as rig:
            await rig.send(
                LLMFullResponseStartFrame()
            )  # and no end, at which the server would end the speech
            await rig.send(LLMTextFrame("Hello. And"))
            opened = await server.until(Open)
            await eventually(lambda: "Hello." in server.said)
            await interrupted(service, Failed(code="internal", message="no", speech_id=opened.speech_id))
            await asyncio.sleep(0.2)
    assert server.said == ["Hello."]


@pytest.mark.complaint("pipecat-ai/pipecat#4765")
async def test_an_answer_of_which_nothing_comes_is_apologised_for():
    server = TtsStandIn()
    server.mute = True
    async with voiced(server, sorry_no_voice="Pardon.", tts_timeout_ms=100) as rig:
        await answer(rig, "Hello.")
        await eventually(lambda: "Pardon." in server.said)
        await rig.until(TTSStoppedFrame)


async def test_what_a_server_that_was_away_has_not_said_is_apologised_for():
    server = TtsStandIn()
    async with voiced(server, sorry_no_voice="Pardon.") as rig:
        await server.stop()
        await answer(rig, "Hello.")
        await rig.until(LLMFullResponseEndFrame)
        await server.start()
        await eventually(lambda: server.said == ["Pardon."])


async def test_a_server_that_comes_back_speaks_again():
    server = TtsStandIn()
    async with voiced(server) as rig:
        await answer(rig, "One.")
        await rig.until(TTSStoppedFrame)
        await server.stop()
        await server.start()
        await eventually(lambda: server.connections == 2)
        await asyncio.sleep(0.05)  # Ready is on its way
        await answer(rig, "Two.")
        await rig.until(TTSAudioRawFrame, 2)


async def test_a_server_that_dies_while_it_speaks_ends_the_answer():
    server = TtsStandIn(slow=True)
    async with voiced(server, tts_timeout_ms=60_000) as rig:
        await answer(rig, "A very long story indeed.")
        await rig.until(TTSAudioRawFrame)
        await server.stop()
        await rig.until(LLMFullResponseEndFrame)


async def test_what_a_server_that_dies_has_not_said_is_not_taken_for_heard():
    server = TtsStandIn(slow=True)
    async with voiced(server) as rig:
        await answer(rig, "word " * 100)
        await rig.until(TTSTextFrame)
        await server.stop()
        await rig.until(LLMFullResponseEndFrame)
    assert " ".join(frame.text for frame in rig.came(TTSTextFrame)).split().count("word") < 60


@pytest.mark.complaint("pipecat-ai/pipecat#2791")
async def test_words_that_were_spoken_but_not_timed_count_as_heard():
    server = TtsStandIn()
    async with voiced(server) as rig:
        server.times_words = False
        await answer(rig, "Hello there.")
        await rig.until(TTSStoppedFrame)
    assert [frame.text for frame in rig.came(TTSTextFrame)] == ["Hello there."]


async def test_nobody_is_asked_to_wait_for_what_is_about_to_be_heard():
    server = TtsStandIn()
    server.mute = True
    async with voiced(server, tts_timeout_ms=2_000) as rig:
        await answer(rig, "Hello.")
        await rig.send(WaitFrame("Wait.", append_to_context=False))
        await answer(rig, "And more.")
        await eventually(lambda: "And more." in server.said)
    assert "Wait." not in server.said


@pytest.mark.complaint("pipecat-ai/pipecat#1818", "pipecat-ai/pipecat#3093")
def test_a_connection_on_which_nothing_is_said_for_an_hour_is_kept():
    async def an_hour() -> int:
        server = TtsStandIn()
        async with voiced(server) as rig:
            await asyncio.sleep(3_600)
            await answer(rig, "Hello.")
            await rig.until(TTSStoppedFrame)
        return server.connections

    with simulated_time() as loop:
        assert loop.run_until_complete(an_hour()) == 1


async def test_answers_without_a_server_do_not_pile_up():
    async with rigged(TtsService(settings_for(tts_timeout_ms=60_000), Trace(), Speculation())) as rig:
        for _ in range(4):
            await answer(rig, *TWO_SENTENCES)
        await rig.until(LLMFullResponseEndFrame, 4)


async def test_the_time_to_the_first_audio_is_reported_under_a_name_people_know():
    server = TtsStandIn()
    async with voiced(server) as rig:
        await answer(rig, "Hello.")
        await rig.until(TTSStoppedFrame)
        times = [d for f in rig.came(MetricsFrame) for d in f.data if isinstance(d, TTFBMetricsData)]
    assert [metric.processor for metric in times if metric.value] == ["TTS"]
