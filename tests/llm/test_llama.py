"""The adapter against llama.cpp itself, on models with random weights."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from llm.generator import ModelFailed, Sampling
from llm.llama import LONGEST_RUN, Llama
from llm.model import Row
from tests.llm.running import settings
from tests.llm.tiny_gguf import SPECIALS, write_llama

SYSTEM = list(range(40, 120))


@pytest.fixture
def llama(tiny_llama: Path) -> Iterator[Llama]:
    model = Llama(settings(tiny_llama))
    yield model
    model.close()


@pytest.fixture
def nemotron(tiny_nemotron: Path) -> Iterator[Llama]:
    model = Llama(settings(tiny_nemotron))
    yield model
    model.close()


def evaluate(model: Llama, tokens: list[int], sequence: int = 0, start: int = 0) -> None:
    last = len(tokens) - 1
    model.step([Row(token, start + i, sequence, i == last) for i, token in enumerate(tokens)])


def test_an_attention_model_rewinds_and_a_recurrent_one_does_not(llama: Llama, nemotron: Llama):
    assert (llama.rewinds, nemotron.rewinds) == (True, False)


def test_a_tail_is_forgotten(llama: Llama):
    evaluate(llama, [1, 2, 3, 4])
    assert llama.keep(0, 2)


def test_a_recurrent_memory_refuses_to_forget_a_tail(nemotron: Llama):
    evaluate(nemotron, [1, 2, 3, 4])
    assert not nemotron.keep(0, 2)


def test_any_memory_forgets_everything(nemotron: Llama):
    evaluate(nemotron, [1, 2, 3, 4])
    assert nemotron.keep(0, 0)


@pytest.mark.parametrize("name", ["llama", "nemotron"])
def test_a_copy_goes_on_like_the_original(name: str, request: pytest.FixtureRequest):
    model: Llama = request.getfixturevalue(name)
    evaluate(model, SYSTEM)
    model.copy(0, 1)
    evaluate(model, [7, 7, 7], start=len(SYSTEM))
    said = [go_on(model, sequence=1, start=len(SYSTEM)), go_on(model, sequence=2, start=0, before=SYSTEM)]
    assert said[0] == said[1]


def go_on(model: Llama, sequence: int, start: int, before: list[int] | None = None) -> list[int]:
    """Ten likeliest tokens after what the sequence holds, `before`, and two more."""
    prompt = [*(before or []), 5, 6]
    evaluate(model, prompt, sequence, start)
    said, row = list[int](), len(prompt) - 1
    sampler = model.sampler(Sampling(max_tokens=10))
    for position in range(start + len(prompt), start + len(prompt) + 10):
        said.append(sampler.choose(row))
        evaluate(model, said[-1:], sequence, position)
        row = 0
    sampler.close()
    return said


def test_a_position_that_does_not_follow_is_a_failed_step(llama: Llama):
    evaluate(llama, [1, 2])
    with pytest.raises(ModelFailed):
        evaluate(llama, [3], start=7)


def test_after_a_failed_step_a_cleared_memory_serves_again(llama: Llama):
    evaluate(llama, [1, 2])
    with pytest.raises(ModelFailed):
        evaluate(llama, [3], start=7)
    llama.clear()
    evaluate(llama, [1, 2])


def test_special_texts_become_their_tokens(llama: Llama):
    assert len(llama.tokenise("".join(SPECIALS))) == len(SPECIALS)


def test_tokens_say_what_was_tokenised(llama: Llama):
    text = "Grüße, what is the time? 👋🏽"
    assert b"".join(llama.text_of(token) for token in llama.tokenise(text)).decode() == text


def test_what_structures_a_chat_says_nothing(llama: Llama):
    assert [llama.text_of(token) for token in llama.tokenise("<|im_end|><tool_call>")] == [
        b"",
        b"<tool_call>",
    ]


def test_the_chat_ends_an_answer(llama: Llama):
    assert [llama.ends(token) for token in llama.tokenise("<|im_end|>a")] == [True, False]


@pytest.mark.parametrize("character", "aA1! \n<,é😀")
def test_a_very_long_word_is_tokenised(character: str, tmp_path: Path):
    """With this tokenizer 100,000 letters in a row ended the process: see LONGEST_RUN."""
    model = Llama(settings(write_llama(tmp_path / "tekken.gguf", pre="tekken")))
    said = b"".join(model.text_of(token) for token in model.tokenise(character * 100_000))
    model.close()
    assert said.decode() == character * 100_000


def test_a_very_long_word_leaves_the_tokens_around_it_whole(llama: Llama):
    tokens = llama.tokenise("a" * (LONGEST_RUN - 3) + "<|im_end|>")
    assert tokens[-1:] == llama.tokenise("<|im_end|>")


def test_a_model_is_not_freed_while_it_tokenises(tiny_llama: Path):
    model = Llama(settings(tiny_llama))
    with ThreadPoolExecutor() as threads:
        counts = [threads.submit(model.tokenise, "😀" * 50_000) for _ in range(4)]
        model.close()
        assert {len(count.result()) for count in counts if not count.exception()} <= {200_000}
    with pytest.raises(ModelFailed, match="closed"):
        model.tokenise("a")


def test_text_that_is_no_unicode_is_refused(llama: Llama):
    with pytest.raises(ValueError, match="surrogates"):
        llama.tokenise("\ud800")


def chosen(model: Llama, sampling: Sampling, times: int = 20) -> list[int]:
    model.clear()
    evaluate(model, [1, 2, 3])
    sampler = model.sampler(sampling)
    tokens = [sampler.choose(2) for _ in range(times)]
    sampler.close()
    return tokens


def test_without_temperature_the_choice_is_always_the_same(llama: Llama):
    assert len(set(chosen(llama, Sampling(20)))) == 1


def test_with_temperature_the_seed_decides(llama: Llama):
    draws = [chosen(llama, Sampling(20, temperature=2.0, seed=seed)) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_without_a_seed_every_answer_is_another(llama: Llama):
    assert chosen(llama, Sampling(20, temperature=2.0)) != chosen(llama, Sampling(20, temperature=2.0))


@pytest.mark.parametrize("narrow", [{"top_k": 1}, {"top_p": 1e-6}, {"min_p": 1.0}])
def test_a_narrow_choice_is_the_likeliest_token(llama: Llama, narrow: dict[str, Any]):
    likeliest = chosen(llama, Sampling(20))
    assert chosen(llama, Sampling(20, temperature=2.0, **narrow)) == likeliest


@pytest.mark.parametrize("penalty", ["frequency_penalty", "presence_penalty"])
def test_a_penalty_turns_away_from_what_was_said(llama: Llama, penalty: str):
    assert len(set(chosen(llama, Sampling(20, **cast(Any, {penalty: 2.0}))))) > 1


def test_more_context_than_the_model_was_trained_for_stops_the_start(tiny_llama: Path):
    with pytest.raises(ModelFailed, match="trained for 4096"):
        Llama(settings(tiny_llama, context_tokens=8192))


def test_a_broken_file_stops_the_start(tmp_path: Path):
    (path := tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelFailed, match="cannot load"):
        Llama(settings(path))
