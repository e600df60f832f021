"""The conversation, through a real socket, with espeak-ng."""

import asyncio
from time import perf_counter

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import connect

from tests.serving import Served, serving
from tests.tts_server.client import TtsClient, calling
from tests.tts_server.conftest import espeak_app
from tts_server.protocol import (
    PATH,
    PROTOCOL,
    Audio,
    AudioEnd,
    Cancel,
    Failed,
    Finish,
    Open,
    Speak,
    Start,
    Words,
    parse_server_message,
)
from wire.serve import AbortableWebSocket

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO = "Hello there, how can I help you today?"
STORY = "Once upon a time there was a miller, who had three sons and a cat. " * 50


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float64)))))


async def test_ready_names_the_voices(served: Served):
    async with connect(served.ws + PATH) as socket:
        await socket.send(Start(protocol=PROTOCOL).json_text())
        ready = parse_server_message(await socket.recv(decode=True))
    assert {"en-us", "en-us+f3", "en-gb", "de"} <= set(ready.voices)  # type: ignore[union-attr]


async def test_a_sentence_is_audible_and_as_long_as_a_person_would_take(client: TtsClient):
    samples = (await client.say(HELLO)).samples
    assert rms(samples) > 1_000
    assert 1.5 < len(samples) / 22_050 < 4


async def test_speech_begins_and_ends_with_sound(client: TtsClient):
    samples = (await client.say(HELLO)).samples
    for end in (samples[:220], samples[-220:]):
        assert np.abs(end).max() > 8


async def test_every_word_has_its_time_in_order_within_the_audio(client: TtsClient):
    text = "It is one of the best in the world, I am told."  # espeak-ng says "of the" and "I am" as one
    speech = await client.say(text)
    starts = [start for _, start in speech.words]
    assert " ".join(word for word, _ in speech.words) == text
    assert starts == sorted(set(starts))
    assert starts[-1] < len(speech.samples)


async def test_a_word_is_loud_where_its_time_says(client: TtsClient):
    speech = await client.say("Yes. Perhaps. No.")
    for _, start in speech.words:
        assert rms(speech.samples[start : start + 3_000]) > 500


async def test_words_are_told_as_they_were_given(client: TtsClient):
    speech = await client.say("Café **naïve** — “straße” 😀 done")
    assert [word for word, _ in speech.words] == ["Café", "**naïve**", "“straße”", "done"]


async def test_samples_count_on_over_several_texts(client: TtsClient):
    speech = await client.say("One two.", "Three four.", "Five six.")
    starts = [start for _, start in speech.words]
    assert [word for word, _ in speech.words] == ["One", "two.", "Three", "four.", "Five", "six."]
    assert starts == sorted(starts)


async def test_there_is_a_pause_and_no_click_between_two_texts(client: TtsClient):
    speech = await client.say("That is one thing.", "This is another.")
    join = speech.words[4][1]
    steps = np.abs(np.diff(speech.samples.astype(np.int32)))
    assert rms(speech.samples[join - 3_000 : join]) < 50
    assert steps[join - 3_000 : join + 300].max() <= steps.max() // 2


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 44_100, 48_000])
async def test_the_audio_has_the_rate_that_was_asked_for(client: TtsClient, rate_hz: int):
    own = len((await client.say(STORY[:200], speech_id=1)).samples) / 22_050
    asked = len((await client.say(STORY[:200], speech_id=2, sample_rate_hz=rate_hz)).samples) / rate_hz
    assert asked == pytest.approx(own, rel=0.02)  # espeak-ng itself varies by as much


async def test_the_end_of_a_text_does_not_wait_for_the_next(client: TtsClient):
    """What a resampler holds back, and a word that is held until the next begins, comes without a Finish."""
    whole = await client.say("Hello there.", sample_rate_hz=8_000)
    await client.send(Open(speech_id=2, sample_rate_hz=8_000), Speak(speech_id=2, text="Hello there."))
    heard = 0
    while heard < 0.97 * len(whole.samples):
        message = await asyncio.wait_for(client.next(), 2)
        heard += len(message.pcm) // 2 if isinstance(message, Audio) else 0


async def test_a_speech_without_text_ends_with_no_samples(client: TtsClient):
    await client.send(Open(speech_id=3), Finish(speech_id=3))
    assert await client.next() == AudioEnd(speech_id=3, samples=0, cancelled=False)


async def test_emoji_alone_are_not_spoken_and_not_a_failure(client: TtsClient):
    speech = await client.say("😀 🎉", "— *** —")
    assert speech.end == AudioEnd(speech_id=1, samples=0, cancelled=False)


async def test_an_id_may_be_used_again_after_its_end(client: TtsClient):
    await client.say("One.", speech_id=7)
    assert (await client.say("Two.", speech_id=7)).words[0][0] == "Two."


async def test_speeches_may_be_interleaved(client: TtsClient):
    await client.send(Open(speech_id=1), Open(speech_id=2, voice="en-gb+f3", sample_rate_hz=16_000))
    await client.send(Speak(speech_id=1, text="First."), Speak(speech_id=2, text="Second."))
    await client.send(Speak(speech_id=1, text="Third."), Finish(speech_id=2), Finish(speech_id=1))
    heard = await client.hear(1, 2)
    assert [word for word, _ in heard[1].words] == ["First.", "Third."]
    assert [word for word, _ in heard[2].words] == ["Second."]


async def test_voices_sound_different(client: TtsClient):
    lengths = [len((await client.say(HELLO, voice=voice)).samples) for voice in ("en-us", "en-gb", "de")]
    assert len(set(lengths)) == 3


async def test_a_language_alone_chooses_a_voice(client: TtsClient):
    speech = await client.say("Guten Tag.", language="de")
    assert speech.end is not None
    assert not speech.end.cancelled


async def test_cancel_is_answered_at_once_and_nothing_follows(client: TtsClient):
    await client.send(Open(speech_id=1), Speak(speech_id=1, text=STORY))
    await client.until(Audio)
    asked_s = perf_counter()
    await client.send(Cancel(speech_id=1))
    end = await client.until(AudioEnd)
    assert (end.cancelled, perf_counter() - asked_s < 0.2) == (True, True)
    await client.send(Open(speech_id=2), Finish(speech_id=2))
    assert await client.next() == AudioEnd(speech_id=2, samples=0, cancelled=False)


async def test_the_samples_of_a_cancelled_speech_are_those_that_came(client: TtsClient):
    await client.send(Open(speech_id=1), Speak(speech_id=1, text=STORY), Cancel(speech_id=1))
    speech = (await client.hear(1))[1]  # which compares the count
    assert speech.end is not None
    assert speech.end.cancelled


async def test_cancel_works_before_any_text_and_after_finish(client: TtsClient):
    await client.send(Open(speech_id=1), Cancel(speech_id=1))
    assert await client.next() == AudioEnd(speech_id=1, samples=0, cancelled=True)
    await client.send(Open(speech_id=1), Speak(speech_id=1, text=STORY), Finish(speech_id=1))
    await client.send(Cancel(speech_id=1))
    assert (await client.until(AudioEnd)).cancelled


async def test_cancel_leaves_the_other_speech_whole(client: TtsClient):
    await client.send(Open(speech_id=1), Open(speech_id=2), Speak(speech_id=1, text=STORY))
    await client.send(Speak(speech_id=2, text="Still here."), Finish(speech_id=2), Cancel(speech_id=1))
    heard = await client.hear(1, 2)
    assert [word for word, _ in heard[2].words] == ["Still", "here."]


async def test_not_one_byte_of_a_speech_leaves_after_its_cancel_is_read():
    """The client reads nothing, so a frame waits in the server; what is written then may not grow."""
    async with serving(espeak_app()) as served, calling(served, max_queue=1) as client:
        await client.send(Open(speech_id=1, sample_rate_hz=48_000), Speak(speech_id=1, text=STORY))
        client.socket.transport.pause_reading()
        transport = await stalled(served)
        written = transport.get_write_buffer_size()
        await client.send(Cancel(speech_id=1))
        while 'end="cancelled"' not in await metrics(served):
            pass
        assert transport.get_write_buffer_size() == written
        client.socket.transport.resume_reading()
        speech = (await client.hear(1))[1]
        assert speech.end is not None
        assert speech.end.cancelled


async def stalled(served: Served) -> asyncio.Transport:
    """The server's side of the only WebSocket, once neither it nor the kernel takes more."""
    (protocol,) = served.server.server_state.connections
    assert isinstance(protocol, AbortableWebSocket)
    before = -1
    while protocol.writable.is_set() or protocol.transport.get_write_buffer_size() != before:
        before = protocol.transport.get_write_buffer_size()
        await asyncio.sleep(0.05)
    return protocol.transport


async def metrics(served: Served) -> str:
    async with httpx.AsyncClient() as http:
        return (await http.get(f"{served.http}/metrics")).text


async def test_a_second_caller_is_served_while_a_long_text_is_spoken(served: Served):
    async with calling(served) as busy, calling(served) as quick:
        await busy.send(Open(speech_id=1), Speak(speech_id=1, text=STORY))
        await busy.until(Words)
        speech = await asyncio.wait_for(quick.say("Me too."), 2)
        assert len(speech.samples) > 5_000


async def test_more_text_than_may_wait_is_refused_and_may_be_sent_later(served: Served):
    async with calling(served, max_queue=1) as client:
        await client.send(Open(speech_id=1))
        for _ in range(12):
            await client.send(Speak(speech_id=1, text=STORY))
        failed = await client.until(Failed)
    assert (failed.code, failed.retry, failed.speech_id) == ("too_much_text", True, 1)


async def test_metrics_tell_of_speeches():
    async with serving(espeak_app()) as served, calling(served) as client:
        speech = await client.say("Hello.")
        await client.send(Open(speech_id=2), Cancel(speech_id=2))
        await client.next()
        text = await metrics(served)
    assert "characters_total 6.0" in text
    assert "first_audio_seconds_count 1.0" in text
    assert 'speeches_total{end="cancelled"} 1.0' in text
    assert f"audio_seconds_total {len(speech.samples) / 22_050}" in text
