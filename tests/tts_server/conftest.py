"""The real server with each engine, on a real socket; one for a module, since each start takes 0.3 s."""

from collections.abc import AsyncIterator
from typing import Any

import hypothesis
import pytest_asyncio

from tests.serving import Served, serving
from tests.tts_server.client import TtsClient, calling
from tests.tts_server.tones import ToneSynthesizer
from tts_server.app import create_app
from tts_server.espeak import EspeakSynthesizer
from tts_server.settings import TtsSettings

hypothesis.settings.register_profile("busy", deadline=None)  # two cores may be shared by a whole CI run
hypothesis.settings.load_profile("busy")


def settings(**changed: Any) -> TtsSettings:
    return TtsSettings(port=0, _env_file=None, **changed)  # type: ignore[call-arg]


def espeak_app(**changed: Any):
    chosen = settings(**changed)
    return create_app(chosen, EspeakSynthesizer(chosen.voice, chosen.words_per_minute))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[Served]:
    """The server with espeak-ng."""
    async with serving(espeak_app()) as served:
        yield served


@pytest_asyncio.fixture(loop_scope="module")
async def client(served: Served) -> AsyncIterator[TtsClient]:
    async with calling(served) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tones_served() -> AsyncIterator[Served]:
    """The server with tones: reproducible, and batched."""
    async with serving(create_app(settings(), ToneSynthesizer())) as served:
        yield served


@pytest_asyncio.fixture(loop_scope="module")
async def tones(tones_served: Served) -> AsyncIterator[TtsClient]:
    async with calling(tones_served) as client:
        yield client
