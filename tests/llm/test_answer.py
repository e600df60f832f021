import pytest
from hypothesis import given, strategies as st

from llm.answer import AnswerParser, Part, Text, Thought, held_back
from llm.tool_call import Call, Schema

CALL = "<tool_call>\n<function=get_time>\n</function>\n</tool_call>"
FUNCTIONS: dict[str, Schema] = {"get_time": {}}


def read(*pieces: bytes, stop: tuple[str, ...] = (), thinking: bool = False) -> list[Part]:
    """The parts of an answer, neighbours of a kind joined."""
    parser = AnswerParser(FUNCTIONS, stop, thinking=thinking)
    parts = [part for piece in pieces for part in parser.push(piece)] + parser.flush()
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, Text) and isinstance(last, Text):
            joined[-1] = Text(last.text + part.text)
        elif isinstance(part, Thought) and isinstance(last, Thought):
            joined[-1] = Thought(last.text + part.text)
        else:
            joined.append(part)
    return joined


def letters(text: str) -> list[bytes]:
    return [bytes([byte]) for byte in text.encode()]


def test_plain_text_is_said():
    assert read(b"Hello ", b"there.") == [Text("Hello there.")]


def test_text_is_said_before_the_answer_ends():
    assert AnswerParser().push(b"Hello there. ") == [Text("Hello there.")]


def test_white_space_around_an_answer_is_not_said():
    assert read(*letters("\n\n Hello \n there. \n")) == [Text("Hello \n there.")]


def test_a_call_is_a_call():
    assert read(*letters(CALL)) == [Call("get_time", {})]


def test_what_is_said_before_a_call_is_said():
    assert read(*letters(f"Let me see.\n{CALL}")) == [Text("Let me see."), Call("get_time", {})]


def test_two_calls_are_two():
    assert read(*letters(f"{CALL}\n{CALL}")) == [Call("get_time", {})] * 2


def test_a_call_whose_end_is_missing_is_a_call_where_the_function_is_whole():
    assert read(CALL.removesuffix("</tool_call>").encode()) == [Call("get_time", {})]


def test_an_unknown_function_is_neither_said_nor_called():
    parser = AnswerParser(FUNCTIONS)
    assert parser.push(CALL.replace("get_time", "fly").encode()) + parser.flush() == []
    assert parser.dropped_calls == 1


def test_a_call_cut_short_is_dropped():
    assert read(b"Well. <tool_call>\n<function=get_ti") == [Text("Well.")]


def test_no_offered_functions_mean_no_calls():
    parser = AnswerParser()
    assert parser.push(CALL.encode()) == []


def test_thoughts_are_kept_from_what_is_said():
    assert read(*letters("Hm.\n</think>\nYes."), thinking=True) == [Thought("Hm."), Text("Yes.")]


def test_a_thought_may_begin_in_the_answer():
    assert read(*letters("<think>\nHm.</think>Yes.")) == [Thought("Hm."), Text("Yes.")]


def test_thoughts_that_do_not_end_are_thoughts():
    assert read(b"Hm. And <", thinking=True) == [Thought("Hm. And <")]


@pytest.mark.parametrize("tag", ["</think>", "</tool_call>"])
def test_an_end_without_a_beginning_is_not_said(tag: str):
    assert read(*letters(f"Yes.{tag} No.")) == [Text("Yes. No.")]


@pytest.mark.parametrize("size", range(2, len("<tool_call>")))
def test_half_a_tag_at_the_end_is_not_said(size: int):
    assert read(b"Yes " + b"<tool_call>"[:size]) == [Text("Yes")]


def test_a_lone_bracket_is_said():
    assert read(*letters("5 < 6 <")) == [Text("5 < 6 <")]


def test_a_stop_string_ends_what_is_said():
    assert read(b"one, tw", b"o, three", stop=("two", "x")) == [Text("one,")]


def test_nothing_comes_after_a_stop_string():
    parser = AnswerParser(stop=("end",))
    parser.push(b"the end of it")
    assert (parser.stopped, parser.push(b"more"), parser.flush()) == (True, [], [])


def test_the_beginning_of_a_stop_string_is_said_when_it_goes_on_differently():
    assert read(b"a st", b"ep", stop=("stop",)) == [Text("a step")]


def test_the_beginning_of_a_stop_string_is_said_at_the_end():
    assert read(b"a st", stop=("stop",)) == [Text("a st")]


def test_a_stop_string_within_a_call_is_part_of_the_call():
    assert read(CALL.encode(), stop=("function",)) == [Call("get_time", {})]


def test_characters_are_whole_whatever_the_tokens():
    assert read(*letters("Grüße, 你好 👋🏽!")) == [Text("Grüße, 你好 👋🏽!")]


def test_half_a_character_at_the_end_is_not_said():
    assert read("Hi 👋".encode()[:-1]) == [Text("Hi")]


def test_bytes_that_are_no_text_are_marked_as_such():
    assert read(b"a\xffb") == [Text("a\ufffdb")]


FRAGMENTS = [
    "<think>",
    "</think>",
    CALL,
    "<tool_call>",
    "</tool_call>",
    "stop",
    "st",
    "<",
    " ",
    "\n",
    "é",
    "👋",
    "word",
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12), st.data(), st.booleans())
def test_the_answer_is_the_same_whatever_the_pieces(words: list[str], data: st.DataObject, thinking: bool):
    whole = "".join(words).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    once, often = (
        read(*given, stop=("stop", "top", "stops"), thinking=thinking) for given in ([whole], pieces)
    )
    assert once == often


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12))
def test_no_tag_is_ever_said(words: list[str]):
    said = "".join(part.text for part in read(*letters("".join(words))) if isinstance(part, Text))
    assert not any(tag in said for tag in ("<think>", "</think>", "<tool_call>", "</tool_call>"))


def test_a_million_characters_are_read_in_time():
    assert len(read(b"<a" * 500_000)) == 1


def test_only_what_may_become_a_mark_is_held_back():
    assert held_back("a <tool", ("<tool_call>", "ol x")) == 5
    assert held_back("a tool", ("<tool_call>",)) == 0
