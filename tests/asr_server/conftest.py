"""The real server with PocketSphinx, on a real socket; one for a module, since each decoder takes 0.3 s."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI

from asr_server.app import create_app
from asr_server.settings import AsrSettings
from asr_server.sphinx import SphinxRecognizer
from tests.asr_server.client import AsrClient, calling, silence
from tests.serving import Served, serving

Say = Callable[..., bytes]


def settings(**changed: Any) -> AsrSettings:
    return AsrSettings(**({"port": 0, "_env_file": None, "max_connections": 3} | changed))


def sphinx_app(**changed: Any) -> FastAPI:
    chosen = settings(**changed)
    return create_app(chosen, SphinxRecognizer(chosen))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[Served]:
    async with serving(sphinx_app()) as served:
        yield served


@pytest_asyncio.fixture(loop_scope="module")
async def client(served: Served) -> AsyncIterator[AsrClient]:
    async with calling(served) as client:
        yield client


@pytest.fixture(scope="session")
def spoken(flite: Say) -> Say:
    """Speech with a little silence on both sides, as a pause detector leaves it."""
    return lambda text, voice="slt": silence(300) + flite(text, voice) + silence(200)
