"""Score the embedded ear: word error rates in quiet and in noise, and what its confidence is worth.

    python -m asr_server.workshop.score

reads every committed sentence in flite's voices, by turns, and takes some ten minutes of one core.
"""

import argparse
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from asr_server.cepstra import Array
from asr_server.confidence import Evidence
from asr_server.recognizer import Begin, Chunk, Finish, GoOn, Heard, Work
from asr_server.settings import AsrSettings, samples
from asr_server.sphinx import CHUNK_SAMPLES, SphinxRecognizer, SphinxStream
from asr_server.workshop.speech import VOICES, babble, noisy, say, sentences

BEFORE_MS, AFTER_MS = 300, 200
"""What a pause detector leaves on both sides of a sentence."""
BABBLE_SAMPLES = samples(20_000)
SEED = 3
ENOUGH = 0.5
"""The confidence that the agent asks for, when nothing else is set."""


class Condition(NamedTuple):
    """What noise there is, and how far below the speech; in `clean` there is none."""

    noise: str
    snr_db: int = 0

    def __str__(self) -> str:
        """As a heading."""
        return self.noise if self.noise == "clean" else f"{self.noise} {self.snr_db} dB"


CLEAN = Condition("clean")
NOISES = ("white", "babble")
SNRS_DB = (20, 15, 10, 5)


def word_errors(said: str, heard: str) -> int:
    """Insertions, deletions and substitutions."""
    row = list(range(len(heard.split()) + 1))
    for place, word in enumerate(said.split(), 1):
        above, row[0] = row[:], place
        for at, other in enumerate(heard.split(), 1):
            row[at] = min(above[at] + 1, row[at - 1] + 1, above[at - 1] + (word != other))
    return row[-1]


class Scene:
    """The place that sentences are spoken in: gives every sentence its noise."""

    def __init__(self, condition: Condition) -> None:
        self._condition = condition
        self._rng = np.random.default_rng(SEED)
        said = sentences().babble if condition.noise == "babble" else ()
        people = [say(text, VOICES[place % len(VOICES)]) for place, text in enumerate(said)]
        self._babble = babble(self._rng, people, BABBLE_SAMPLES) if people else np.zeros(0, np.float32)

    def hear(self, text: str, voice: str) -> Array:
        """(T,) of PCM16's range."""
        before, after = np.zeros(samples(BEFORE_MS)), np.zeros(samples(AFTER_MS))
        speech = np.concatenate([before, say(text, voice), after]).astype(np.float32)
        return noisy(speech, self.noise(len(speech)), self._condition.snr_db)

    def noise(self, length: int) -> Array:
        """(length,) of unit level, or of none."""
        match self._condition.noise:
            case "white":
                return self._rng.normal(0, 1, length).astype(np.float32)
            case "babble":
                return np.roll(self._babble, self._rng.integers(len(self._babble)))[:length]
            case _:
                return np.zeros(length, np.float32)


class Listener:
    """One caller's stream of the real engine, asked for one final per sentence."""

    def __init__(self, recognizer: SphinxRecognizer) -> None:
        self._recognizer = recognizer
        self._stream: SphinxStream = recognizer.open()
        self.evidence: Evidence | None = None
        """What spoke for the words of the last final."""

    def hear(self, pcm: Array) -> Heard:
        """The final of an utterance."""
        audio = pcm.astype(np.int16).tobytes()
        whole = len(audio) // (2 * CHUNK_SAMPLES) * 2 * CHUNK_SAMPLES
        for at in range(0, whole, 2 * CHUNK_SAMPLES):
            self._do(Chunk(audio[at : at + 2 * CHUNK_SAMPLES]))
        heard = self._do(Finish(audio[whole:]))
        self.evidence = self._stream.decoder.evidence()
        self._do(Begin())
        return heard

    def close(self) -> None:
        """Give the decoder back."""
        self._recognizer.close(self._stream)

    def _do(self, work: Work) -> Heard:
        (heard,) = self._recognizer.step([(self._stream, work)])
        while not heard.done:
            (heard,) = self._recognizer.step([(self._stream, GoOn())])
        return heard


class Trial(NamedTuple):
    """A sentence, and what was made of it."""

    voice: str
    said: str
    heard: Heard

    @property
    def errors(self) -> int:
        """Words that are wrong, missing or too many."""
        return word_errors(self.said, self.heard.text)


def trials(recognizer: SphinxRecognizer, texts: Sequence[str], condition: Condition) -> Iterator[Trial]:
    """Each voice reads its share of the sentences, as one caller."""
    scene = Scene(condition)
    for place, voice in enumerate(VOICES):
        listener = Listener(recognizer)
        for text in texts[place :: len(VOICES)]:
            yield Trial(voice, text, listener.hear(scene.hear(text, voice)))
        listener.close()


def error_rate(found: Sequence[Trial]) -> float:
    """The word error rate, 0 where all is right."""
    return sum(trial.errors for trial in found) / sum(len(trial.said.split()) for trial in found)


def loaded() -> SphinxRecognizer:
    """The engine as it is set, for one caller."""
    recognizer = SphinxRecognizer(AsrSettings(max_connections=1))
    recognizer.load()
    return recognizer


def share_below(found: Sequence[Trial], least: float) -> float:
    """How many of those with words are less sure than that."""
    sure = [trial.heard.confidence for trial in found if trial.heard.text]
    return sum(each is not None and each < least for each in sure) / max(1, len(sure))


def print_errors(
    recognizer: SphinxRecognizer, texts: list[str], conditions: list[Condition], wrong: bool
) -> None:
    """A table of word error rates: a line for each condition, a column for each voice."""
    print(f"| word error rate | {' | '.join(VOICES)} | all | right, but unsure |")
    print("|---" * (len(VOICES) + 3) + "|", flush=True)
    for condition in conditions:
        found = list(trials(recognizer, texts, condition))
        by_voice = [[trial for trial in found if trial.voice == voice] for voice in VOICES]
        rates = [f"{error_rate(each):.1%}" for each in (*by_voice, found)]
        unsure = share_below([trial for trial in found if not trial.errors], ENOUGH)
        print(f"| {condition} | {' | '.join(rates)} | {unsure:.1%} |", flush=True)
        if wrong:
            print(
                "".join(f"{each.voice}: {each.said} -> {each.heard.text}\n" for each in found if each.errors)
            )


def print_confidence(recognizer: SphinxRecognizer, name: str, texts: list[str]) -> None:
    """How many sentences of a kind the agent would not act on, in quiet."""
    found = list(trials(recognizer, texts, CLEAN))
    silent = sum(not trial.heard.text for trial in found)
    unsure = share_below(found, ENOUGH) * (len(found) - silent)
    print(f"{name}: of {len(found)} sentences {unsure:.0f} are not sure enough, {silent} more have no words")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--sentences", type=int, default=200, help="how many, of all voices together")
    parser.add_argument(
        "--snr-db", type=int, nargs="*", default=SNRS_DB, help="how far noise is below speech"
    )
    parser.add_argument("--wrong", action="store_true", help="print what was misheard")
    options = parser.parse_args()
    recognizer, texts = loaded(), sentences()
    conditions = [CLEAN, *(Condition(noise, snr_db) for noise in NOISES for snr_db in options.snr_db)]
    print_errors(recognizer, texts.in_domain[: options.sentences], conditions, options.wrong)
    print_confidence(recognizer, "in the domain", texts.in_domain[: options.sentences])
    print_confidence(recognizer, "outside", texts.out_of_domain)


if __name__ == "__main__":
    main()
