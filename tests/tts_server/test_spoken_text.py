import time

import pytest
from hypothesis import given, strategies as st

from tts_server.spoken_text import SEGMENT_CHARACTERS, WORD_CHARACTERS, segments, spoken_words


def said(text: str) -> str:
    return " ".join(word.spoken for word in spoken_words(text))


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("plain  words\n here", "plain words here"),
        ("**bold**, *it*, __both__ and `code`", "bold, it, both and code"),
        ("# Title\n\n- one\n* two\n> three", "Title one two three"),
        ("see [our menu](http://x.y/z) now", "see our menu now"),
        ('![a cat](cat.png "Cat") sleeps', "a cat sleeps"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("go to https://www.example.com", "go to example.com"),
        ("a <b>bold</b> <br/> move <!-- secret -->", "a bold move"),
        ('<break time="3s"/> on <audio src="x">', "on"),
        ("[[h@l'oU]]", "h@l'oU"),
        ("a\x01b \x1b[0m \x00", "ab 0m"),
        ("zero\u200bwidth soft\u00adhyphen", "zerowidth softhyphen"),
        ("great 😀 👨‍👩‍👧 🇩🇪 👍🏽!", "great!"),
        ("1️⃣ first", "1 first"),
        ("it’s “so” 5−2", 'it\'s "so" 5-2'),
        ("wait — what", "wait, what"),
        ("wait—what", "wait, what"),
        ("5–7 people", "5-7 people"),
        ("well…", "well..."),
        ("2*3 and 2 * 3", "2 times 3 and 2 times 3"),
        ("snake_case {x}", "snake case x"),
        ("Ａｂｃ 𝐇𝐢 ﬁne", "Abc Hi fine"),
        ("e\u0301te\u0301", "été"),
        ("$5.50 + 20% = 25° & @home", "$5.50 + 20% = 25° & @home"),
        ("a < b and c > d", "a < b and c > d"),
        ("| a | b |", "a b"),
        ("hello !", "hello!"),
        ("", ""),
        ("😀", ""),
        ("... — *** ---", ""),
    ],
)
def test_what_is_said_of_a_text(text: str, spoken: str):
    assert said(text) == spoken


def test_words_keep_their_given_form():
    words = spoken_words("**Hi** 😀 [the menu](http://x.y) café")
    assert [word.given for word in words] == ["**Hi**", "[the", "menu](http://x.y)", "café"]


def test_a_long_word_is_cut_off_unless_its_script_has_no_spaces():
    assert [len(word.spoken) for word in spoken_words("a" * 1_000)] == [WORD_CHARACTERS]
    assert [word.given for word in spoken_words("漢" * 250)] == ["漢" * 250, "", ""]


def test_a_long_text_is_cut_after_sentences():
    cut = segments("This is a sentence that somebody might say. " * 8)
    assert len(cut) == 4
    assert all(segment.text.endswith("say.") for segment in cut)


def test_a_title_does_not_end_a_sentence():
    text = "We would all very much like to make an appointment with Dr. Smith and Mrs. Jones. Now."
    assert [segment.text[-6:] for segment in segments(text)] == ["Jones.", "Now."]


def test_a_short_text_is_one_segment():
    assert len(segments("Hello. How are you? Fine.")) == 1


@pytest.mark.parametrize(
    ("text", "pauses"), [("Hello.", True), ("Hello,", True), ('"Hello?"', True), ("Hello", False)]
)
def test_a_segment_knows_whether_it_ends_in_a_pause(text: str, pauses: bool):
    assert segments(text)[0].pauses is pauses


@given(st.text(max_size=600))
def test_any_text_is_cut_without_loss_and_within_bounds(text: str):
    cut = segments(text)
    assert [word for segment in cut for word in segment.words] == spoken_words(text)
    for segment in cut:
        assert 0 < len(segment.text) <= SEGMENT_CHARACTERS + WORD_CHARACTERS + 2
        assert segment.text.isprintable()


@given(st.text(max_size=300))
def test_words_are_given_in_the_order_of_the_text(text: str):
    given_words = iter(text.split())
    assert all(word.given in given_words for word in spoken_words(text) if word.given)


@given(st.lists(st.from_regex(r"[a-z]{1,12}[,.]?", fullmatch=True), min_size=1, max_size=60))
def test_the_starts_are_where_the_words_are(words: list[str]):
    for segment in segments(" ".join(words)):
        for word, start in zip(segment.words, segment.starts, strict=True):
            assert segment.text[start:].startswith(word.spoken)


@pytest.mark.parametrize(
    "piece", ["[[", "<a ", "![", "<a b=c ", "<!--", "[a](", '<a b="', "1*", "a" * 64, "# "]
)
def test_no_text_takes_long(piece: str):
    text = (piece * 4_096)[:4_096]
    began_s = time.process_time()
    segments(text)
    assert time.process_time() - began_s < 0.5
