"""Questions that the lookup tool answers: the topic is taken from the question, the fact is read out."""

import random
from collections.abc import Callable

from llm.demo.corpus import made_up_facts, topics
from llm.demo.corpus.call import Call, Wordings
from llm.demo.corpus.spoken import WEEKDAYS, name

NOT_KNOWN = "I'm sorry, I don't know that. Is there anything else I can do for you?"
NOTHING = {"found": "nothing"}
_DISH_FACTS: tuple[tuple[Wordings, str, Callable[[random.Random, str], str]], ...] = (
    (topics.PRICE, " price", made_up_facts.price),
    (topics.PRICE, " price", made_up_facts.price),
    (topics.INGREDIENTS, " ingredients", made_up_facts.ingredients),
    (topics.DISH, "", made_up_facts.dish_fact),
)
_CITY_FACTS = ((topics.CITY_ADDRESS, " address"), (topics.CITY_HOURS, " hours"))


def ask(call: Call) -> None:
    """One question; a second one like it may follow."""
    call.rng.choices((_fixed, _dish, _city, _day), (50, 28, 14, 8))[0](call)


def _look_up(call: Call, topic: str, fact: str) -> None:
    """One in nine finds nothing."""
    if call.chance(0.11):
        call.use("lookup", {"topic": topic}, NOTHING)
        call.say(NOT_KNOWN)
        return
    call.use("lookup", {"topic": topic}, {"found": fact})
    call.say(fact)


def _fixed(call: Call) -> None:
    topic = call.rng.choice(tuple(topics.TOPICS))
    call.hear(call.pick(topics.TOPICS[topic]))
    _look_up(call, topic, made_up_facts.anything(call.rng))


def _dish(call: Call) -> None:
    ways, aspect, fact = call.rng.choice(_DISH_FACTS)
    while True:
        dish = call.entity("dish")
        call.hear(call.pick(ways).replace("{x}", dish))
        _look_up(call, dish + aspect, fact(call.rng, dish))
        if call.chance(0.75):
            return
        ways = topics.AND_DISH


def _city(call: Call) -> None:
    ways, aspect = call.rng.choice(_CITY_FACTS)
    while True:
        city = call.entity("city")
        call.hear(call.pick(ways).replace("{city}", name(city)))
        place = f"in {city.title()}"
        fact = (
            made_up_facts.hours(call.rng, place)
            if aspect == " hours"
            else made_up_facts.address(call.rng, city)
        )
        _look_up(call, city + aspect, fact)
        if call.chance(0.7):
            return
        ways = topics.AND_CITY


def _day(call: Call) -> None:
    ways = topics.DAY_HOURS
    while True:
        day = call.rng.choice(WEEKDAYS)
        call.hear(call.pick(ways).replace("{day}", name(day.lower())))
        _look_up(call, f"{day.lower()} hours", made_up_facts.hours(call.rng, f"on {day}"))
        if call.chance(0.7):
            return
        ways = topics.AND_DAY


def come_from(call: Call) -> None:
    """The caller says where they call from, and may ask for it later."""
    call.city = call.entity("city")
    call.hear(call.pick(topics.FROM_CITY).replace("{city}", name(call.city)))
    call.say(f"Greetings to {call.city.title()}! What can I do for you?")


def where_from(call: Call) -> None:
    """The caller asks for the city they told."""
    call.hear(call.pick(topics.WHERE_FROM))
    told = f"You are calling from {call.city.title()}."
    call.say(told if call.city else "You haven't told me where you are.")
