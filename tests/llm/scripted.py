"""Another engine behind the same seam: it says what a test wrote down."""

import asyncio
from collections.abc import Sequence

from llm.generator import ChatFormat, Finish, Generation, Sampling
from tests.llm.tiny_gguf import TEMPLATE


class ScriptedGeneration:
    """Gives the pieces of one answer, or raises the error among them."""

    def __init__(self, pieces: Sequence[bytes | Exception]) -> None:
        self._pieces = iter(pieces)
        self.cached_tokens = 3
        self.finish: Finish | None = None
        self.cancelled = False

    def __aiter__(self) -> "ScriptedGeneration":
        return self

    async def __anext__(self) -> bytes:
        piece = None if self.cancelled else next(self._pieces, None)
        if piece is None:
            self.finish = "stop"
            raise StopAsyncIteration
        if isinstance(piece, Exception):
            raise piece
        return piece

    def cancel(self) -> None:
        self.cancelled = True


class ScriptedGenerator:
    """A llm.generator.Generator. `answer` is what it says next, a byte a token; `seen` what it was asked."""

    context_tokens = 1_000
    chat_format = ChatFormat(TEMPLATE, "", "<|im_end|>", ("<|im_end|>",))
    active = waiting = 0

    def __init__(self) -> None:
        self.answer: Sequence[bytes | Exception] = [b"Hello."]
        self.seen: list[tuple[bytes, Sampling]] = []
        self.may_load = asyncio.Event()
        self.may_load.set()

    def will_say(self, text: str) -> None:
        self.answer = [bytes([byte]) for byte in text.encode()]

    async def load(self) -> None:
        await self.may_load.wait()

    async def tokenise(self, text: str) -> list[int]:
        return list(text.encode())

    def generate(self, prompt: Sequence[int], sampling: Sampling) -> Generation:
        self.seen.append((bytes(prompt), sampling))
        return ScriptedGeneration(self.answer)

    def close(self) -> None:
        pass
