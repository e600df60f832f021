"""The demo model hands the caller's question to the agent's lookup tool, and reads out what that finds.

None of the agent's facts is in the model's training.
"""

import functools
import random
from typing import Any

import pytest

from agent import facts
from llm.demo.corpus import outside, topics
from llm.demo.corpus.call import AFTER, BEFORE, HELD_OUT, Wordings
from llm.demo.corpus.noise import hesitate
from llm.demo.player import Player
from llm.demo.talk import Conversation, Desk
from llm.settings import DEMO_MODEL

QUESTIONS = {
    "is there parking": "parking",
    "can i bring my dog": "dogs",
    "when are you open on friday": "friday hours",
    "are you open on monday": "monday hours",
    "how much is the lasagna": "lasagna price",
    "what does the risotto cost": "risotto price",
    "how much is the goulash please": "goulash price",
    "what is in the tiramisu": "tiramisu ingredients",
    "is the falafel vegan": "falafel ingredients",
    "are there nuts in the strudel": "strudel ingredients",
    "do you have a restaurant in boston": "boston address",
    "where are you in seattle": "seattle address",
    "when are you open in chicago": "chicago hours",
    "do you take credit cards": "cards",
    "what is on the menu": "food menu",
    "what is your phone number": "phone",
    "who is the chef": "chef",
    "can we sit outside": "terrace",
    "do you have wifi": "wifi",
    "what do you have for dessert": "dessert",
    "how do you hear me": "speech recognition",
    "do you need the internet": "offline",
    "what license do you have": "license",
    "when does the kitchen close": "kitchen",
}


RIGHT = 0.97
SILENT = 0.95


class FactDesk(Desk):
    """Looks up the agent's own facts."""

    def use(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if name != "lookup":
            return super().use(name, arguments)
        return {"found": found(arguments["question"])}


def found(question: str) -> str:
    fact = facts.load().find(question)
    return fact.fact if fact else "nothing"


def found_topic(question: str) -> str:
    fact = facts.load().find(question)
    return fact.topic if fact else "nothing"


def asked(ways: Wordings, **blanks: str) -> list[str]:
    """Every wording, learnt and held out, as the ear may deliver it."""
    rng = random.Random(1)
    plain = [text.removeprefix(HELD_OUT) for text in (*ways.trained, *ways.held_out)]
    named = [functools.reduce(lambda t, item: t.replace(*item), blanks.items(), text) for text in plain]
    spoken = [
        f"{rng.choice(BEFORE)} {text} {rng.choice(AFTER)}" if rng.random() < 0.3 else text for text in named
    ]
    return [" ".join(hesitate(rng, text.split())) if rng.random() < 0.3 else text for text in spoken]


@pytest.mark.parametrize("topic", topics.TOPICS)
def test_every_topic_of_the_corpus_has_a_fact(topic: str):
    assert found_topic(topic) == topic


def test_the_corpus_own_questions_find_their_fact():
    questions = [(text, topic) for topic, ways in topics.TOPICS.items() for text in asked(ways)]
    wrong = [(text, found_topic(text)) for text, topic in questions if found_topic(text) != topic]
    assert len(wrong) <= (1 - RIGHT) * len(questions), wrong


@pytest.mark.parametrize(
    ("ways", "blank", "subject", "aspect"),
    [
        (topics.PRICE, "{x}", "goulash", "price"),
        (topics.INGREDIENTS, "{x}", "tiramisu", "ingredients"),
        (topics.CITY_ADDRESS, "{city}", "denver", "address"),
        (topics.CITY_HOURS, "{city}", "boston", "hours"),
        (topics.DAY_HOURS, "{day}", "friday", "hours"),
    ],
)
def test_what_is_asked_of_a_dish_a_city_or_a_day_is_found(
    ways: Wordings, blank: str, subject: str, aspect: str
):
    texts = asked(ways, **{blank: subject})
    assert {text: found_topic(text) for text in texts} == dict.fromkeys(texts, f"{subject} {aspect}")


@pytest.mark.parametrize(
    ("ways", "blank", "subject"),
    [
        (topics.PRICE, "{x}", "lobster"),
        (topics.INGREDIENTS, "{x}", "lobster"),
        (topics.DISH, "{x}", "lobster"),
        (topics.CITY_ADDRESS, "{city}", "lyon"),
        (topics.CITY_HOURS, "{city}", "lyon"),
    ],
)
def test_of_what_there_is_not_nothing_is_found(ways: Wordings, blank: str, subject: str):
    texts = asked(ways, **{blank: subject})
    assert {text: found_topic(text) for text in texts} == dict.fromkeys(texts, "nothing")


def test_questions_of_strangers_find_nothing():
    wrong = [text for text in outside.questions() if found(text) != "nothing"]
    assert len(wrong) <= (1 - SILENT) * len(outside.questions()), wrong


def test_questions_are_answered_with_the_agents_facts():
    player = Player(DEMO_MODEL)
    told = {text: Conversation(player, FactDesk()).answer(text)[-1] for text in QUESTIONS}
    wrong = {text: answer for text, answer in told.items() if answer != found(text)}
    assert len(wrong) <= 3, wrong


@pytest.mark.parametrize(("question", "topic"), QUESTIONS.items())
def test_what_callers_surely_ask_is_found(question: str, topic: str):
    assert found_topic(question) == topic
