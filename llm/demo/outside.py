"""Requests that the demo refuses: questions about the world, wishes, and words that make no sense."""

from llm.demo.call import Call, wordings
from llm.demo.names import rare_words
from llm.demo.small_talk import REFUSAL
from llm.demo.spoken import words

FIXED = wordings("""who won the world cup; who is the president; what is the weather
    what's the weather like; how is the weather today
    will it rain tomorrow; is it cold outside; what is the weather tomorrow; play some music; play a song
    turn on the light
    turn off the lights; call my mother; call a taxi; send a message; send an email; read my email
    what is the news
    tell me the news; who won the game last night; what is the meaning of life; order a pizza
    order some food; buy a ticket
    book a flight; book a hotel; i need a doctor; where is the next gas station; how do i get to the airport
    find a hotel
    what is the capital of france; how tall is mount everest; who wrote hamlet; how far is the moon
    open the window
    what is the stock market doing; how much is a dollar in euros; translate hello to spanish; write a poem
    write a letter
    what should i wear today; how do i cook rice; give me a recipe; what movie should i watch
    who is the king of england
    when does the train leave; what is on television; turn up the volume; set an alarm; show me a picture
    take a picture
    add milk to my shopping list; what is on my calendar; make an appointment; i want to buy a car
    why is the sky blue
    what do you think about politics; who will win the election; how do airplanes fly; explain black holes
    i lost my keys
    ~who won the super bowl; ~what is the population of china; ~play my favorite song
    ~what is the temperature outside
    ~turn on the radio; ~call my doctor; ~who is the pope; ~how do i make coffee; ~give me some advice
    ~what is love""")
FRAMES = wordings("""what is {x}; what is a {x}; who is {x}; where is {x}; where is the {x}
    how much does a {x} cost; tell me about {x}
    do you like {x}; can you fix my {x}; i want to buy a {x}; where can i buy a {x}
    what do you know about {x}; how do i get to {x}
    who invented the {x}; when was the {x} invented; why is the {x} so {y}; how does a {x} work
    what is the capital of {x}
    find me a {x}; show me the {x}; i lost my {x}; my {x} is broken; do you have a {x}; explain {x}
    what color is the {x}
    how big is the {x}; who wrote {x}; play {x}; call {x}; open the {x}; close the {x}; turn on the {x}
    order a {x}; buy me a {x}
    how old is {x}; how many {x} are there; is {x} {y}; what does {x} mean; how do you spell {x}
    write about {x}; sell my {x}
    can you recommend a {x}; i am looking for a {x}; which {x} is the best; what is the best {x}
    the {x} is {y}; i like {x}
    where does {x} come from; when is {x}; how do i {z} a {x}; can you {z} the {x}; please {z} my {x}
    i want to {z} {x}
    should i {z} the {x}; did you {z} the {x}; have you seen the {x}; who is going to {z} the {x}
    can i {z} a {x}
    ~how long is the {x}; ~why do people {z} {x}; ~what happened to the {x}; ~does the {x} {z}
    ~i need a new {x}; ~send me a {x}
    ~who was {x}; ~is there a {x} near here; ~how heavy is a {x}; ~what did {x} do; ~could you {z} my {x}""")
THINGS = words(
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
    """
)
QUALITIES = words(
    """
    big small red green blue old new expensive cheap fast slow hot cold good bad funny strange
    famous heavy long
    """
)
ACTIONS = words(
    """
    buy sell fix find open close clean paint cook eat drink wash build break move send write read
    see play call watch
    """
)


def refuse(call: Call) -> None:
    """Something that no tool and no answer is there for."""
    kind = call.rng.random()
    if kind < 0.3:
        text = call.pick(FIXED)
    elif kind < 0.9 or not call.rare_words:
        text = _framed(call)
    else:
        text = " ".join(_word(call) for _ in range(call.rng.randint(2, 7)))
    call.hear(text)
    call.say(REFUSAL)


def _framed(call: Call) -> str:
    text = call.pick(FRAMES)
    rare = call.rare_words and call.chance(0.5)
    thing = call.rng.choice(rare_words()) if rare else call.rng.choice(THINGS)
    if call.chance(0.15):
        thing = f"{call.rng.choice(QUALITIES)} {thing}"
    return (
        text.replace("{x}", thing)
        .replace("{y}", call.rng.choice(QUALITIES))
        .replace("{z}", call.rng.choice(ACTIONS))
    )


def _word(call: Call) -> str:
    """Any word: a rare one half of the time."""
    return call.rng.choice(rare_words() if call.chance(0.5) else THINGS + QUALITIES + ACTIONS)
