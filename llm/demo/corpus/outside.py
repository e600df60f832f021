"""What the demo cannot do: wishes that it refuses, and questions about the world, which it looks up in vain.

What is no order ("play", "open", "send") counts as a question: the lookup tool knows what it knows.
"""

import re
from pathlib import Path

from llm.demo.corpus import knowledge
from llm.demo.corpus.call import Call, Wordings, wordings
from llm.demo.corpus.names import HELD_OUT, rare_words
from llm.demo.corpus.small_talk import REFUSAL
from llm.demo.corpus.spoken import number, words

_BLANK = re.compile(r"\{([nxyz])\}")

FIXED_WISHES = wordings("""play some music; play a song; turn on the light; turn off the lights
    call my mother; call a taxi; send a message; send an email; read my email; order a pizza
    buy a ticket; book a flight; book a hotel; find a hotel; open the window; translate hello to spanish
    write a poem; write a letter; turn up the volume; set an alarm; show me a picture; take a picture
    add milk to my shopping list; make an appointment; ~play my favorite song; ~turn on the radio
    ~call my doctor""")
FIXED_QUESTIONS = wordings("""who won the world cup; who is the president; what is the weather
    what's the weather like; how is the weather today; will it rain tomorrow; is it cold outside
    what is the weather tomorrow; what is the news; tell me the news; who won the game last night
    what is the meaning of life; i need a doctor; where is the next gas station
    how do i get to the airport; what is the capital of france; how tall is mount everest
    who wrote hamlet; how far is the moon; what is the stock market doing; how much is a dollar in euros
    how do i cook rice; give me a recipe; what movie should i watch; who is the king of england
    when does the train leave; what is on television; what is on my calendar; i want to buy a car
    why is the sky blue; what do you think about politics; who will win the election
    how do airplanes fly; explain black holes; i lost my keys; ~who won the super bowl
    ~what is the population of china; ~what is the temperature outside; ~who is the pope
    ~how do i make coffee; ~give me some advice; ~what is love""")
WISHES = wordings("""find me a {x}; show me the {x}; play {x}; call {x}; open the {x}; close the {x}
    turn on the {x}; turn off the {x}; turn the {x} up; turn down the {x}; start the {x}; stop the {x}
    order a {x}; buy me a {x}; get me a {x}; bring me a {x}; order me a {x} from the {x}; buy {n} {x}
    translate {x}; write about {x}; write a {x} about {x}; sell my {x}; read me the {x}
    send a {x} to my {x}; send {x} a message; please {z} my {x}; {z} the {x}; let's {z} the {x}
    convert {n} {x} to {x}; book a {x} to {x}; book me a {x} for {n} {x}; reserve a {x} in {x}
    rent a {x}; set the {x} to {n}; set my {x}; remind me to {z} the {x}; remind me of the {x}
    wake me when the {x} {z}; add {x} to my {x}; put {x} on my {x}; delete my {x}; move my {x} to {x}
    check my {x}; make me a {x}; take me to {x}; drive me to the {x}; pick a {x}; throw a {x}
    let's play {x}; play a {x} with me; guess my {x}; mute the {x}; switch to {x}; ~send me a {x}""")
QUESTIONS = wordings("""what is {x}; what is a {x}; who is {x}; where is {x}; where is the {x}
    can you fix my {x}; where can i buy a {x}; how do i get to {x}; how do i get to the {x}
    i want to buy a {x}; who invented the {x}; when was the {x} invented; why is the {x} so {y}
    how does a {x} work; why are {x} {y}; what is the capital of {x}; what is the population of {x}
    what is the {x} of {x}; who is the {x} of {x}; my {x} is broken; explain {x}; explain the {x} to me
    define {x}; what color is the {x}; how big is the {x}; who wrote {x}; how old is {x}
    how many {x} are there; is {x} {y}; what does {x} mean; how do you spell {x}; i am looking for a {x}
    which {x} is the best; what is the best {x}; what is the {y} {x} in the {x}; the {x} is {y}
    i like {x}; the {x} and the {x}; there is a {x} in the {x}; i {z} the {x}; my {x} wants to {z}
    where does {x} come from; when is {x}; how do i {z} a {x}; can you {z} the {x}; i want to {z} {x}
    should i {z} the {x}; did you {z} the {x}; have you seen the {x}; who is going to {z} the {x}
    can i {z} a {x}; did the {x} {z}; did {x} {z} the {x} yesterday; who did {x} {z}
    how many {x} does a {x} have; how many {x} are in a {x}; how much {x} is in a {x}
    how far is the {x} from the {x}; how do you say {x} in {x}; what is {x} in {x}
    what do you call a {y} {x}; what rhymes with {x}; how many {x} are {n} {x}
    how much is {n} {x} in {x}; what is {n} percent of the {x}; what time does the {x} {z}
    when does the {x} {z}; what day is {x}; what time is it in {x}; when was {x} born
    what was the date of the {x}; which year did {x} {z}; when did the {x} {z}; what year was the {x}
    i need a {x} for {n} {x}; what is on my {x}; are {x} {y}; is a {x} a {x}; is there {x} in the {x}
    are there {x} on {x}; can {x} {z}; can a {x} {z} a {x}; do {x} {z}; do you think {x} is {y}
    what do you think of {x}; do people {z} {x}; is it {y} to {z} a {x}; what happens when you {z} a {x}
    what happens if i {z} the {x}; why do {x} {z}; why does my {x} {z}; why did the {x} {z}
    why is there {x}; how long does a {x} {z}; how long is a {x}; how {y} is the {x}; how {y} is a {x}
    how {y} does the {x} get; how often should i {z} my {x}; how long should i {z} {x}
    will the {x} be {y}; will {x} {z} tomorrow; is it going to {z}; who will {z} the {x}
    has {x} {z} yet; was {x} {y}; were the {x} {y}; what kind of {x} is {y}; what sort of {x} do i {z}
    what {x} should i {z}; which {x} should i {z}; should i {z} {x} or {x}; who was the first {x}
    who has the most {x}; who {z} the {x}; what is inside a {x}; what is under the {x}
    what is behind {x}; what is wrong with my {x}; my {x} hurts; teach me to {z}; help me {z} my {x}
    help me with my {x}; give me a {x}; give me the {x} of {x}; tell me how to {z} a {x}
    tell me why {x} {z}; tell me who {z} the {x}; tell me a {x} about {x}; what did {x} say
    what did i {z} yesterday; where did i {z} my {x}; i have been {z} {x} all day
    yesterday i {z} a {y} {x}; my {x} has {n} {x}; once there was a {x}
    if a {x} can {z} why can't a {x}; the {y} {x} of the {x}; {x} {x} and {x}; a {x} is a {x} is a {x}
    who plays {x}; who played in {x}; what is {x} playing; which {x} {z} the {x}; the {x} {z} on the {x}
    ~how long is the {x}; ~why do people {z} {x}; ~what happened to the {x}; ~does the {x} {z}
    ~i need a new {x}; ~where do {x} {z}; ~can you {z} like a {x}; ~what makes {x} {z}; ~who was {x}
    ~is there a {x} near here; ~how heavy is a {x}; ~what did {x} do; ~could you {z} my {x}""")
_THINGS = words(
    """
    car house dog cat phone computer book movie song city river mountain ocean moon sun star tree
    flower garden guitar piano football basketball tennis baseball bicycle train airplane boat ship
    bridge museum hospital school teacher doctor lawyer president king queen history music physics
    money bank market street airport hotel camera television radio newspaper internet coffee tea
    milk bread cheese apple banana chicken fish rice soup cake sugar salt water fire snow rain wind
    storm summer winter spring door window kitchen bathroom bed chair lamp shirt shoes hat coat
    horse cow bird lion elephant dinosaur spider snake planet rocket robot engine battery gold
    silver diamond paris london berlin tokyo china india africa america europe canada mexico france
    germany spain italy england
    man woman brother sister father mother friend baby king game team player match score song singer
    band actor letter word sentence language question equation number world war country continent
    state government law tax vote news weather temperature cloud sky earth ground forest field beach
    island lake road highway car truck bus taxi ticket flight trip vacation map direction store
    pharmacy shop mall price dollar euro pound gold stock company job boss office meeting calendar
    appointment homework exam lesson class university science biology chemistry medicine vaccine
    blood heart head back leg hand eye tooth skin pain sleep dream health weight diet vitamin exercise
    toy doll ball card dice puzzle riddle poem story novel chapter author painting painter statue
    computer laptop screen keyboard printer router software program app website password picture
    video channel light heating oven fridge washing machine vacuum garage key lock alarm tire oil
    gas wheel brake carpet sofa curtain pillow blanket towel soap knife fork pan pot garbage
    hammer nail screw saw paint wood stone metal glass paper plastic wool cotton leather
    pig goat sheep duck goose mouse rabbit wolf fox bear tiger monkey whale shark bee ant frog
    rose grass leaf seed root tomato carrot potato onion corn wheat egg meat
    """
)
THINGS = tuple(word for word in _THINGS if word not in HELD_OUT)
QUALITIES = words(
    """
    big small red green blue old new expensive cheap fast slow hot cold good bad funny strange
    famous heavy long short tall deep high low rich poor happy sad young smart dark bright loud quiet
    dangerous healthy true real dead alive round flat empty full wet dry sweet sour soft hard
    """
)
ACTIONS = words(
    """
    buy sell fix find open close clean paint cook eat drink wash build break move send write read
    see play call watch make take give put run walk jump fly swim sing dance draw learn teach study
    work sleep dream think know believe win lose love hate kiss marry grow plant cut burn melt freeze
    boil bake fry drive ride park travel land sink fall climb carry pull push hold throw catch hit
    kill die live speak talk say tell hear listen smell feel bark bite eat hunt hide rain snow shine
    bought found made saw took gave went came won lost ate drank wrote sang built broke
    """
)


def refuse(call: Call) -> None:
    """A wish that no tool is there for; of the ear's words only what people do ask."""
    fixed = call.chance(0.3) or not call.rare_words
    call.hear(call.pick(FIXED_WISHES) if fixed else _filled(call, WISHES))
    call.say(REFUSAL)


def wonder(call: Call) -> None:
    """A question that no fact answers, or words that make no sense."""
    kind = call.rng.random()
    if kind < 0.2 or not call.rare_words:
        text = call.pick(FIXED_QUESTIONS)
    elif kind < 0.92:
        text = _filled(call, QUESTIONS)
    else:
        text = " ".join(_word(call) for _ in range(call.rng.randint(2, 9)))
    knowledge.look_up(call, text)


def _filled(call: Call, frames: Wordings) -> str:
    text = call.pick(frames)
    while "{" in text:
        kind = _BLANK.search(text)
        assert kind
        text = text.replace(kind[0], _filling(call, kind[1]), 1)
    return text


def _filling(call: Call, kind: str) -> str:
    """One word of its kind, or two; a quarter of the time any word there is."""
    if kind == "n":
        return number(call.rng.randint(2, 99))
    lists = {"x": THINGS, "y": QUALITIES, "z": ACTIONS}
    if call.chance(0.35):
        return call.rng.choice(rare_words())
    word = call.rng.choice(lists[kind])
    if kind == "x" and call.chance(0.25):
        word = f"{call.rng.choice(QUALITIES if call.chance(0.6) else THINGS)} {word}"
    plural = kind == "x" and call.chance(0.15) and word[-1] != "s"
    return f"{word}s" if plural else word


def _word(call: Call) -> str:
    """Any word: a rare one half of the time."""
    return call.rng.choice(rare_words() if call.chance(0.5) else THINGS + QUALITIES + ACTIONS)


def questions() -> tuple[str, ...]:
    """What strangers asked: for the scores, and written before the frames of this module."""
    return tuple((Path(__file__).parent / "outside_questions.txt").read_text(encoding="utf-8").splitlines())
