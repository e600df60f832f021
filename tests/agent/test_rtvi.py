from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    OutputTransportMessageUrgentFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.filters.identity_filter import IdentityFilter

from agent.rtvi import DiscreetRtvi
from tests.agent.stand_ins import Rig, eventually, rigged


@asynccontextmanager
async def client() -> AsyncGenerator[Rig, None]:
    """Whom RTVI tells."""
    async with rigged(IdentityFilter(), rtvi_processor=DiscreetRtvi()) as rig:
        yield rig


async def ask(rig: Rig, text: str, ahead: bool) -> None:
    context = LLMContext([{"role": "user", "content": text}])
    await rig.send(LLMContextFrame(context, speculation=ahead))


def told(rig: Rig) -> list[tuple[str, Any]]:
    messages: list[Any] = [frame.message for frame in rig.came(OutputTransportMessageUrgentFrame)]
    wanted = ("user-llm-text", "user-stopped-speaking")
    return [(m["type"], m.get("data") and m["data"]["text"]) for m in messages if m["type"] in wanted]


async def test_what_is_asked_is_told():
    async with client() as rig:
        await ask(rig, "hello", ahead=False)
        await eventually(lambda: told(rig) == [("user-llm-text", "hello")])


async def test_what_is_asked_ahead_is_told_when_the_turn_has_ended():
    async with client() as rig:
        await ask(rig, "hello", ahead=True)
        await rig.send(UserStoppedSpeakingFrame())
        await eventually(lambda: len(told(rig)) == 2)
        assert told(rig) == [("user-stopped-speaking", None), ("user-llm-text", "hello")]


async def test_it_is_told_once():
    async with client() as rig:
        await ask(rig, "hello", ahead=True)
        for _ in range(2):
            await rig.send(UserStoppedSpeakingFrame())
        await ask(rig, "the end", ahead=False)
        await eventually(lambda: ("user-llm-text", "the end") in told(rig))
        assert told(rig).count(("user-llm-text", "hello")) == 1


@pytest.mark.parametrize("withdrawal", [EagerEndOfTurnCancelFrame, InterruptionFrame])
async def test_what_is_withdrawn_is_never_told(withdrawal: type[Frame]):
    async with client() as rig:
        await ask(rig, "hello", ahead=True)
        await rig.send(withdrawal())
        await rig.send(UserStoppedSpeakingFrame())
        await ask(rig, "the end", ahead=False)
        await eventually(lambda: ("user-llm-text", "the end") in told(rig))
        assert ("user-llm-text", "hello") not in told(rig)
