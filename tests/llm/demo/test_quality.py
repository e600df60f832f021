"""The committed model keeps its scores, at a margin: a few of the calls that `make demo-score` counts."""

import pytest

from llm.demo import score
from llm.demo.corpus import outside
from llm.demo.player import Player
from llm.demo.score import Tally
from tests.llm.demo.conftest import GGUF

CALLS, QUESTIONS = 30, 40


@pytest.fixture(scope="module")
def player() -> Player:
    return Player(GGUF)


@pytest.fixture(scope="module")
def tally(player: Player) -> Tally:
    tally = Tally()
    score.score_calls(player, score.held_out_calls(CALLS), tally)
    score.score_questions(player, outside.questions()[::3][:QUESTIONS], tally)
    return tally


def test_nine_in_ten_turns_are_right(tally: Tally):
    assert tally.share(score.TURNS) >= 0.9, tally.wrong


def test_names_cities_and_numbers_never_seen_are_copied(tally: Tally):
    assert tally.share(score.UNSEEN) >= 0.85, tally.wrong


def test_every_tool_call_fits_its_schema(tally: Tally):
    assert tally.share(score.VALID) == 1.0, tally.wrong


def test_what_is_outside_its_domain_is_refused(tally: Tally):
    assert tally.share(score.REFUSED) >= 0.85, tally.wrong


def test_it_writes_300_tokens_a_second_of_one_core(tally: Tally, player: Player):
    assert player.generated / player.spent_s >= 300


def test_the_model_is_at_most_ten_megabytes():
    assert GGUF.stat().st_size <= 10_000_000


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("<tool_call><function=get_time></function></tool_call>", True),
        ("<tool_call><function=get_tide></function></tool_call>", False),
        ("<tool_call><function=lookup></function></tool_call>", False),
        ("<tool_call><function=lookup><parameter=question>why</parameter></function></tool_call>", True),
        ("<tool_call><function=lookup><parameter=question> </parameter></function></tool_call>", False),
        ("<tool_call><function=lookup><parameter=topic>wine</parameter></function></tool_call>", False),
        ("<tool_call><function=get_time>", False),
        ("It is 4:05 PM.", False),
    ],
)
def test_a_call_is_valid_by_its_schema(text: str, valid: bool):
    assert score.is_valid(text) == valid
