"""The device thread, with an engine that is stepped in batches."""

import asyncio

import numpy as np
import pytest

from tests.tts_server.tones import PAUSE_SAMPLES, WORD_SAMPLES, ToneSynthesizer, tone
from tts_server.scheduler import Scheduler
from tts_server.speech import AHEAD_MS, Speech
from tts_server.spoken_text import segments
from tts_server.synthesizer import Wish

HZ = ToneSynthesizer.sample_rate_hz
LONG = "la " * 400


async def all_of(speech: Speech) -> np.ndarray:
    parts = [np.zeros(0, np.int16)]
    while (sound := await speech.take()) is not None:
        parts.append(sound.pcm)
    return np.concatenate(parts)


def begun(scheduler: Scheduler, text: str, owner: object = None, *, finish: bool = True) -> Speech:
    speech = scheduler.open(owner or object(), Wish("low"), HZ)
    scheduler.speak(speech, segments(text))
    if finish:
        speech.finish()
    return speech


async def test_what_is_asked_for_is_made():
    audio = await all_of(begun(Scheduler(ToneSynthesizer()), "one two"))
    expected = np.concatenate([tone("one", "low", last=False), tone("two", "low", last=True)])
    assert np.array_equal(audio, expected[: len(audio)])
    assert (
        abs(len(audio) - 2 * WORD_SAMPLES) < 3
    )  # the pause is left out, and a sample or two of the tone's 0


@pytest.mark.parametrize("batch", [1, 4])
async def test_many_speeches_at_once_are_what_each_is_alone(batch: int):
    texts = [f"{word} and {word} again. " * 9 for word in ("one", "two", "three", "four", "five", "six")]
    alone = [await all_of(begun(Scheduler(ToneSynthesizer()), text)) for text in texts]
    scheduler = Scheduler(ToneSynthesizer(batch))
    together = await asyncio.gather(*(all_of(begun(scheduler, text)) for text in texts))
    assert all(np.array_equal(*pair) for pair in zip(alone, together, strict=True))


async def test_a_batch_steps_several_speeches_together():
    synthesizer = ToneSynthesizer(batch=4)
    scheduler = Scheduler(synthesizer)
    await asyncio.gather(*(all_of(begun(scheduler, "la " * 60)) for _ in range(4)))
    assert max(map(len, synthesizer.steps)) > 1


async def test_the_model_runs_only_so_far_ahead_of_a_client_who_does_not_take():
    synthesizer = ToneSynthesizer(batch=1)
    scheduler = Scheduler(synthesizer)
    slow = begun(scheduler, LONG)
    assert len(await all_of(begun(scheduler, "quick"))) > 2_000
    made = sum(1 for step in synthesizer.steps for stream in step if stream is slow.stream)
    assert made * WORD_SAMPLES <= HZ * AHEAD_MS // 1000 + 70 * (WORD_SAMPLES + PAUSE_SAMPLES)
    assert len(await all_of(slow)) > 400 * WORD_SAMPLES


async def test_owners_take_turns_whatever_they_ask_for():
    scheduler = Scheduler(ToneSynthesizer(batch=1))
    greedy = object()
    many = [begun(scheduler, LONG, greedy) for _ in range(5)]
    await asyncio.wait_for(all_of(begun(scheduler, "quick")), 2)
    assert not any(speech.ended for speech in many)
    for speech in many:
        scheduler.drop(speech)


async def test_what_is_dropped_is_not_made():
    synthesizer = ToneSynthesizer(batch=1)
    scheduler = Scheduler(synthesizer)
    dropped = begun(scheduler, LONG)
    scheduler.drop(dropped)
    await all_of(begun(scheduler, "quick"))
    assert sum(stream is dropped.stream for step in synthesizer.steps for stream in step) < 100


async def test_a_model_that_breaks_says_so_and_goes_on_for_others():
    scheduler = Scheduler(ToneSynthesizer(batch=1))
    broken = begun(scheduler, "this will break here")
    with pytest.raises(RuntimeError, match="the model failed"):
        await all_of(broken)
    assert len(await all_of(begun(scheduler, "fine"))) > 2_000


async def test_a_cancelled_take_loses_nothing():
    scheduler = Scheduler(ToneSynthesizer())
    speech = begun(scheduler, "", finish=False)
    waiting = asyncio.create_task(speech.take())
    await asyncio.sleep(0)
    waiting.cancel()
    scheduler.speak(speech, segments("one"))
    speech.finish()
    assert len(await all_of(speech)) > 2_000


async def test_a_speech_that_ends_without_text_is_empty():
    assert len(await all_of(begun(Scheduler(ToneSynthesizer()), ""))) == 0
