"""Questions that the lookup tool answers: it is given the question, and what it finds is read out."""

import random
from collections.abc import Callable

from llm.demo.corpus import made_up_facts, topics
from llm.demo.corpus.call import Call, Wordings
from llm.demo.corpus.spoken import WEEKDAYS, name

NOT_KNOWN = "I'm sorry, I don't know that. Is there anything else I can do for you?"
NOTHING = {"found": "nothing"}
_DISH_FACTS: tuple[tuple[Wordings, Callable[[random.Random, str], str]], ...] = (
    (topics.PRICE, made_up_facts.price),
    (topics.PRICE, made_up_facts.price),
    (topics.INGREDIENTS, made_up_facts.ingredients),
    (topics.DISH, made_up_facts.dish_fact),
)
_CITY_FACTS: tuple[tuple[Wordings, Callable[[random.Random, str], str]], ...] = (
    (topics.CITY_ADDRESS, made_up_facts.address),
    (topics.CITY_HOURS, lambda rng, city: made_up_facts.hours(rng, f"in {city.title()}")),
)


def ask(call: Call) -> None:
    """One question; a second one like it may follow."""
    call.rng.choices((_fixed, _dish, _city, _day), (50, 28, 14, 8))[0](call)


def look_up(call: Call, text: str, fact: str = "") -> None:
    """Ask it; without a fact, and one time in nine, nothing is found."""
    question = {"question": call.hear(text)}
    if not fact or call.chance(0.11):
        call.use("lookup", question, NOTHING)
        call.say(NOT_KNOWN)
        return
    call.use("lookup", question, {"found": fact})
    call.say(fact)


def _fixed(call: Call) -> None:
    topic = call.rng.choice(tuple(topics.TOPICS))
    look_up(call, call.pick(topics.TOPICS[topic]), made_up_facts.anything(call.rng))


def _dish(call: Call) -> None:
    ways, fact = call.rng.choice(_DISH_FACTS)
    while True:
        dish = call.entity("dish")
        look_up(call, call.pick(ways).replace("{x}", dish), fact(call.rng, dish))
        if call.chance(0.75):
            return
        ways = topics.AND_DISH


def _city(call: Call) -> None:
    ways, fact = call.rng.choice(_CITY_FACTS)
    while True:
        city = call.entity("city")
        look_up(call, call.pick(ways).replace("{city}", name(city)), fact(call.rng, city))
        if call.chance(0.7):
            return
        ways = topics.AND_CITY


def _day(call: Call) -> None:
    ways = topics.DAY_HOURS
    while True:
        day = call.rng.choice(WEEKDAYS)
        text = call.pick(ways).replace("{day}", name(day.lower()))
        look_up(call, text, made_up_facts.hours(call.rng, f"on {day}"))
        if call.chance(0.7):
            return
        ways = topics.AND_DAY
