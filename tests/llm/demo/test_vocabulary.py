import pytest

pytest.importorskip("tokenizers", reason="the training environment's")

from llm.demo import vocabulary  # noqa: E402

TOKENS = [
    *vocabulary.SPECIALS,
    *vocabulary.MARKS,
    *vocabulary.alphabet(),
    "name",
    "Ġis",
    "Ġanna",
    "".join(vocabulary.MERGE),
]


@pytest.fixture
def tokenizer():
    return vocabulary.tokenizer(TOKENS)


def test_a_known_word_is_one_token_and_an_unknown_one_is_spelled(tokenizer):
    assert tokenizer.encode("name is bo").tokens == ["name", "Ġis", "Ġ", "b", "o"]


def test_digits_are_single_tokens(tokenizer):
    assert tokenizer.encode("12345").tokens == list("12345")


def test_every_tag_of_a_tool_call_is_one_token(tokenizer):
    tags = ["<tool_call>", "<function=get_time>", "</function>", "</tool_call>"]
    assert tokenizer.encode("".join(tags)).tokens == tags


def test_marks_are_found_inside_text(tokenizer):
    assert tokenizer.encode("name<tool_call>name").tokens == ["name", "<tool_call>", "name"]


@pytest.mark.parametrize("text", ["anna is", "naïve ☎ 7:30 PM\n\n{}", "<|user|>name<|end|>"])
def test_any_text_comes_back(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text
