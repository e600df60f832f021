"""Score a demo GGUF in llama.cpp, on calls that it was not trained on.

    python -m llm.demo.score llm/demo/demo.gguf

Every answer is generated greedily after the true history, and is right where it equals the expected
text or tool call exactly. The calls come from other seeds; their names occur in no training call.
"""

import argparse
import collections
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import llama_cpp

from llm.demo import corpus, names, outside, rendering, vocabulary
from llm.demo.call import Call
from llm.demo.corpus import Dialogue

MAX_TOKENS = 160
SEED = 90_001


@dataclass
class Tally:
    """How many were right, of how many, under each heading; and what went wrong."""

    right: collections.Counter[str] = field(default_factory=collections.Counter[str])
    total: collections.Counter[str] = field(default_factory=collections.Counter[str])
    wrong: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    def note(self, heading: str, right: bool) -> None:
        """One more under this heading."""
        self.total[heading] += 1
        self.right[heading] += right

    def lines(self) -> list[str]:
        """`heading: right of total (share)`."""
        return [
            f"{heading}: {self.right[heading]} of {total} ({self.right[heading] / total:.1%})"
            for heading, total in self.total.items()
        ]


class Player:
    """Continues prompts greedily in one llama.cpp context, keeping what it has already evaluated."""

    def __init__(self, path: Path) -> None:
        self.model = llama_cpp.Llama(str(path), n_ctx=4096, n_threads=1, n_batch=512, verbose=False)
        self.renderer = rendering.Renderer(self.model.metadata["tokenizer.chat_template"])
        self._kept: list[int] = []
        self._end = self.model.token_eos()
        self.generated, self.spent_s = 0, 0.0

    def encode(self, text: str) -> list[int]:
        """llama.cpp's tokens of a rendered text."""
        return self.model.tokenize(text.encode(), add_bos=False, special=True)

    def tokens(self) -> list[str]:
        """The GGUF's own tokens, as they are written there."""
        vocab = llama_cpp.llama_model_get_vocab(self.model.model)
        if vocab is None:
            raise ValueError("the model has no vocabulary")
        texts = (llama_cpp.llama_vocab_get_text(vocab, index) for index in range(self.model.n_vocab()))
        return [(text or b"").decode() for text in texts]

    def read(self, tokens: list[int]) -> None:
        """Make these the history."""
        same = 0
        while same < min(len(tokens) - 1, len(self._kept)) and tokens[same] == self._kept[same]:
            same += 1
        self.model.n_tokens = same
        self.model.eval(tokens[same:])
        self._kept = list(tokens)

    def generate(self) -> str:
        """What the model writes from here, without the end mark."""
        written: list[int] = []
        started = time.perf_counter()
        while len(written) < MAX_TOKENS:
            token = self.model.sample(temp=0.0, repeat_penalty=1.0)
            if token == self._end:
                break
            written.append(token)
            self.model.eval([token])
        self.spent_s += time.perf_counter() - started
        self.generated += len(written)
        self._kept += written
        return self.model.detokenize(written, special=True).decode(errors="replace")


def score_calls(player: Player, calls: Iterable[Dialogue], heading: str, tally: Tally) -> None:
    """Every scored answer of every call, after its true history."""
    rng = random.Random(SEED)
    start = player.encode(player.renderer.served_prefix)
    for call in calls:
        history = list(start)
        pieces = player.renderer.pieces(call, rng)
        for piece in pieces:
            if piece.learnt:
                player.read(history)
                _compare(player.generate(), piece.text.removesuffix("<|im_end|>"), heading, tally)
            history += player.encode(piece.text)


def _compare(given: str, expected: str, heading: str, tally: Tally) -> None:
    right = given == expected
    tally.note(heading, right)
    tally.note(f"{heading}, tool calls" if expected.startswith("<tool_call>") else f"{heading}, texts", right)
    if "<parameter=name>" in expected:
        tally.note(f"{heading}, names copied", _name_in(given) == _name_in(expected))
    if not right:
        tally.wrong.append((heading, expected, given))


def _name_in(call: str) -> str:
    return call.partition("<parameter=name>\n")[2].partition("\n")[0]


def held_out_calls(count: int, held_out: bool) -> list[Dialogue]:
    """Calls from other seeds with held-out names; with `held_out`, every other wording is held out too."""
    made = corpus.dialogues(SEED + held_out, names.for_scoring, held_out)
    return [call for call, _ in zip(made, range(count), strict=False)]


def outside_calls(count: int) -> list[Dialogue]:
    """One request each that has to be refused."""
    rng = random.Random(SEED)
    calls: list[Dialogue] = []
    for _ in range(count):
        call = Call(rng, names.for_scoring, corpus.manner(rng), held_out=True)
        outside.refuse(call)
        calls.append(Dialogue(call.messages, frozenset()))
    return calls


def differing_tokens(player: Player, calls: Iterable[Dialogue]) -> int:
    """How many rendered calls llama.cpp splits otherwise than the training's tokenizer."""
    trained = vocabulary.tokenizer(player.tokens())
    rng = random.Random(SEED)
    differing = 0
    for call in calls:
        text = player.renderer.served_prefix + "".join(
            piece.text for piece in player.renderer.pieces(call, rng)
        )
        differing += player.encode(text) != trained.encode(text, add_special_tokens=False).ids
    return differing


def main() -> None:
    """Print the shares, and with --wrong what went wrong."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("gguf", type=Path, nargs="?", default=Path(__file__).parent / "demo.gguf")
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--wrong", type=int, default=0, help="print this many wrong answers")
    options = parser.parse_args()
    player = Player(options.gguf)
    tally = Tally()
    known = held_out_calls(options.calls, held_out=False)
    score_calls(player, known, "held-out calls", tally)
    score_calls(player, held_out_calls(options.calls, held_out=True), "half held-out wordings", tally)
    score_calls(player, outside_calls(options.calls * 2), "outside requests refused", tally)
    print("\n".join(tally.lines()))
    print(f"calls tokenized differently: {differing_tokens(player, known)} of {len(known)}")
    print(f"{player.generated / player.spent_s:.0f} tokens/s")
    for heading, expected, given in tally.wrong[: options.wrong]:
        print(f"\n{heading}\n  expected {expected!r}\n  given    {given!r}")


if __name__ == "__main__":
    main()
