"""What a test of the shared parts looks at beside sockets: the log."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from loguru import logger

if TYPE_CHECKING:
    from loguru import Record


@pytest.fixture
def logged() -> Iterator[list["Record"]]:
    """The records of this test, as they come."""
    records: list[Record] = []
    sink = logger.add(lambda message: records.append(message.record), level="DEBUG")
    yield records
    logger.remove(sink)


@pytest.fixture
def restored_log() -> Iterator[None]:
    """For what calls `serve`, which points the log at the stderr of this test."""
    yield
    logger.remove()
    logger.add(sys.__stderr__ or sys.stderr)
