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

from agent.call_line import Call, Turn, dial
from agent.call_report import RECORDING_HZ, CallReport, Recording, recording_of, report_of
from agent.recording import write_stereo
from tests.end_to_end.conftest import Speak, loudness
from tests.processes import VoiceAgent

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(300)]  # a call takes as long as it takes to speak

ANSWER_S = 20.0
AUDIBLE = 0.01
"""-40 dB; espeak-ng speaks at about 0.1."""


class Calls(NamedTuple):
    """Two calls that were held at the same time."""

    polite: CallReport
    hasty: CallReport
    recording: Recording
    """Of the polite one."""
    began: datetime
    ended: datetime


@pytest.fixture(scope="module")
def calls(voice_agent: VoiceAgent, speak: Speak, tmp_path_factory: pytest.TempPathFactory) -> Calls:
    """One caller lets the agent finish, and waits for the timer; the other interrupts and hesitates."""
    polite_turns = [
        speak("Book a table for two on Friday at seven p m.", voice="awb"),
        speak("Under the name Robert.", voice="kal16"),
        speak("What is five plus six?", voice="slt"),
        speak("What is my reservation?", voice="rms"),
        speak("Set a timer for six seconds.", voice="awb"),
    ]
    hasty_turns = [
        speak("What can you do for me?", voice="rms"),
        speak("What time is it?", voice="slt", barge_in_after_s=1.2),
        speak("What is two plus two?", voice="kal16"),
        speak("What is the weather like?", voice="rms"),
        speak("What is my reservation?", voice="rms"),
        speak("I would like um", 0.8, "a table for two.", voice="slt"),
    ]
    began = datetime.now(UTC)
    calls = asyncio.run(hold_both(voice_agent.url, polite_turns, hasty_turns))
    ended = datetime.now(UTC)
    recordings = [recording_of(call) for call in calls]
    folder = tmp_path_factory.mktemp("calls")
    for name, recording in zip(("polite.wav", "hasty.wav"), recordings, strict=True):
        recording.write(folder / name)
    polite, hasty = (report_of(*held, voice_agent.url) for held in zip(calls, recordings, strict=True))
    return Calls(polite, hasty, recordings[0], began, ended)


async def hold_both(url: str, polite: list[Turn], hasty: list[Turn]) -> tuple[Call, Call]:
    return await asyncio.gather(hold(url, polite, "the timer"), hold(url, hasty))


async def hold(url: str, turns: list[Turn], last: str = "") -> Call:
    """The turns, and then what the agent says of its own accord."""
    async with dial(url) as call:
        await call.converse(turns, ANSWER_S)
        if last:
            await call.listen(ANSWER_S, last)
    return call


def test_every_turn_is_answered(calls: Calls):
    for report in (calls.polite, calls.hasty):
        assert (report.unanswered, report.troubles, report.problem) == ((), (), "")


def test_every_answer_is_heard_in_the_recording(calls: Calls):
    for turn in calls.polite.turns:
        assert turn.answer_start_ms is not None, turn.name
        start = int(turn.answer_start_ms * RECORDING_HZ / 1000)
        assert loudness(calls.recording.agent[start : start + RECORDING_HZ]) > AUDIBLE, turn.name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("What is five plus six?", "what is five plus six"),
        ("Book a table for two on Friday at seven p m.", "book a table for two on friday at seven p m"),
        ("Under the name Robert.", "under the name robert"),
        ("What is my reservation?", "what is my reservation"),
        ("Set a timer for six seconds.", "set a timer for six seconds"),
    ],
)
def test_what_is_said_is_what_the_model_is_asked(calls: Calls, name: str, words: str):
    turn = calls.polite.turn(name)
    assert (turn.transcript, turn.asked) == (words, (words,))


def test_the_greeting_comes_first(calls: Calls):
    assert calls.polite.turns[0].name == "greeting"
    assert "Hello" in calls.polite.turns[0].answer


def test_the_time_is_told(calls: Calls):
    minutes = (calls.ended - calls.began) // timedelta(minutes=1) + 2
    times = [calls.began + number * timedelta(minutes=1) for number in range(minutes)]
    told = calls.hasty.turn("What time is it?").answer
    assert any(f"{time:%I:%M %p}".lstrip("0") in told for time in times), told


def test_the_sum_is_worked_out(calls: Calls):
    assert "11" in calls.polite.turn("What is five plus six?").answer


def test_the_reservation_is_read_back(calls: Calls):
    answer = calls.polite.turn("What is my reservation?").answer
    assert all(fact in answer for fact in ("2", "Friday", "7 PM", "Robert")), answer


def test_what_it_cannot_do_is_declined(calls: Calls):
    assert calls.hasty.turn("What is the weather like?").answer.startswith("I'm sorry")


def test_the_timer_rings_aloud(calls: Calls):
    ring = calls.polite.turns[-1]
    assert ring.answer == "Your 6 second timer is up."
    asked = calls.polite.turns[-2]
    assert ring.answer_start_ms is not None
    assert asked.speech_end_ms is not None
    after_ms = ring.answer_start_ms - asked.speech_end_ms
    assert after_ms == pytest.approx(7_000, abs=1_500)  # six seconds, and the time to understand and to speak


def test_callers_do_not_share_a_reservation(calls: Calls):
    assert "don't have a reservation" in calls.hasty.turn("What is my reservation?").answer


def test_an_interruption_silences_the_agent(calls: Calls):
    assert (
        calls.hasty.turn("What time is it?").silenced_ms or np.inf
    ) < 1_600  # decided by words, then faded
    assert "timer" not in calls.hasty.turn("What can you do for me?").answer  # its last words were never said


def test_after_an_interruption_the_call_goes_on(calls: Calls):
    interruption = calls.hasty.turn("What time is it?")
    assert interruption.asked == ("what time is it",)
    assert interruption.answer.startswith("It is ")
    assert "4" in calls.hasty.turn("What is two plus two?").answer


def test_a_sentence_with_a_pause_is_one_message_once(calls: Calls):
    turn = calls.hasty.turns[-1]
    assert turn.asked == ("i would like um a table for two",)


async def test_a_server_that_is_killed_and_restarted_is_used_again(voice_agent: VoiceAgent, speak: Speak):
    sums = {
        "asr_server": "What is two plus four?",
        "llm": "What is two plus two?",
        "tts_server": "What is two plus three?",
    }
    async with dial(voice_agent.url) as call:
        for name, question in sums.items():
            server = next(process for process in voice_agent.processes if process.module == name)
            server.kill()
            server.start()
            await asyncio.to_thread(server.until_ready)
            if name == "asr_server":  # killed while the agent said hello
                await call.listen(ANSWER_S)
            if name == "tts_server":
                await call.wait(3.0)  # the agent tries again after one second, and after two more
            await call.say(speak(question), ANSWER_S)
    report = report_of(call, recording_of(call), voice_agent.url)
    heard = [(turn.transcript, turn.answer) for turn in report.turns[1:]]
    assert [answer for _, answer in heard] == [f"The answer is {number}." for number in (6, 4, 5)], heard


def test_the_command_holds_a_conversation(voice_agent: VoiceAgent, speak: Speak, tmp_path: Path):
    audio = speak("Hello.", voice="rms").audio[::3]
    write_stereo(tmp_path / "hello.wav", audio, audio, 16_000)
    command = [sys.executable, "-m", "agent.call", "hello.wav", "--url", voice_agent.url, "--json"]
    done = subprocess.run(
        command, cwd=tmp_path, env=voice_agent.agent.environment, capture_output=True, check=True
    )
    assert json.loads(done.stdout)["turns"][1]["transcript"] == "hello"
    assert (tmp_path / "call.wav").stat().st_size > 100_000
