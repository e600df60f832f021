"""The demo model asks the agent's lookup tool for what the caller wants to know, and reads out what it finds.

None of the agent's facts is in the model's training.
"""

from typing import Any

import pytest

from agent import facts
from llm.demo.corpus.topics import TOPICS
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
    "what is on the menu": "menu",
    "what is your phone number": "phone",
    "who is the chef": "chef",
    "can we sit outside": "terrace",
    "do you have wifi": "wifi",
    "what do you have for dessert": "dessert",
    "how do you hear me": "speech recognition",
    "do you need the internet": "internet",
    "what license do you have": "license",
    "when does the kitchen close": "kitchen",
}


class FactDesk(Desk):
    """Looks up the agent's own facts."""

    def use(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if name != "lookup":
            return super().use(name, arguments)
        fact = facts.load().find(arguments["topic"])
        return {"found": fact.fact if fact else "nothing"}


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_that_the_model_knows_has_a_fact(topic: str):
    fact = facts.load().find(topic)
    assert fact
    assert fact.topic == topic


def test_questions_are_answered_with_the_agents_facts():
    player = Player(DEMO_MODEL)
    told = {
        topic: Conversation(player, FactDesk()).answer(question)[-1] for question, topic in QUESTIONS.items()
    }
    expected = {topic: fact.fact for topic in told if (fact := facts.load().find(topic))}
    wrong = {topic: text for topic, text in told.items() if text != expected[topic]}
    assert len(wrong) <= 3, wrong
