"""Facts as the lookup tool might find them: made up for every call, so that reading them out is copying."""

import random
from collections.abc import Callable

from llm.demo.corpus.names import invented, rare_words
from llm.demo.corpus.spoken import WEEKDAYS, words

NOUNS = words(
    """table tables room rooms garden terrace street door entrance corner window windows wall floor house
    building park station parking garage space spaces place seats chairs bar kitchen menu card cards
    dish dishes food meal wine beer glass bottle coffee tea water bread dessert lunch dinner breakfast
    evening morning afternoon night weekend week day days month year years hour hours minutes time price
    prices dollars percent guest guests people children dogs families friends groups party birthday
    wedding music piano band chef cook owner waiter staff team desk manager phone number email page
    website address bus subway train stop river bridge market museum church hotel theater license code
    program computer memory model voice words speech sound microphone language cloud internet data call
    caller answer question second seconds network server servers graphics machine coat bag umbrella
    jacket tie shirt shorts discount student students holiday holidays password guide wheelchair ramp
    stairs elevator restroom chair gift cake tip bill cash meat fish vegetables nuts milk eggs cheese
    cream onions garlic tomatoes potatoes rice beans butter sugar salt sauce herbs pepper mushrooms
    spinach lemon apples berries chocolate vanilla flour oil beef pork chicken lamb"""
)
QUALITIES = words(
    """open closed free welcome available included allowed small large big quiet warm cool fresh homemade
    local cheap expensive red white green black old new own other first second best good great little long
    short full private public next last every many few some all both vegetarian vegan spicy sweet
    different simple famous young friendly"""
)
VERBS = words(
    """have serve offer take accept bring keep hold find use need make cook bake grow buy sell pay order
    reserve call write send visit reach leave enter close open stop start play sing read hear speak run
    work live sit eat drink enjoy love like ask tell show help wait come go know see get give"""
)
PLACES = (
    "behind the restaurant", "next to the door", "in the garden", "on the first floor", "by the window",
    "at the bar", "in front of the house", "across the street", "around the corner", "on the menu",
    "at the entrance", "near the park", "on our website", "for a week", "until midnight", "at the table",
    "with a card", "without a reservation", "after eight", "at the door", "on weekends", "every evening",
    "on this computer", "in the cloud", "for free", "in one room", "to your table", "from our own garden",
    "on request", "at no cost", "in advance", "right here", "all day",
)  # fmt: skip
STARTS = (
    "Yes, we", "Yes, you can", "No, but you can", "We", "You can", "Our", "The", "There is", "There are",
    "It is", "I", "I am", "Please", "On weekends we", "Yes,", "No,", "Every", "All", "Of course, you",
    "Unfortunately not, but we", "They", "A", "Some of our", "If you", "My", "Most", "For", "At", "Ask",
    "That depends on", "Dishes with", "You will",
)  # fmt: skip
SMALL_WORDS = words(
    """the a of and to in is are our we you for with at on from it your that as or but not if can will be by
    an has they there this what who when about only also too very up out off into more than no us them my
    so do does"""
)


def price(rng: random.Random, x: str) -> str:
    """What a dish costs."""
    dollars, cents = rng.randint(2, 99), rng.choice(("", "", "", f" and {rng.randint(1, 99)} cents"))
    pattern = rng.choice(
        (
            "The {x} is {n} dollars.",
            "The {x} costs {n} dollars.",
            "{n} dollars for the {x}.",
            "You pay {n} dollars for the {x}.",
            "The {x} is {n} dollars with {a} and {b}.",
        )
    )
    a, b = rng.sample(NOUNS, 2)
    return pattern.format(x=x, n=dollars, a=a, b=b).replace(" dollars", f" dollars{cents}", 1)


def ingredients(rng: random.Random, x: str) -> str:
    """What is in a dish."""
    a, b, c = (_noun(rng) for _ in range(3))
    quality = rng.choice(QUALITIES)
    pattern = rng.choice(
        (
            "The {x} is made with {a}, {b} and {c}.",
            "There is {a}, {b} and {c} in the {x}.",
            "The {x} has {a} and {b}, and it is {quality}.",
            "The {x} is {quality}: {a}, {b} and {c}.",
            "The {x} comes with {a} and {b}. It has no {c}.",
            "It has {a} and {b}, but no {c}.",
        )
    )
    return pattern.format(x=x, a=a, b=b, c=c, quality=quality)


def address(rng: random.Random, city: str) -> str:
    """Where the restaurant is in a city."""
    street, number = _rare(rng).title(), rng.randint(1, 999)
    pattern = rng.choice(
        (
            "In {city} we are at {number} {street} Street.",
            "Yes, our {city} restaurant is on {street} Street.",
            "Our restaurant in {city} is at {number} {street} Avenue, near the {noun}.",
            "You find us in {city} at {street} Square {number}.",
            "{number} {street} Road in {city}.",
        )
    )
    return pattern.format(city=city.title(), number=number, street=street, noun=rng.choice(NOUNS))


def hours(rng: random.Random, place: str) -> str:
    """When the restaurant is open, in a city or on a day."""
    start, end = (
        rng.choice(("noon", f"{rng.randint(4, 11)} AM")),
        rng.choice(("midnight", f"{rng.randint(1, 11)} PM")),
    )
    pattern = rng.choice(
        (
            "{place} we are open from {start} to {end}.",
            "{place} we open at {start} and close at {end}.",
            "{place} the restaurant is open from {start} until {end}.",
            "We are open from {start} to {end} {low}.",
            "{place} we are closed.",
            "{place} we close at {end}, the kitchen an hour before.",
        )
    )
    return pattern.format(place=place[0].upper() + place[1:], low=place, start=start, end=end)


def anything(rng: random.Random) -> str:
    """A sentence of known words, with rare words and numbers in it; hardly any makes sense."""
    parts = [rng.choice(STARTS)]
    for _ in range(rng.choice((1, 2, 2, 3))):
        parts += rng.choice(_CLAUSES)(rng)
    if rng.random() < 0.15:
        parts += [rng.choice(NOUNS + VERBS + QUALITIES + SMALL_WORDS) for _ in range(rng.randint(2, 6))]
    sentence = " ".join(parts[:18])
    return f"{sentence}."


def dish_fact(rng: random.Random, x: str) -> str:
    """Whatever is found of a dish when nobody says what of it."""
    return rng.choice((price, ingredients))(rng, x)


def _noun(rng: random.Random) -> str:
    return _rare(rng) if rng.random() < 0.12 else rng.choice(NOUNS)


def _rare(rng: random.Random) -> str:
    return rng.choice(rare_words()) if rng.random() < 0.7 else invented(rng)


def _number(rng: random.Random) -> str:
    return str(rng.choice((rng.randint(2, 20), rng.randint(10, 100), rng.randint(100, 2030))))


_CLAUSES: tuple[Callable[[random.Random], list[str]], ...] = (
    lambda rng: [rng.choice(VERBS), rng.choice(("the", "a", "our", "your", "some")), _noun(rng)],
    lambda rng: [
        rng.choice(QUALITIES),
        _noun(rng),
        rng.choice(("and", "is", "are", "with", "or", "for", "of")),
        _noun(rng),
    ],
    lambda rng: [rng.choice(PLACES)],
    lambda rng: [
        rng.choice(("and", "but", "so", "if", "when", "because")),
        rng.choice(("we", "you", "they", "it", "I")),
        rng.choice(VERBS),
        _noun(rng),
    ],
    lambda rng: [_number(rng), _noun(rng)],
    lambda rng: [
        rng.choice(("from", "until", "at", "after")),
        str(rng.randint(1, 12)),
        rng.choice(("AM", "PM")),
    ],
    lambda rng: ["on", rng.choice(WEEKDAYS)],
    lambda rng: [rng.choice(SMALL_WORDS), rng.choice(SMALL_WORDS), rng.choice(QUALITIES), _noun(rng)],
    lambda rng: [_rare(rng).title(), rng.choice(SMALL_WORDS)],
)
