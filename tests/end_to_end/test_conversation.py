"""Whole calls: recorded speech in over WebRTC, through all four processes, and speech back out."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from agent.call import place_call
from agent.call_line import Turn, dial
from agent.call_report import RECORDING_HZ, CallReport, Recording, TurnReport, recording_of, report_of
from agent.recording import write_stereo
from tests.end_to_end.conftest import Speak, loudness
from tests.processes import VoiceAgent

pytestmark = pytest.mark.timeout(300)  # a call takes as long as it takes to speak

ANSWER_S = 20.0
AUDIBLE = 0.01
"""-40 dB; espeak-ng speaks at about 0.1."""


class Conversation(NamedTuple):
    """A call that was held, and when."""

    report: CallReport
    recording: Recording
    began: datetime
    ended: datetime

    def turn(self, name: str) -> TurnReport:
        return next(turn for turn in self.report.turns if turn.name == name)


@pytest.fixture(scope="module")
def conversation(
    voice_agent: VoiceAgent, speak: Speak, tmp_path_factory: pytest.TempPathFactory
) -> Conversation:
    """Seven turns in four voices; then the timer rings."""
    turns = [
        speak("What time is it?", voice="slt"),
        speak("What is five plus six?", voice="rms"),
        speak("Book a table for two on Friday at seven p m.", voice="awb"),
        speak("Under the name Robert.", voice="kal16"),
        speak("What is my reservation?", voice="slt"),
        speak("What is the weather like?", voice="rms"),
        speak("Set a timer for six seconds.", voice="awb"),
    ]
    began = datetime.now(UTC)
    report, recording = asyncio.run(hold(voice_agent.url, turns))
    recording.write(tmp_path_factory.mktemp("conversation") / "call.wav")
    return Conversation(report, recording, began, datetime.now(UTC))


async def hold(url: str, turns: list[Turn]) -> tuple[CallReport, Recording]:
    async with dial(url) as call:
        await call.listen(ANSWER_S)
        for turn in turns:
            await call.say(turn, ANSWER_S)
        await call.listen(ANSWER_S, "the timer")
        recording = recording_of(call)
    return report_of(call, recording, url), recording


def test_every_turn_is_answered(conversation: Conversation):
    assert (conversation.report.unanswered, conversation.report.problem) == ((), "")
    assert conversation.report.troubles == ()


def test_every_answer_is_heard_in_the_recording(conversation: Conversation):
    for turn in conversation.report.turns:
        start = int((turn.answer_start_ms or 0) * RECORDING_HZ / 1000)
        assert loudness(conversation.recording.agent[start : start + RECORDING_HZ]) > AUDIBLE, turn.name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("What time is it?", "what time is it"),
        ("What is five plus six?", "what is five plus six"),
        ("Book a table for two on Friday at seven p m.", "book a table for two on friday at seven p m"),
        ("Under the name Robert.", "under the name robert"),
        ("What is my reservation?", "what is my reservation"),
        ("Set a timer for six seconds.", "set a timer for six seconds"),
    ],
)
def test_what_is_said_is_what_the_model_is_asked(conversation: Conversation, name: str, words: str):
    turn = conversation.turn(name)
    assert (turn.transcript, turn.asked) == (words, (words,))


def test_the_greeting_comes_first(conversation: Conversation):
    assert conversation.report.turns[0].name == "greeting"
    assert "Hello" in conversation.report.turns[0].answer


def test_the_time_is_told(conversation: Conversation):
    minutes = (conversation.ended - conversation.began) // timedelta(minutes=1) + 2
    times = [conversation.began + timedelta(minutes=number) for number in range(minutes)]
    told = conversation.turn("What time is it?").answer
    assert any(f"{time:%I:%M %p}".lstrip("0") in told for time in times), told


def test_the_sum_is_worked_out(conversation: Conversation):
    assert "11" in conversation.turn("What is five plus six?").answer


def test_the_reservation_is_read_back(conversation: Conversation):
    answer = conversation.turn("What is my reservation?").answer
    assert all(fact in answer for fact in ("2", "Friday", "7 PM", "Robert")), answer


def test_what_it_cannot_do_is_declined(conversation: Conversation):
    assert "can't" in conversation.turn("What is the weather like?").answer


def test_the_timer_rings_aloud(conversation: Conversation):
    ring = conversation.report.turns[-1]
    assert ring.answer == "Your 6 second timer is up."
    after_ms = (ring.answer_start_ms or 0) - (conversation.report.turns[-2].speech_end_ms or 0)
    assert after_ms == pytest.approx(7_000, abs=1_500)  # six seconds, and the time to understand and to speak


def test_the_command_holds_a_conversation(voice_agent: VoiceAgent, speak: Speak, tmp_path: Path):
    audio = speak("Hello.", voice="rms").audio[::3]
    write_stereo(tmp_path / "hello.wav", audio, audio, 16_000)
    command = [sys.executable, "-m", "agent.call", "hello.wav", "--url", voice_agent.url, "--json"]
    done = subprocess.run(
        command, cwd=tmp_path, env=voice_agent.agent.environment, capture_output=True, check=True
    )
    assert json.loads(done.stdout)["turns"][1]["transcript"] == "hello"
    assert (tmp_path / "call.wav").stat().st_size > 100_000


async def test_a_sentence_with_a_pause_is_one_message_once(voice_agent: VoiceAgent, speak: Speak):
    hesitant = speak("I would like um", 0.8, "a table for two.")
    report = await place_call(voice_agent.url, [hesitant])
    turn = report.turns[1]
    assert turn.asked == (turn.transcript,)
    assert turn.transcript.startswith("i would like")
    assert turn.transcript.endswith("a table for two")
    assert turn.transcript.count("table") == 1


async def test_an_interruption_silences_the_agent_and_the_call_goes_on(voice_agent: VoiceAgent, speak: Speak):
    turns = [
        speak("What can you do for me?"),
        speak("Wait, what time is it?", barge_in_after_s=1.2),
        speak("What is five plus six?"),
    ]
    report = await place_call(voice_agent.url, turns)
    _, cut_off, interruption, after = report.turns
    assert (interruption.silenced_ms or np.inf) < 1_200
    assert "timer" not in cut_off.answer  # its last words were never said
    assert "It is" in interruption.answer
    assert "11" in after.answer


async def test_a_server_that_is_killed_and_restarted_is_used_again(voice_agent: VoiceAgent, speak: Speak):
    sums = {
        "asr_server": "What is one plus two?",
        "llm": "What is two plus two?",
        "tts_server": "What is two plus three?",
    }
    async with dial(voice_agent.url) as call:
        await call.listen(ANSWER_S)
        for name, question in sums.items():
            server = next(process for process in voice_agent.processes if process.module == name)
            server.kill()
            server.start()
            await asyncio.to_thread(server.until_ready)
            await call.wait(1.0)  # reconnecting is the agent's own business, and takes it a moment
            await call.say(speak(question), ANSWER_S)
        report = report_of(call, recording_of(call), voice_agent.url)
    assert [turn.answer for turn in report.turns[1:]] == [f"The answer is {number}." for number in (3, 4, 5)]


async def test_two_callers_do_not_hear_each_other(voice_agent: VoiceAgent, speak: Speak):
    one, other = await asyncio.gather(
        place_call(
            voice_agent.url, [speak("My name is Peter.", voice="awb"), speak("What is my name?", voice="awb")]
        ),
        place_call(
            voice_agent.url, [speak("My name is Anna.", voice="rms"), speak("What is my name?", voice="rms")]
        ),
    )
    assert "Peter" in one.turns[2].answer
    assert "Anna" in other.turns[2].answer
