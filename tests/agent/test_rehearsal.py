"""Answers that are spoken before anybody knows whether they will be heard."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
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

from agent.heard_words import half_ms
from agent.rehearsal import MAX_CHARACTERS, Rehearsal
from agent.speculation import Ahead, AheadTextFrame, Speculation
from agent.trace import Trace
from agent.tts_service import TtsService
from tests.agent.stand_ins import Rig, TtsStandIn, eventually, rigged, running, settings_for
from tts_server.protocol import Audio, Cancel, Failed, Finish, Open, Speak, Words

TWO_SENTENCES = ("Hello ", "there. ", "How ", "are ", "you?")


class Stage:
    """A TTS service, and what it is told of an answer."""

    rig: Rig
    voice: TtsService

    def __init__(self) -> None:
        self.speculation = Speculation()
        self.audible = 0.0

    def begin(self, text: str = "hello") -> Ahead:
        self.speculation.begin(text, time.time())
        assert self.speculation.pending
        return self.speculation.pending

    async def rehearse(self, *texts: str, ended: bool = True) -> None:
        ahead = self.begin()
        for text in texts:
            await self.rig.send(AheadTextFrame(ahead, text))
        if ended:
            await self.rig.send(AheadTextFrame(ahead, "", is_last=True))

    async def perform(self, *texts: str) -> None:
        self.speculation.confirm(time.time())
        await self.rig.send(LLMFullResponseStartFrame())
        for text in texts:
            await self.rig.send(LLMTextFrame(text))
        await self.rig.send(LLMFullResponseEndFrame())

    async def until_audible(self) -> None:
        await eventually(lambda: bool(self.speculation.pending and self.speculation.pending.ready_s))

    def heard_bytes(self) -> int:
        return sum(len(frame.audio) for frame in self.rig.came(TTSAudioRawFrame))


@asynccontextmanager
async def staged(server: TtsStandIn, **settings: Any) -> AsyncGenerator[Stage, None]:
    stage = Stage()
    async with running(server):
        stage.voice = TtsService(settings_for(server, **settings), Trace(), stage.speculation)
        async with rigged(stage.voice) as stage.rig:
            yield stage


async def test_a_rehearsal_is_spoken_sentence_by_sentence_and_not_heard():
    server = TtsStandIn()
    async with staged(server) as stage:
        await stage.rehearse(*TWO_SENTENCES)
        await server.until(Speak, 2)
        await stage.until_audible()
        speech = (TTSStartedFrame, TTSAudioRawFrame, TTSTextFrame, TTSStoppedFrame)
        assert [frame for frame in stage.rig.down if isinstance(frame, speech)] == []
    assert server.said == ["Hello there.", "How are you?"]


async def test_it_is_heard_whole_and_spoken_once():
    server = TtsStandIn()
    async with staged(server) as stage:
        await stage.rehearse(*TWO_SENTENCES)
        await stage.until_audible()
        await stage.perform(*TWO_SENTENCES)
        await stage.rig.until(TTSStoppedFrame)
        assert stage.heard_bytes() == 5 * 2_400 * 2
    assert [type(message) for message in server.received[1:]] == [Open, Speak, Speak, Finish]


async def test_what_comes_while_it_is_handed_on_keeps_its_place():
    server = TtsStandIn(slow=True)
    async with staged(server) as stage:
        await stage.rehearse("One two three four five six.")
        await stage.until_audible()
        await stage.perform("One two three four five six.")
        await stage.rig.until(TTSStoppedFrame)
        words = [frame.text for frame in stage.rig.came(TTSTextFrame)]
    assert words == ["One", "two", "three", "four", "five", "six."]


async def test_its_words_stand_where_they_are_heard():
    server = TtsStandIn()
    async with staged(server) as stage:
        await stage.rehearse(*TWO_SENTENCES)
        await stage.until_audible()
        await stage.perform(*TWO_SENTENCES)
        await stage.rig.until(TTSStoppedFrame)
        heard_ms, words = 0.0, list[tuple[str, float]]()
        for frame in stage.rig.down:
            if isinstance(frame, TTSAudioRawFrame):
                heard_ms += 1000 * frame.num_frames / frame.sample_rate
            elif isinstance(frame, TTSTextFrame):
                words.append((frame.text, heard_ms))
    assert [heard for _, heard in words] == pytest.approx(
        [min(100 * place + half_ms(word), 500) for place, (word, _) in enumerate(words)], abs=1
    )


async def test_what_was_not_rehearsed_yet_is_spoken_behind_it():
    server = TtsStandIn()
    async with staged(server) as stage:
        await stage.rehearse("Hello there. ", "How", ended=False)
        await server.until(Speak)
        await stage.perform("Hello there. ", "How", " are you?")
        await stage.rig.until(TTSStoppedFrame)
        assert stage.heard_bytes() == 5 * 2_400 * 2
    assert (server.said, len(server.messages(Open))) == (["Hello there.", "How are you?"], 1)


async def test_an_answer_that_was_withdrawn_is_cancelled_and_leaves_no_frame():
    server = TtsStandIn(slow=True)
    async with staged(server) as stage:
        await stage.rehearse("A very long story indeed.")
        await stage.until_audible()
        before = _kinds(stage.rig)
        stage.speculation.withdraw()
        await stage.rig.send(EagerEndOfTurnCancelFrame())
        cancelled = await server.until(Cancel)
        await stage.rig.until(EagerEndOfTurnCancelFrame)
        assert _kinds(stage.rig) == [*before, EagerEndOfTurnCancelFrame]
    assert cancelled.speech_id == server.messages(Open)[0].speech_id


def _kinds(rig: Rig) -> list[type[Frame]]:
    return [type(frame) for frame in rig.down]


async def test_an_interruption_ends_a_rehearsal_too():
    server = TtsStandIn(slow=True)
    async with staged(server) as stage:
        await stage.rehearse("A very long story indeed.")
        await server.until(Open)
        await stage.rig.send(InterruptionFrame())
        await server.until(Cancel)


async def test_text_of_an_answer_that_was_withdrawn_is_not_spoken():
    server = TtsStandIn()
    async with staged(server) as stage:
        stale = stage.begin()
        stage.speculation.withdraw()
        await stage.rig.send(AheadTextFrame(stale, "Hello. ", is_last=True))
        await stage.rehearse("Yes.")
        await server.until(Speak)
    assert server.said == ["Yes."]


async def test_another_answer_takes_the_place_of_a_rehearsal():
    server = TtsStandIn(slow=True)
    async with staged(server) as stage:
        await stage.rehearse("A very long story indeed.")
        await server.until(Open)
        await stage.rehearse("Yes.")
        await server.until(Cancel)
        await stage.perform("Yes.")
        await stage.rig.until(TTSStoppedFrame)
        assert stage.heard_bytes() == 2_400 * 2


async def test_an_answer_that_is_not_the_rehearsed_one_is_spoken_afresh():
    server = TtsStandIn()
    async with staged(server) as stage:
        await stage.rehearse("Yes.")
        await stage.until_audible()
        await stage.perform("No, not at all.")
        await stage.rig.until(TTSStoppedFrame)
        assert stage.heard_bytes() == 4 * 2_400 * 2
        await server.until(Cancel)


async def test_what_is_said_meanwhile_leaves_a_rehearsal_alone():
    server = TtsStandIn()
    async with staged(server) as stage:
        await stage.rehearse("Yes.")
        await stage.until_audible()
        await stage.rig.send(TTSSpeakFrame("Your timer is up."))
        await stage.rig.until(TTSStoppedFrame)
        await stage.perform("Yes.")
        await stage.rig.until(TTSStoppedFrame, 2)
    assert server.said == ["Yes.", "Your timer is up."]


async def test_a_rehearsal_that_fails_is_spoken_again_when_it_is_to_be_heard():
    server = TtsStandIn()
    server.fails = Failed(code="internal", message="broken")
    async with staged(server) as stage:
        await stage.rehearse("Yes.")
        await server.until(Speak)
        server.fails = None
        await asyncio.sleep(0.05)  # the failure is on its way
        await stage.perform("Yes.")
        await stage.rig.until(TTSStoppedFrame)
        assert stage.heard_bytes() == 2_400 * 2


@pytest.mark.parametrize("link_is_lost", [True, False])
async def test_a_rehearsal_that_fails_while_it_is_handed_on_is_spoken_again(
    link_is_lost: bool, monkeypatch: pytest.MonkeyPatch
):
    server = TtsStandIn()
    async with staged(server) as stage:
        hand_on = stage.voice._hand_on

        async def fail(context_id: str, piece: Audio | Words) -> None:
            monkeypatch.undo()
            await hand_on(context_id, piece)
            failed = Failed(code="internal", message="broken", speech_id=piece.speech_id)
            await (stage.voice._lost() if link_is_lost else stage.voice._take(failed.json_text()))

        await stage.rehearse(*TWO_SENTENCES)
        await stage.until_audible()
        monkeypatch.setattr(stage.voice, "_hand_on", fail)
        await stage.perform(*TWO_SENTENCES)
        await stage.rig.until(TTSStoppedFrame)
    assert server.said[2:] == ["Hello there.", "How are you?"]


async def test_a_server_that_went_away_meanwhile_is_asked_again():
    server = TtsStandIn()
    async with staged(server) as stage:
        await stage.rehearse("Yes.")
        await stage.until_audible()
        await server.stop()
        await server.start()
        await eventually(lambda: server.connections == 2)
        await asyncio.sleep(0.05)  # Ready is on its way
        await stage.perform("Yes.")
        await stage.rig.until(TTSStoppedFrame)
    assert server.said == ["Yes.", "Yes."]


async def test_the_time_to_its_first_audio_is_the_servers_own():
    server = TtsStandIn()
    async with staged(server) as stage:
        await stage.rehearse("Yes.")
        await stage.until_audible()
        await asyncio.sleep(0.5)
        await stage.perform("Yes.")
        await stage.rig.until(TTSStoppedFrame)
        times = [
            d.value for f in stage.rig.came(MetricsFrame) for d in f.data if isinstance(d, TTFBMetricsData)
        ]
    assert [0 < time_s < 0.4 for time_s in times if time_s] == [True]


async def test_a_first_sentence_is_spoken_before_anything_follows_it():
    server = TtsStandIn()
    async with staged(server) as stage:
        await stage.rehearse("It is noon", ".", ended=False)
        await server.until(Speak)
        await stage.perform("It is noon", ".", " Anything else?")
        await stage.rig.until(TTSStoppedFrame)
    assert server.said == ["It is noon.", "Anything else?"]


async def test_a_first_sentence_that_goes_on_is_rehearsed_anew():
    server = TtsStandIn(slow=True)
    pieces = ("That is 5", ".", "50 a month", ".")
    async with staged(server) as stage:
        await stage.rehearse(*pieces)
        cancelled = await server.until(Cancel)
        await stage.perform(*pieces)
        await stage.rig.until(TTSStoppedFrame)
        words = [frame.text for frame in stage.rig.came(TTSTextFrame)]
    assert (" ".join(words), cancelled.speech_id) == ("That is 5.50 a month.", 1)


async def test_every_speech_that_is_dropped_is_cancelled_however_soon():
    server = TtsStandIn(slow=True)
    async with staged(server) as stage:
        for _ in range(20):
            await stage.rehearse("Yes. ", "No. ", "Maybe.")
            stage.speculation.withdraw()
            await stage.rig.send(EagerEndOfTurnCancelFrame())
        await stage.rehearse("The end.")
        await eventually(lambda: "The end." in server.said)
        opened, cancelled = server.messages(Open)[:-1], server.messages(Cancel)
    assert [message.speech_id for message in opened] == [message.speech_id for message in cancelled]


def test_what_is_kept_is_bounded():
    rehearsal = Rehearsal(Ahead("hello", 0.0))
    sentence = "x" * (MAX_CHARACTERS // 2)
    assert [rehearsal.say(sentence) for _ in range(3)] == [True, True, False]


def test_nothing_is_asked_for_behind_what_was_left_out():
    rehearsal = Rehearsal(Ahead("hello", 0.0))
    rehearsal.say("x" * (MAX_CHARACTERS + 1))
    assert not rehearsal.say("short")


def test_an_answer_is_audible_with_its_first_audio():
    ahead = Ahead("hello", 0.0)
    rehearsal = Rehearsal(ahead)
    rehearsal.keep(Words(speech_id=1, words=(("hello", 0),)), 1.0)
    rehearsal.keep(Audio(1, 0, bytes(2)), 2.0)
    rehearsal.keep(Audio(1, 1, bytes(2)), 3.0)
    assert ahead.ready_s == 2.0
