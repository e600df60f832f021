"""The embedded ear's language model and dictionary, from the callers' side of the corpus.

    python -m llm.demo.language_model

writes `demo.lm` (a trigram in ARPA's format, Witten-Bell, with back-off) and `demo.dict` into
`asr_server/domain`. Names, cities and dishes are one class of words each while counting: every word is put
in afterwards, wherever its class was seen, with the share of its rank. So a name is as likely after "my
name is" as any other. No word of a class is in a call that the LLM was trained on. Numbers, days and hours
are few, so they are counted as they are.
"""

import argparse
import collections
import math
import random
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from llm.demo.corpus import dialogues
from llm.demo.corpus.call import Call
from llm.demo.corpus.entities import CITIES, DISHES, MENU
from llm.demo.corpus.names import FOODS, Source, one_of, pronunciations, speakable
from llm.demo.corpus.noise import hesitate
from llm.demo.corpus.spoken import spoken

DOMAIN = Path(__file__).parents[2] / "asr_server" / "domain"
SEED = 11
CALLS = 12_000
NAMES = 340  # the first of the list, one for each pronunciation
NAME, CITY, DISH = CLASSES = "@name", "@city", "@dish"
BEGIN, END = "<s>", "</s>"
CUTOFF = 2  # a trigram seen once says little; leaving it out halves the file
CLASS_CUTOFF = 6  # one that ends in a class is written once for each of its words
HESITATION = 0.06
ALRIGHT = re.compile(r"\balright\b")  # which sounds like "all right": an ear cannot have both

Gram = tuple[str, ...]


class Entry(NamedTuple):
    """Base-10 logarithms, as ARPA's format has them."""

    probability: float
    backoff: float


def utterances(seed: int = SEED, calls: int = CALLS) -> Iterator[list[str]]:
    """What callers say, as words in lower case, without sentences that have a word nobody can pronounce.

    A name, a city or a dish is the mark of its class.
    """
    rng = random.Random(seed)
    source = Source(name=one_of((NAME,)), city=one_of((CITY,)), dish=_dish)
    known = {*pronunciations(), *CLASSES}
    for _ in range(calls):
        call = Call(rng, source, _said, split="every")
        call.rare_words = False
        while call.turns < 4:
            dialogues.topic(call)
        heard = (message["content"].split() for message in call.messages if message["role"] == "user")
        yield from (words for words in heard if known.issuperset(words))


def _dish(rng: random.Random) -> str:
    return rng.choice(FOODS) if rng.random() < 0.15 else rng.choice(MENU).replace("{dish}", DISH)


def _said(rng: random.Random, text: str) -> str:
    words = ALRIGHT.sub("all right", spoken(text).lower()).split()
    return " ".join(hesitate(rng, words) if rng.random() < HESITATION else words)


def classes() -> dict[str, list[str]]:
    """The ear's names, cities and dishes, no two words that sound the same: the more common one stays."""
    known = pronunciations()
    every = {NAME: speakable(), CITY: CITIES, DISH: DISHES}
    by_sound = {
        known[word][0]: word for word in reversed([word for words in every.values() for word in words])
    }
    heard = {
        mark: [word for word in words if by_sound[known[word][0]] == word] for mark, words in every.items()
    }
    return {mark: words[:NAMES] for mark, words in heard.items()}


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
        counts[length] = collections.Counter(
            {gram: n for gram, n in counts[length].items() if n >= _cutoff(gram)}
        )
    return _tables(counts)


def _cutoff(gram: Gram) -> int:
    return CLASS_CUTOFF if gram[-1] in CLASSES else CUTOFF


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


def with_words(tables: list[dict[Gram, Entry]], every: dict[str, list[str]]) -> list[dict[Gram, Entry]]:
    """Every entry that ends in a class becomes one for each of the class's words.

    A class as context is kept for pairs only (what follows a name hardly depends on what came before),
    so that the file stays small.
    """
    logs = {mark: _logs(words) for mark, words in every.items()}
    return [
        {new: put for gram, entry in table.items() for new, put in _with_words(gram, entry, logs)}
        for table in tables
    ]


def _logs(words: list[str]) -> dict[str, float]:
    """Each word's share of its class, by rank."""
    shares = [1 / (rank + 15) for rank in range(len(words))]
    return {word: math.log10(share / sum(shares)) for word, share in zip(words, shares, strict=True)}


def _with_words(gram: Gram, entry: Entry, logs: dict[str, dict[str, float]]) -> Iterator[tuple[Gram, Entry]]:
    """What one entry becomes: itself where it has no class."""
    marks = [word for word in gram if word in logs]
    if not marks:
        yield gram, entry
    elif len(marks) == 1 and gram[-1] == marks[0]:
        backoff = entry.backoff if len(gram) == 1 else 0.0
        for word, log in logs[marks[0]].items():
            yield (*gram[:-1], word), Entry(entry.probability + log, backoff)
    elif len(marks) == 1 and len(gram) == 2:
        for word in logs[marks[0]]:
            yield (word, gram[1]), entry


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
    tables = with_words(estimate(utterances(calls=calls)), classes())
    words = (gram[0] for gram in tables[0] if gram[0] not in (BEGIN, END))
    return arpa(tables), dictionary(words)


def unheard(seed: int = SEED + 1) -> Iterator[str]:
    """Sentences to test the ear with: none twice, none that the language model was made from."""
    known, rng, every = {" ".join(words) for words in utterances()}, random.Random(seed), classes()
    for words in utterances(seed):
        if (text := " ".join(words)) not in known:
            known.add(text)
            yield " ".join(rng.choice(every[word]) if word in every else word for word in words)


def main() -> None:
    """Write both files, or print sentences to test the ear with."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--into", type=Path, default=DOMAIN)
    parser.add_argument("--sentences", type=int, default=0, help="print so many to test the ear with")
    options = parser.parse_args()
    if options.sentences:
        print("\n".join(islice(unheard(), options.sentences)))
        return
    model, pronounced = build()
    options.into.mkdir(parents=True, exist_ok=True)
    (options.into / "demo.lm").write_text(model, encoding="utf-8")
    (options.into / "demo.dict").write_text(pronounced, encoding="utf-8")


if __name__ == "__main__":
    main()
