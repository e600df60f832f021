"""The conversation with the real server: partials, finals, resumed and next utterances."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from asr_server.protocol import Final, Partial
from tests.asr_server.client import AsrClient, calling, connected, silence
from tests.asr_server.conftest import Say, sphinx_app
from tests.serving import Served, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_ready_says_what_suits_the_server(client: AsrClient):
    assert client.ready is not None
    assert (client.ready.protocol, client.ready.chunk_ms, client.ready.packet_ms) == ("1.0", 100, 20)
    assert "sphinx" in client.ready.model


async def test_a_sentence_is_answered_with_its_ids(client: AsrClient, spoken: Say):
    await client.say(spoken("what time is it"))
    await client.commit()
    final = await client.until(Final)
    assert final == Final(
        utterance_id=0,
        commit_id=1,
        text="what time is it",
        end_sample=client.sent_samples,
        confidence=final.confidence,
    )


async def test_a_final_says_how_sure_the_engine_is_of_its_words(client: AsrClient, spoken: Say):
    await client.say(silence(1_000))
    await client.final()
    await client.say(spoken("what time is it"))
    await client.final()
    nothing, words = [message for message in client.heard if isinstance(message, Final)]
    assert nothing.confidence is None
    assert words.confidence is not None
    assert words.confidence > 0.5


async def test_partials_come_before_the_commit_and_only_when_the_text_changed(client: AsrClient, spoken: Say):
    await client.say(spoken("what is twelve plus thirty"))
    assert (await client.until(Partial)).text
    await client.final()
    texts = [message.text for message in client.heard if isinstance(message, Partial)]
    ends = [message.end_sample for message in client.heard if isinstance(message, Partial)]
    assert all(text != following for text, following in zip(texts, texts[1:], strict=False))
    assert ends == sorted(ends)
    assert len(texts) > 3


async def test_a_resumed_sentence_is_whole(client: AsrClient, spoken: Say, flite: Say):
    await client.say(spoken("I would like um"))
    before = await client.final()
    await client.say(silence(600) + flite("a table for two") + silence(200))
    whole = await client.final()
    assert before.startswith("i would like")
    assert whole.startswith("i would like")
    assert whole.endswith("table for two")


async def test_a_commit_in_the_pause_changes_nothing_whether_the_replay_had_time_or_not(
    served: Served, spoken: Say, flite: Say
):
    first, rest = spoken("I would like um"), silence(600) + flite("a table for two") + silence(200)
    finals = []
    for commits in (False, True):
        async with calling(served) as client:
            await client.say(first)
            if commits:
                await client.commit()
            await client.say(rest)
            finals.append(await client.final())
    assert finals[0] == finals[1]


async def test_the_next_utterance_starts_with_nothing(client: AsrClient, spoken: Say):
    await client.say(spoken("tell me a joke"))
    await client.final()
    await client.next_utterance()
    await client.say(spoken("what time is it"))
    await client.commit()
    final = await client.until(Final)
    assert (final.utterance_id, final.text) == (1, "what time is it")


async def test_a_word_between_the_commit_and_the_verdict_is_not_lost(client: AsrClient, spoken: Say):
    await client.say(spoken("tell me a joke"))
    await client.final()
    over_sample = client.sent_samples
    await client.say(spoken("what time is it"))
    await client.next_utterance(over_sample)
    assert await client.final() == "what time is it"


async def test_each_of_many_commits_is_answered_once(client: AsrClient, spoken: Say):
    await client.say(spoken("set a timer for five minutes"))
    sent = [await client.commit() for _ in range(20)]
    answers = [await client.until(Final) for _ in sent]
    assert [final.commit_id for final in answers] == sent
    assert len({final.text for final in answers}) == 1
    await client.next_utterance()
    assert await client.final() == ""


async def test_commits_in_speech_are_each_answered_once(client: AsrClient, spoken: Say):
    audio = spoken("set a timer for five minutes")
    sent = []
    for at in range(0, len(audio), 6_400):
        await client.say(audio[at : at + 6_400])
        sent.append(await client.commit())
    answers = [await client.until(Final) for _ in sent]
    assert [final.commit_id for final in answers] == sent
    assert answers[-1].text == "set a timer for five minutes"


async def test_a_commit_and_at_once_the_next_utterance_are_both_obeyed(client: AsrClient, spoken: Say):
    await client.say(spoken("tell me a joke"))
    await client.commit()
    await client.next_utterance()
    await client.say(spoken("what time is it"))
    await client.commit()
    finals = [await client.until(Final), await client.until(Final)]
    assert [(final.utterance_id, final.text) for final in finals] == [
        (0, "tell me a joke"),
        (1, "what time is it"),
    ]


async def test_a_commit_before_any_audio_is_answered_with_nothing(client: AsrClient):
    assert await client.final() == ""


async def test_a_long_file_as_fast_as_it_goes_is_heard_to_its_end(client: AsrClient, spoken: Say):
    await client.say(spoken("tell me a joke") + silence(30_000) + spoken("what time is it"))
    assert await client.final() == "tell me a joke what time is it"


async def test_two_callers_are_heard_as_each_alone(served: Served, spoken: Say):
    async def call(text: str, voice: str) -> list[str]:
        finals = []
        async with calling(served) as client:
            for _ in range(2):
                await client.say(spoken(text, voice))
                finals.append(await client.final())
                await client.next_utterance()
        return finals

    calls = [("what time is it", "slt"), ("set a timer for five minutes", "awb")]
    alone = [await call(*each) for each in calls]
    assert list(await asyncio.gather(*(call(*each) for each in calls))) == alone


async def test_right_context_phrases_and_fields_of_tomorrow_are_accepted(served: Served, spoken: Say):
    async with connected(served) as client:
        await client.send(
            '{"type":"start","protocol":"1.0","right_context":13,"phrases":["miso"],"mood":"good"}'
        )
        await client.say(spoken("what time is it"))
        assert await client.final() == "what time is it"


async def test_no_more_audio_is_read_than_may_wait():
    app = sphinx_app(max_connections=1, backlog_ms=1_000)
    waiting = app.state.service.registry.get_sample_value
    async with serving(app) as served, calling(served) as client:
        final = asyncio.create_task(sent_and_answered(client, silence(6_000)))
        seen = []
        while not final.done():
            seen.append(waiting("waiting_audio_seconds"))
            await asyncio.sleep(0)
        await final
    assert 0.9 < max(seen) <= 1.02


async def sent_and_answered(client: AsrClient, audio: bytes) -> str:
    await client.say(audio)
    return await client.final()


@pytest_asyncio.fixture(loop_scope="module")
async def fresh() -> AsyncIterator[Served]:
    """A server of its own, for what is counted."""
    async with serving(sphinx_app(max_connections=1)) as served:
        yield served


async def test_what_is_counted(fresh: Served, spoken: Say):
    async with calling(fresh) as client:
        await client.say(spoken("what time is it"))
        await client.final()
        metrics = await counted(fresh)
    assert metrics["streams"] == 1
    assert metrics["audio_seconds_total"] == pytest.approx(client.sent_samples / 16_000)
    assert metrics["time_to_final_seconds_count"] == 1
    assert 0 < metrics["time_to_final_seconds_sum"] < 5
    assert (
        0
        < metrics["real_time_factor"]
        == pytest.approx(metrics["device_seconds"] / metrics["audio_seconds_total"])
    )
    assert metrics["waiting_audio_seconds"] == 0


async def test_a_caller_who_hangs_up_with_work_waiting_leaves_nothing_behind(fresh: Served, spoken: Say):
    async with calling(fresh) as client:
        await client.say(spoken("what time is it") * 5)
        client.socket.transport.abort()
    while (metrics := await counted(fresh))["connections"]:
        pass
    assert (metrics["streams"], metrics["waiting_audio_seconds"]) == (0, 0)
    async with calling(fresh) as client:  # the one decoder is free again
        await client.say(spoken("what time is it"))
        assert await client.final() == "what time is it"


async def counted(served: Served) -> dict[str, float]:
    async with httpx.AsyncClient() as http:
        lines = (await http.get(f"{served.http}/metrics")).text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}
