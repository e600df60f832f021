"""The embedded ear's language model and dictionary, from the callers' side of the corpus.

    python -m llm.demo.language_model

writes `demo.lm` (a trigram in ARPA's format, Witten-Bell, with back-off) and `demo.dict` into
`asr_server/domain`. Names are one class of words while counting: each is put in afterwards, wherever
the class was seen, with the share of its rank. So a name is as likely after "my name is" as any other.
"""

import argparse
import collections
import math
import random
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from llm.demo import corpus
from llm.demo.call import Call
from llm.demo.names import pronunciations, speakable
from llm.demo.noise import hesitate
from llm.demo.spoken import spoken

DOMAIN = Path(__file__).parents[2] / "asr_server" / "domain"
SEED = 11
CALLS = 12_000
NAMES = 340  # the first of the list, one for each pronunciation
NAME = "@name"
BEGIN, END = "<s>", "</s>"
CUTOFF = 2  # a trigram seen once says little; leaving it out halves the file
HESITATION = 0.06

Gram = tuple[str, ...]


class Entry(NamedTuple):
    """Base-10 logarithms, as ARPA's format has them."""

    probability: float
    backoff: float


def utterances(seed: int = SEED, calls: int = CALLS) -> Iterator[list[str]]:
    """What callers say, as words in lower case; every name is `NAME`."""
    rng = random.Random(seed)
    for _ in range(calls):
        call = Call(rng, lambda _: NAME, _said, held_out=True)
        call.rare_words = False
        while call.turns < 4:
            corpus.topic(call)
        yield from (message["content"].split() for message in call.messages if message["role"] == "user")


def _said(rng: random.Random, text: str) -> str:
    words = spoken(text).lower().split()
    return " ".join(hesitate(rng, words) if rng.random() < HESITATION else words)


def names() -> list[str]:
    """The ear's names: where two sound the same, the more common one."""
    known = pronunciations()
    by_sound = {known[name][0]: name for name in reversed(speakable())}
    return [name for name in speakable() if by_sound[known[name][0]] == name][:NAMES]


def estimate(sentences: Iterable[list[str]], order: int = 3) -> list[dict[Gram, Entry]]:
    """Witten-Bell: a context of T kinds in C places gives T / (C + T) to its shorter self.

    Returns one table for each length from 1 to `order`.
    """
    counts: list[collections.Counter[Gram]] = [collections.Counter() for _ in range(order)]
    for sentence in sentences:
        padded = [BEGIN, *sentence, END]
        for length in range(1, order + 1):
            counts[length - 1].update(tuple(padded[i : i + length]) for i in range(len(padded) - length + 1))
    del counts[0][(BEGIN,)]
    for length in range(2, order):
        counts[length] = collections.Counter({gram: n for gram, n in counts[length].items() if n >= CUTOFF})
    return _tables(counts)


def _tables(counts: list[collections.Counter[Gram]]) -> list[dict[Gram, Entry]]:
    """Probabilities and back-off weights from counts of every length."""
    total = counts[0].total()
    probability: dict[Gram, float] = {gram: n / total for gram, n in counts[0].items()}
    weight: dict[Gram, float] = {}
    for grams in counts[1:]:
        places: collections.Counter[Gram] = collections.Counter()
        kinds: collections.Counter[Gram] = collections.Counter()
        for gram, n in grams.items():
            places[gram[:-1]] += n
            kinds[gram[:-1]] += 1
        for gram, n in grams.items():
            context = gram[:-1]
            shorter = probability[gram[1:]]
            probability[gram] = (n + kinds[context] * shorter) / (places[context] + kinds[context])
        weight |= {context: kinds[context] / (places[context] + kinds[context]) for context in places}
    tables: list[dict[Gram, Entry]] = [{} for _ in counts]
    for gram, value in probability.items():
        tables[len(gram) - 1][gram] = Entry(math.log10(value), math.log10(weight.get(gram, 1.0)))
    tables[0][(BEGIN,)] = Entry(-99.0, math.log10(weight[(BEGIN,)]))
    return tables


def with_names(tables: list[dict[Gram, Entry]], ear_names: list[str]) -> list[dict[Gram, Entry]]:
    """Every entry that ends in the class becomes one for each name.

    A name as context is kept for pairs only (what follows a name hardly depends on what came before),
    so that the file stays small.
    """
    shares = [1 / (rank + 15) for rank in range(len(ear_names))]
    logs = {name: math.log10(share / sum(shares)) for name, share in zip(ear_names, shares, strict=True)}
    return [
        {new: put for gram, entry in table.items() for new, put in _with_names(gram, entry, logs)}
        for table in tables
    ]


def _with_names(gram: Gram, entry: Entry, logs: dict[str, float]) -> Iterator[tuple[Gram, Entry]]:
    """What one entry becomes: itself where it has no class."""
    if NAME not in gram:
        yield gram, entry
    elif gram.count(NAME) == 1 and gram[-1] == NAME:
        backoff = entry.backoff if len(gram) == 1 else 0.0
        for name, log in logs.items():
            yield (*gram[:-1], name), Entry(entry.probability + log, backoff)
    elif len(gram) == 2 and gram[1] != NAME:
        for name in logs:
            yield (name, gram[1]), entry


def arpa(tables: list[dict[Gram, Entry]]) -> str:
    """The tables as an ARPA file; the longest n-grams have no back-off weight."""
    lines = ["\\data\\", *(f"ngram {length}={len(table)}" for length, table in enumerate(tables, 1))]
    for length, table in enumerate(tables, 1):
        lines += ["", f"\\{length}-grams:"]
        for gram, entry in sorted(table.items()):
            tail = f"\t{entry.backoff:.3f}" if length < len(tables) else ""
            lines.append(f"{entry.probability:.3f}\t{' '.join(gram)}{tail}")
    return "\n".join([*lines, "", "\\end\\", ""])


def dictionary(words: Iterable[str]) -> str:
    """The words' pronunciations, alternates numbered as PocketSphinx has them.

    Raises KeyError for words that the pronouncing dictionary does not have.
    """
    known = pronunciations()
    wanted = sorted(set(words))
    if unknown := [word for word in wanted if word not in known]:
        raise KeyError(f"no pronunciation for {', '.join(unknown)}")
    return "".join(
        f"{word}{f'({index})' if index > 1 else ''} {phones}\n"
        for word in wanted
        for index, phones in enumerate(known[word], 1)
    )


def build(calls: int = CALLS) -> tuple[str, str]:
    """(the ARPA file, the dictionary)."""
    tables = with_names(estimate(utterances(calls=calls)), names())
    words = (gram[0] for gram in tables[0] if gram[0] not in (BEGIN, END))
    return arpa(tables), dictionary(words)


def main() -> None:
    """Write both files, or print sentences to test the ear with."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--into", type=Path, default=DOMAIN)
    parser.add_argument("--sentences", type=int, default=0, help="print this many sentences of another seed")
    options = parser.parse_args()
    if options.sentences:
        rng = random.Random(SEED)
        for words in islice(utterances(SEED + 1, options.sentences), options.sentences):
            print(" ".join(rng.choice(names()) if word == NAME else word for word in words))
        return
    model, pronounced = build()
    options.into.mkdir(parents=True, exist_ok=True)
    (options.into / "demo.lm").write_text(model, encoding="utf-8")
    (options.into / "demo.dict").write_text(pronounced, encoding="utf-8")


if __name__ == "__main__":
    main()
