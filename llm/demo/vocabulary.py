"""The demo model's tokens: whole words of the corpus, and single bytes for everything else.

A known word is one token (the tokenizer looks a word up before it merges anything, as Llama 3's does, so
there are no merges to learn). An unknown word is spelled: its letters are tokens. Names are kept out of
the words, so a name is always spelled, and copying a name is copying letters, whoever it belongs to.
Digits are single tokens; so is every tag of a tool call.
"""

import collections
import json
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from llm.demo.corpus.dialogues import PROMPT, dialogue
from llm.demo.corpus.names import Source
from llm.demo.rendering import ASSISTANT, END, TOOL, USER, Renderer

SPECIALS = ("<|endoftext|>", "<|system|>", USER, ASSISTANT, TOOL, END)
_FUNCTIONS = [tool["function"] for tool in PROMPT["tools"]]
_PARAMETERS = dict.fromkeys(key for each in _FUNCTIONS for key in each["parameters"]["properties"])
MARKS = (
    "<tool_call>",
    "</tool_call>",
    *(f"<function={each['name']}>" for each in _FUNCTIONS),
    "</function>",
    *(f"<parameter={key}>" for key in _PARAMETERS),
    "</parameter>",
)
PRE = "llama-bpe"  # llama.cpp's name for this split
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# llama.cpp wants at least one merge; nobody says or types this.
MERGE = ("Ð", "ł")
WORDS = 1_900
LEAST_COUNT = 6
STAND_IN = "zqzq"  # stands for every name while words are counted


def alphabet() -> list[str]:
    """One printable character for each byte, as byte-level tokenizers have them."""
    return sorted(pre_tokenizers.ByteLevel.alphabet())


def learn(renderer: Renderer, seed: int = 5, calls: int = 6_000) -> list[str]:
    """The tokens in their order: specials, marks, bytes, words by how often they are met."""
    rng = random.Random(seed)
    splitter = _splitter()
    counts: collections.Counter[str] = collections.Counter()
    prefix = _without_marks(renderer.served_prefix)
    counts.update({word: LEAST_COUNT for word, _ in splitter.pre_tokenize_str(prefix)})
    for _ in range(calls):
        call = dialogue(rng, source=Source(*[lambda _: STAND_IN] * 3))
        text = "".join(piece.text for piece in renderer.pieces(call))
        counts.update(word for word, _ in splitter.pre_tokenize_str(_without_marks(text)))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    words = [word for word, count in ranked if count >= LEAST_COUNT and _is_whole(word)]
    return [*SPECIALS, *MARKS, *alphabet(), *words[:WORDS], "".join(MERGE)]


def _is_whole(word: str) -> bool:
    """Whether a word becomes a token: no letter alone, no name, no digits."""
    plain = word.strip('Ġ"').lower()
    return len(word) > 1 and STAND_IN not in plain and not any(c.isdigit() for c in plain)


def _without_marks(text: str) -> str:
    for mark in (*SPECIALS, *MARKS):
        text = text.replace(mark, "\n")
    return text


def _splitter() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def tokenizer(tokens: list[str]) -> Tokenizer:
    """Encodes as llama.cpp does with these tokens."""
    numbered = {token: index for index, token in enumerate(tokens)}
    built = Tokenizer(models.BPE(vocab=numbered, merges=[MERGE], ignore_merges=True))
    built.pre_tokenizer = _splitter()
    built.decoder = decoders.ByteLevel()
    specials = [AddedToken(token, normalized=False) for token in SPECIALS]
    marks = [AddedToken(token, normalized=False) for token in MARKS]
    built.add_special_tokens(specials)  # pyright: ignore[reportUnknownMemberType] - a bare list there
    built.add_tokens(marks)  # pyright: ignore[reportUnknownMemberType] - the same
    return built


def save(tokens: list[str], path: Path) -> None:
    """As a JSON list."""
    path.write_text(json.dumps(tokens, ensure_ascii=False), encoding="utf-8")


def load(path: Path) -> list[str]:
    """What `save` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))
