import asyncio

import numpy as np
import pytest
from hypothesis import given, strategies as st
from pipecat.frames.frames import BotStoppedSpeakingFrame, LLMFullResponseEndFrame, TTSTextFrame

from agent.playback import DUCKED, FADE_MS, SILENT_S, Envelope, Heard, Playback
from tests.agent.stand_ins import rigged

HZ = 24_000
CHUNK = HZ * 20 // 1000
LOUD = np.full(CHUNK, 10_000, np.int16)


class Clock:
    """Moves when told."""

    def __init__(self) -> None:
        self.now_s = 10.0

    def __call__(self) -> float:
        return self.now_s


async def started() -> tuple[Playback, Clock]:
    """One that has just played a chunk."""
    clock = Clock()
    playback = Playback(clock=clock)
    await playback.start(HZ)
    await play(playback)
    return playback, clock


async def play(playback: Playback, chunks: int = 1) -> np.ndarray:
    """What became of so many loud chunks."""
    return np.concatenate(
        [np.frombuffer(await playback.filter(LOUD.tobytes()), np.int16) for _ in range(chunks)]
    )


async def faded(playback: Playback) -> None:
    """Fade, while it plays."""
    fading = asyncio.create_task(playback.fade_out())
    await asyncio.sleep(0)
    await play(playback)
    await fading


async def test_nothing_is_changed_as_long_as_nothing_happens():
    playback, _ = await started()
    assert (await play(playback) == LOUD).all()


async def test_a_duck_is_12_db_and_comes_without_a_step():
    playback, _ = await started()
    playback.duck()
    left = await play(playback, 3)
    assert abs(int(left[-1]) - 10_000 * DUCKED) < 2
    assert np.abs(np.diff(left.astype(int))).max() < 20


async def test_a_restored_voice_is_as_loud_as_before():
    playback, _ = await started()
    playback.duck()
    await play(playback, 5)
    playback.restore()
    assert (await play(playback, 10))[-1] == 10_000


@pytest.mark.complaint("pipecat-ai/pipecat#1305", "pipecat-ai/pipecat#3985")
async def test_a_fade_ends_with_its_chunk_and_whoever_waits_is_told():
    playback, _ = await started()
    fading = asyncio.create_task(playback.fade_out())
    await asyncio.sleep(0)
    left = await play(playback)
    await fading
    assert (left[0] > 9_000, left[-1], FADE_MS) == (True, 0, 20)


async def test_what_leaves_after_a_fade_is_silence():
    playback, _ = await started()
    await faded(playback)
    assert not (await play(playback, 3)).any()


async def test_what_cannot_be_interrupted_goes_on_after_a_while():
    playback, clock = await started()
    await faded(playback)
    clock.now_s += SILENT_S + 0.1
    assert (await play(playback, 10))[-1] == 10_000


async def test_nobody_waits_for_a_fade_of_nothing():
    playback, clock = await started()
    clock.now_s += 1
    async with asyncio.timeout(0.05):
        await playback.fade_out()
    assert not playback.silenced


async def test_every_sample_that_leaves_is_kept_once():
    playback, _ = await started()
    await play(playback, 2)
    kept = sum(len(samples) for _, samples in playback.take_played())
    assert (kept, playback.take_played()) == (3 * CHUNK, [])


async def test_words_that_pass_in_silence_are_not_heard():
    playback, _ = await started()
    async with rigged(Heard(playback)) as rig:
        await rig.send(word("heard"))
        await rig.until(TTSTextFrame)
        await faded(playback)
        await rig.send(word("unheard"))
        await rig.send(LLMFullResponseEndFrame())
        await rig.until(LLMFullResponseEndFrame)
        await rig.send(BotStoppedSpeakingFrame())
        await rig.until(BotStoppedSpeakingFrame)
        await rig.send(word("later"))
        await rig.until(TTSTextFrame, 2)
    assert [frame.text for frame in rig.came(TTSTextFrame)] == ["heard", "later"]


def word(text: str) -> TTSTextFrame:
    return TTSTextFrame(text, text_type="word")


steps = st.lists(st.tuples(st.sampled_from([0.0, 0.25, 1.0]), st.integers(1, 60), st.integers(1, 900)))


@given(steps)
def test_a_gain_never_jumps_and_never_leaves_its_range(moves: list[tuple[float, int, int]]):
    envelope = Envelope(HZ)
    left = [np.array([10_000], np.int16)]
    for gain, ramp_ms, count in moves:
        envelope.aim(gain, ramp_ms)
        left.append(envelope.apply(np.full(count, 10_000, np.int16)))
    sound = np.concatenate(left).astype(int)
    assert 0 <= sound.min() <= sound.max() <= 10_000
    assert np.abs(np.diff(sound)).max(initial=0) <= 10_000 / (HZ / 1000) + 2
