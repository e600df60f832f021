from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from agent import facts
from agent.facts import Fact, Facts

KITCHEN = Facts(
    [
        Fact(topic="soup price", fact="The soup is 4 dollars."),
        Fact(topic="soup ingredients", fact="The soup is made with beans."),
        Fact(topic="pie price", fact="The pie is 5 dollars."),
        Fact(topic="pie ingredients", fact="The pie is made with apples."),
        Fact(topic="boston hours", fact="In Boston we are open from noon."),
        Fact(topic="dover address", fact="In Dover we are at the pier."),
        Fact(topic="dover hours", fact="In Dover we are open from five."),
        Fact(topic="parking", also="park car garage", fact="You can park behind the house."),
    ]
)


def found(query: str, among: Facts = KITCHEN) -> str:
    fact = among.find(query)
    return fact.topic if fact else "nothing"


@pytest.mark.parametrize(
    ("query", "topic"),
    [
        ("soup price", "soup price"),
        ("price of the soup", "soup price"),
        ("SOUP INGREDIENTS", "soup ingredients"),
        ("soup", "soup price"),
        ("parking", "parking"),
        ("my car", "parking"),
        ("soups price", "soup price"),
        ("pakring", "parking"),
        ("how much is the soup", "soup price"),
        ("What is the soup made of?", "soup ingredients"),
        ("um excuse me what does the the pie cost if you don't mind", "pie price"),
        ("where can i park my car", "parking"),
        ("when are you open in boston", "boston hours"),
        ("where is the restaurant in dover", "dover address"),
    ],
)
def test_a_question_finds_its_fact(query: str, topic: str):
    assert found(query) == topic


@pytest.mark.parametrize(
    ("first", "second", "topic"),
    [
        ("how much is the soup", "and the pie", "pie price"),
        ("what is in the soup", "and the pie?", "pie ingredients"),
        ("what is in the soup", "and how much is the pie", "pie price"),
        ("when are you open in boston", "and in dover", "dover hours"),
        ("where are you in dover", "and in boston", "boston hours"),
        ("where can i park", "what about the pie", "pie price"),
    ],
)
def test_a_second_question_asks_the_same_of_something_else(first: str, second: str, topic: str):
    fact = KITCHEN.find(second, KITCHEN.find(first))
    assert fact
    assert fact.topic == topic


@pytest.mark.parametrize(
    "query",
    [
        "lobster price",
        "price of gold",
        "how much is the lobster",
        "how much",
        "what is the capital of france",
        "",
        "the",
        "is it",
        "xyzzy",
        "?!",
    ],
)
def test_too_little_finds_nothing(query: str):
    assert found(query) == "nothing"


def test_every_committed_fact_is_found_by_its_topic():
    every = facts.load()
    listed = TypeAdapter(list[Fact]).validate_json(facts.FACTS_PATH.read_bytes())
    assert [found(fact.topic, every) for fact in listed] == [fact.topic for fact in listed]


def test_about_a_hundred_facts_are_committed():
    assert len(TypeAdapter(list[Fact]).validate_json(facts.FACTS_PATH.read_bytes())) >= 100


def test_a_file_of_something_else_is_refused(tmp_path: Path):
    (tmp_path / "facts.json").write_text('[{"question": "why"}]')
    with pytest.raises(ValidationError):
        facts.load(tmp_path / "facts.json")
