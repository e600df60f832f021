"""Calls of about one length, as token ids, for training: batches without end, all from one seed."""

import random
from typing import NamedTuple

from tokenizers import Tokenizer

from llm.demo.corpus import dialogues
from llm.demo.drills import drill
from llm.demo.rendering import Piece, Renderer

LONG_SHARE = 0.04  # calls of many turns: a real one may go on
BARE_SHARE = 0.04  # calls without the system prompt: somebody trying the server by hand
MOST_TOKENS = 1_250  # of a call: alone it has to fit into one batch
GAP_SHARE = (
    0.3  # calls with gaps in their positions: what was said a long call ago, for the price of a short one
)
MOST_GAP_TOKENS = 900  # of one gap
DRILL_SHARE = 0.06  # of the rows among calls, so that copying is not forgotten
ROUND_STEPS = 40


class Row(NamedTuple):
    """One call: its token ids, which of them are learnt, and where they stand."""

    ids: list[int]
    learnt: list[bool]
    positions: list[int]


class Batches:
    """The batches of each step and each share, about `tokens` tokens each; the same for the same seed.

    Calls are made `ROUND_STEPS` steps at a time and sorted by length, so that little is padding.
    """

    def __init__(self, renderer: Renderer, tokenizer: Tokenizer, seed: int, tokens: int) -> None:
        self._renderer = renderer
        self._tokenizer = tokenizer
        self._seed = seed
        self._tokens = tokens
        self._round: tuple[object, list[list[Row]]] = (None, [])

    def batch(self, step: int, share: int, most_turns: int) -> list[Row]:
        """A step's batch.

        Calls have `most_turns` turns of the caller's at most, most of the time; with 0, all rows are drills.
        """
        wanted = (step // ROUND_STEPS, share, most_turns)
        if self._round[0] != wanted:
            self._round = (wanted, self._make_round(random.Random(f"{self._seed} {wanted}"), most_turns))
        return self._round[1][step % ROUND_STEPS]

    def _make_round(self, rng: random.Random, most_turns: int) -> list[list[Row]]:
        rows: list[Row] = []
        left = ROUND_STEPS * self._tokens
        while left > 0:
            rows.append(self._row(rng, most_turns))
            left -= len(rows[-1].ids)
        rows.sort(key=lambda row: len(row.ids))
        whole = sum(len(row.ids) for row in rows) + 1
        batches: list[list[Row]] = [[] for _ in range(ROUND_STEPS)]
        done = 0
        for row in rows:
            batches[done * ROUND_STEPS // whole].append(row)
            done += len(row.ids)
        rng.shuffle(batches)
        return batches

    def _row(self, rng: random.Random, most_turns: int) -> Row:
        if not most_turns or rng.random() < DRILL_SHARE:
            return self._encoded(rng, drill(rng), distant=False)
        long = rng.random() < LONG_SHARE
        turns = rng.randint(9, 16) if long else rng.randint(1, most_turns)
        beginning = Piece("" if rng.random() < BARE_SHARE else self._renderer.served_prefix, False)
        pieces = self._renderer.pieces(dialogues.dialogue(rng, turns=turns))
        return self._encoded(rng, [beginning, *pieces], distant=rng.random() < GAP_SHARE)

    def _encoded(self, rng: random.Random, pieces: list[Piece], distant: bool) -> Row:
        row, place = Row([], [], []), 0
        for piece in pieces:
            if distant and not piece.learnt and rng.random() < 0.15:
                place += rng.randint(1, MOST_GAP_TOKENS)
            new: list[int] = self._tokenizer.encode(piece.text, add_special_tokens=False).ids
            row.ids.extend(new)
            row.learnt.extend([piece.learnt] * len(new))
            row.positions.extend(range(place, place + len(new)))
            place += len(new)
        return Row(row.ids[:MOST_TOKENS], row.learnt[:MOST_TOKENS], row.positions[:MOST_TOKENS])
