"""Calls of about one length, as token ids, for training: without end, and all from one seed."""

import random
from collections.abc import Iterator
from typing import NamedTuple

from tokenizers import Tokenizer

from llm.demo import corpus
from llm.demo.rendering import Renderer

LONG_SHARE = 0.04  # calls of many turns: a real one may go on
BARE_SHARE = 0.04  # batches without system prompt and tools: somebody trying the server by hand
SHORT_TOKENS = 24  # of the beginning, while it is short
MOST_TOKENS = 1_400  # of a call: with the beginning, it has to fit the model's context
GAP_SHARE = (
    0.3  # calls with gaps in their positions: what was said a long call ago, for the price of a short one
)
MOST_GAP_TOKENS = 900  # of one gap
POOL_CALLS = 320  # sorted by length at a time


class Row(NamedTuple):
    """One call: its token ids, which of them are learnt, and where they stand after the beginning."""

    ids: list[int]
    learnt: list[bool]
    positions: list[int]


class Batch(NamedTuple):
    """Calls that go on from the same `start` (which may be empty)."""

    start: list[int]
    rows: list[Row]


class Batches:
    """Iterates over batches of at most `tokens` tokens, padding counted.

    While `short`, a call sees the last `SHORT_TOKENS` of its beginning only, as part of its row.
    """

    def __init__(self, renderer: Renderer, tokenizer: Tokenizer, seed: int, tokens: int) -> None:
        self.rng = random.Random(seed)
        self.short = True
        self._renderer = renderer
        self._tokenizer = tokenizer
        self._tokens = tokens
        self._served = self._encode(renderer.served_prefix)
        self._bare = self._encode(renderer.bare_prefix)

    def __iter__(self) -> Iterator[Batch]:
        """Pools of calls, sorted by length and cut where a batch is full."""
        while True:
            pool = sorted((self._row() for _ in range(POOL_CALLS)), key=lambda row: len(row.ids))
            batches: list[list[Row]] = [[]]
            for row in pool:
                if batches[-1] and (len(batches[-1]) + 1) * len(row.ids) > self._tokens:
                    batches.append([])
                batches[-1].append(row)
            self.rng.shuffle(batches)
            yield from map(self._batch, batches)

    def _batch(self, rows: list[Row]) -> Batch:
        start = self._bare if self.rng.random() < BARE_SHARE else self._served
        if not self.short:
            return Batch(start, rows)
        tail = start[-SHORT_TOKENS:]
        return Batch([], [_with_tail(tail, row) for row in rows])

    def _row(self) -> Row:
        turns = self.rng.randint(9, 16) if self.rng.random() < LONG_SHARE else None
        row = Row([], [], [])
        distant = self.rng.random() < GAP_SHARE
        place = 0
        for piece in self._renderer.pieces(corpus.dialogue(self.rng, turns=turns), self.rng):
            if distant and not piece.learnt and self.rng.random() < 0.15:
                place += self.rng.randint(1, MOST_GAP_TOKENS)
            new = self._encode(piece.text)
            row.ids.extend(new)
            row.learnt.extend([piece.learnt] * len(new))
            row.positions.extend(range(place, place + len(new)))
            place += len(new)
        return Row(row.ids[:MOST_TOKENS], row.learnt[:MOST_TOKENS], row.positions[:MOST_TOKENS])

    def _encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False).ids


def _with_tail(tail: list[int], row: Row) -> Row:
    moved = [*range(len(tail)), *(len(tail) + place for place in row.positions)]
    return Row(tail + row.ids, [False] * len(tail) + row.learnt, moved)
