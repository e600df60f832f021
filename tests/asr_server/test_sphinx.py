"""The embedded ear by itself, with speech by flite."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings as examples, strategies as st

from asr_server.conversation import Conversation
from asr_server.protocol import Commit
from asr_server.recognizer import Begin, Chunk, Finish, GoOn, Heard, Work
from asr_server.sphinx import CHUNK_SAMPLES, SphinxRecognizer, SphinxStream, plain_words
from asr_server.workshop.score import Condition, Scene, error_rate, trials, word_errors
from asr_server.workshop.speech import noisy, sentences, speech_level
from tests.asr_server.client import silence
from tests.asr_server.conftest import Say, settings
from wire.message import Refused

VOICES = ("slt", "rms", "awb", "kal16")
SENTENCES = (
    "what time is it",
    "i would like to book a table for two on friday at seven p m",
    "what is twelve plus thirty",
    "set a timer for five minutes",
    "can you help me",
    "tell me a joke",
    "i would like a table for four",
    "how are you today",
)
CHUNK_BYTES = 2 * CHUNK_SAMPLES


@pytest.fixture(scope="module")
def recognizer() -> SphinxRecognizer:
    loaded = SphinxRecognizer(settings(max_connections=2))
    loaded.load()
    return loaded


@pytest.fixture(scope="module")
def forgetful() -> SphinxRecognizer:
    """Replays no more than 4 s."""
    loaded = SphinxRecognizer(settings(max_connections=1, replay_ms=4_000))
    loaded.load()
    return loaded


class Runner:
    """A stream that is stepped until it is done; counts the steps."""

    def __init__(self, recognizer: SphinxRecognizer, stream: SphinxStream) -> None:
        self._recognizer, self.stream = recognizer, stream
        self.steps = 0

    def do(self, work: Work) -> str:
        heard = Heard("", done=False)
        while not heard.done:
            (heard,) = self._recognizer.step([(self.stream, work)])
            work = GoOn()
            self.steps += 1
        return heard.text

    def hear(self, pcm: bytes) -> list[str]:
        whole = len(pcm) // CHUNK_BYTES * CHUNK_BYTES
        return [self.do(Chunk(pcm[at : at + CHUNK_BYTES])) for at in range(0, whole, CHUNK_BYTES)]

    def final(self, pcm: bytes) -> str:
        """All of it as one utterance, from the last Begin."""
        self.hear(pcm)
        return self.do(Finish(pcm[len(pcm) // CHUNK_BYTES * CHUNK_BYTES :]))


@contextmanager
def running(recognizer: SphinxRecognizer) -> Iterator[Runner]:
    stream = recognizer.open()
    yield Runner(recognizer, stream)
    recognizer.close(stream)


@pytest.fixture
def run(recognizer: SphinxRecognizer) -> Iterator[Runner]:
    with running(recognizer) as run:
        yield run


@pytest.mark.parametrize("voice", VOICES)
def test_sentences_of_the_domain_are_understood(run: Runner, spoken: Say, voice: str):
    heard = {}
    for sentence in SENTENCES:
        heard[sentence] = run.final(spoken(sentence, voice))
        run.do(Begin())
    errors = sum(word_errors(said, text) for said, text in heard.items())
    assert errors <= 4, heard  # of 50 words


def test_text_comes_while_the_words_are_spoken(run: Runner, spoken: Say):
    texts = run.hear(spoken(SENTENCES[1]))
    assert any("table" in text for text in texts[: len(texts) * 2 // 3])


@pytest.mark.parametrize("voice", VOICES)
def test_a_commit_in_a_pause_does_not_change_what_is_heard(
    recognizer: SphinxRecognizer, run: Runner, spoken: Say, flite: Say, voice: str
):
    first = spoken("I would like um", voice)
    rest = silence(600) + flite("a table for two", voice) + silence(200)
    with running(recognizer) as straight:
        whole = straight.final(first + rest)
    assert "table" not in run.final(first)
    assert run.final(first[len(first) // CHUNK_BYTES * CHUNK_BYTES :] + rest) == whole
    assert whole.startswith("i would like")
    assert whole.endswith("table for two")


@examples(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 6_000), min_size=1, max_size=20), st.lists(st.integers(1, 30), max_size=2))
def test_packets_and_commits_do_not_change_the_final(
    recognizer: SphinxRecognizer, spoken: Say, sizes: list[int], commits: list[int]
):
    audio = spoken("tell me a joke", "awb")
    assert final_of(recognizer, audio, sizes, commits) == final_of(recognizer, audio, [320], [])


def final_of(recognizer: SphinxRecognizer, audio: bytes, sizes: Sequence[int], commits: Sequence[int]) -> str:
    """The final of audio in packets of these sizes (samples), with a Commit after some packets."""
    talk, text, at, number = Conversation(CHUNK_SAMPLES, 800), "", 0, 0
    with running(recognizer) as run:
        while at < len(audio):
            size = 2 * sizes[number % len(sizes)]
            talk.hear(audio[at : at + size])
            at, number = at + size, number + 1
            if number in commits or at >= len(audio):
                talk.commit(Commit(utterance_id=0, commit_id=number, speech_end_sample=0))
            while task := talk.take():
                text = run.do(task.work)
    return text


def test_a_caller_gets_a_decoder_that_knows_nothing_of_the_last_one(
    recognizer: SphinxRecognizer, spoken: Say
):
    means = []
    for before in ("tell me a joke", "what is twelve plus thirty", "can you help me"):
        with running(recognizer) as run:
            run.final(spoken(before, "awb"))
            run.hear(spoken(before, "rms"))  # hung up on in a word
        with running(recognizer) as run:
            means.append((run.final(spoken(SENTENCES[0], "kal16")), run.stream.decoder.mean()))
    assert len(set(means)) == 1


def replayed_steps(run: Runner) -> int:
    """How many steps it takes to hear again what a Finish ended."""
    run.hear(silence(400))
    run.steps = 0
    run.hear(silence(100))  # the hold is over
    return run.steps


@pytest.mark.parametrize("loudness", [0, 1, 20])
@pytest.mark.parametrize("voice", VOICES)
def test_long_silence_before_a_sentence_does_not_spoil_it(
    run: Runner, spoken: Say, loudness: float, voice: str
):
    noise = np.random.default_rng(1).normal(0, loudness, 20 * 16_000).round().astype(np.int16).tobytes()
    assert set(run.hear(noise)) == {""}
    assert run.final(spoken("what time is it", voice)) == "what time is it"
    assert replayed_steps(run) < 30  # 0.5 s of lead-in, 1.4 s of speech, 0.5 s of hold


@pytest.mark.parametrize("kind", ["white", "babble"])
def test_speech_10_db_above_the_noise_wakes_the_ear(recognizer: SphinxRecognizer, flite: Say, kind: str):
    scene, awake = Scene(Condition(kind, 10)), 0
    for text in SENTENCES[:4]:
        speech = np.frombuffer(flite(text, "rms"), np.int16).astype(np.float32)
        before = scene.noise(20 * 16_000) * speech_level(speech) * 10 ** (-10 / 20)
        said = noisy(speech, scene.noise(len(speech)), 10)
        with running(recognizer) as run:
            run.hear(before.astype(np.int16).tobytes())
            awake += text.split()[-1] in run.final(said.astype(np.int16).tobytes()).split()[-2:]
    assert awake >= 3


@pytest.mark.parametrize(("noise", "most"), [("clean", 0.08), ("babble", 0.25), ("white", 0.3)])
def test_noise_10_db_below_the_speech_costs_few_words(recognizer: SphinxRecognizer, noise: str, most: float):
    """At a margin; `python -m asr_server.workshop.score` has the figures."""
    found = list(trials(recognizer, sentences().in_domain[:12], Condition(noise, 10)))
    assert error_rate(found) <= most, [(trial.said, trial.heard.text) for trial in found if trial.errors]


def test_sentences_of_the_domain_are_sure_and_others_are_not(recognizer: SphinxRecognizer):
    inside, outside = (
        [trial.heard.confidence for trial in trials(recognizer, texts[:8], Condition("clean"))]
        for texts in (sentences().in_domain, sentences().out_of_domain)
    )
    assert sum(sure is None or sure < 0.5 for sure in inside) <= 1, inside
    assert sum(sure is None or sure < 0.5 for sure in outside) >= 6, outside


def test_an_utterance_beyond_the_bound_keeps_its_words(forgetful: SphinxRecognizer, spoken: Say):
    said = SENTENCES[:6]
    with running(forgetful) as run:
        heard = run.final(b"".join(map(spoken, said)))
        assert word_errors(" ".join(said), heard) <= 4, heard  # of 38 words
        assert replayed_steps(run) <= 46


def test_speech_without_a_pause_beyond_the_bound_keeps_its_words(forgetful: SphinxRecognizer, flite: Say):
    numbers = np.frombuffer(flite("one two three four five six seven eight nine ten"), np.int16)
    breathless = np.trim_zeros(numbers).tobytes()
    with running(forgetful) as run:
        heard = run.final(breathless * 3).split()
    assert 26 <= len(heard) <= 34, heard
    assert sum(heard.count(number) for number in ("five", "six", "seven", "eight", "nine", "ten")) >= 15, (
        heard
    )


@pytest.mark.parametrize(
    ("hypothesis", "words"),
    [
        ("<s> what(2) time <sil> is it(3) </s>", "what time is it"),
        ("[NOISE] Hello ++UM++", "hello"),
        ("<sil>", ""),
        ("", ""),
    ],
)
def test_only_words_are_told(hypothesis: str, words: str):
    assert plain_words(hypothesis) == words


def test_more_callers_than_decoders_are_refused(recognizer: SphinxRecognizer):
    streams = [recognizer.open(), recognizer.open()]
    with pytest.raises(Refused, match="in use"):
        recognizer.open()
    for stream in streams:
        recognizer.close(stream)


@pytest.mark.parametrize("which", ["language_model", "acoustic_model"])
def test_models_that_cannot_be_used_are_named(tmp_path: Path, which: str):
    broken = tmp_path / "broken"
    if which == "acoustic_model":
        broken.mkdir()
    else:
        broken.write_text("this is no model")
    with pytest.raises(RuntimeError, match=str(broken)):
        SphinxRecognizer(settings(**{which: broken})).load()
