"""Names of guests, cities and dishes: for training rare words and invented ones, for the scores common ones.

A model that saw every name in training does not learn to copy one, so the names of the training corpus are
met once or twice only. The common names, cities and dishes that the ear knows are in no training call.
"""

import functools
import random
from collections.abc import Callable
from importlib import resources
from typing import NamedTuple

from llm.demo.corpus.entities import CITIES, DISHES, MENU
from llm.demo.corpus.spoken import words

Draw = Callable[[random.Random], str]


class Source(NamedTuple):
    """Where a call's names, cities and dishes come from."""

    name: Draw
    city: Draw
    dish: Draw


COMMON = words(
    """anna peter maria john emma david laura paul sophie james linda mark susan robert karen michael
    lisa william nancy richard betty thomas sandra charles ashley joseph emily daniel donna matthew
    michelle anthony carol steven amanda andrew melissa joshua deborah kenneth stephanie kevin rebecca
    brian sharon george cynthia edward kathleen ronald amy timothy angela jason shirley jeffrey brenda
    ryan pamela jacob nicole gary katherine nicholas samantha eric christine jonathan catherine stephen
    virginia larry debra justin rachel scott janet brandon carolyn benjamin heather samuel diane gregory
    olivia frank julie alexander joyce raymond victoria patrick ruth jack lauren dennis kelly jerry
    christina tyler joan aaron evelyn jose judith henry andrea adam hannah douglas jacqueline nathan
    martha zachary gloria kyle teresa walter sara ethan janice jeremy ann harold madison carl kathryn
    keith jean roger frances arthur alice terry judy lawrence isabella sean beverly christian denise
    albert marilyn austin amber joe danielle jesse brittany willie diana billy abigail bryan jane bruce
    natalie ralph lori roy tiffany eugene alexis louis kayla wayne helen alan clara juan lucy simon
    oscar felix hugo max leo oliver lucas martin victor ivan boris igor olga tanya vera nina marta petra
    eva ida ingrid helga greta elsa astrid sven lars erik nils olaf hans klaus dieter fritz otto kurt
    werner heinz gunter wolfgang stefan ulrich carlos miguel pedro luis jorge pablo diego rafael sergio
    ricardo fernando alberto eduardo roberto enrique marco antonio giovanni luigi mario carmen rosa
    elena lucia isabel ana sofia gabriela mariana juanita consuelo pilar dolores yolanda esperanza pierre
    jacques jean michel francois andre henri claude marcel rene simone monique yvette colette brigitte
    claire margaret dorothy mildred florence edna irene ethel lillian gladys edith grace thelma bernice
    lois phyllis marjorie doris annie sally peggy molly polly penny wendy cindy mandy randy sandy andy
    tommy jimmy bobby johnny danny kenny benny lenny vinnie eddie freddie teddy charlie stanley leonard
    howard norman bernard herbert alfred clarence ernest earl melvin leroy theodore clifford wallace
    vincent leon harvey gordon marvin glenn russell craig dale dean neil derek curtis ross warren floyd
    clyde chester gilbert milton morris nelson percy quentin rupert sidney tobias vernon wilbur xavier
    yvonne zoe chloe naomi miriam leah esther judah caleb joel isaac noah gabriel julian adrian fabian
    damian lydia sylvia celia delia amelia cecilia ophelia cornelia regina paula tina gina nadia sonia
    tara sarah tracy stacy holly ivy hazel violet daisy lily iris ruby pearl opal esmeralda fiona moira
    sheila eileen maureen colleen kathy becky vicky nicky ricky mickey omar hassan ali ahmed mohammed
    fatima leila yasmin aisha karim samir tariq ravi anil sanjay vijay rajiv indira kumar priya mei ling
    chen wei kenji hiroshi akira yuki naomi keiko ming yoko tony ben sam tom tim jim bob rob ron ken
    dan matt jeff greg steve mike dave chris nick phil fred ed ted ray jay troy chad brad todd lance
    kate meg beth liz jill kim lynn dawn gail joy faith hope patty debbie maggie katie jenny jessica
    jennifer elizabeth barbara mary patricia robin leslie casey jamie shannon stuart duncan malcolm
    ian graham trevor nigel geoffrey barry clive owen rhys dylan connor liam declan brendan"""
)
HELD_OUT = frozenset((*COMMON, *CITIES, *DISHES))
FOODS = words(
    "pizza soup salad fish chicken pasta bread cheese rice beef potatoes tea juice toast sandwich cake"
)
"""What training calls know by name."""

_ONSETS = words("b c d f g h j k l m n p r s t v w y z br ch dr fr gr kr sh st th tr v z l m n r s")
_NUCLEI = words("a e i o u a e i o ai au ee ia io oo")
_CODAS = words("n l r s t m k d th x nd rt ck sh nn ll")


@functools.cache
def pronunciations() -> dict[str, tuple[str, ...]]:
    """Pronunciations (phones, spaced) by word, of the dictionary that PocketSphinx ships."""
    spoken: dict[str, tuple[str, ...]] = {}
    dictionary = resources.files("pocketsphinx") / "model" / "en-us" / "cmudict-en-us.dict"
    for line in dictionary.read_text(encoding="utf-8").splitlines():
        word, phones = line.split(maxsplit=1)
        word = word.partition("(")[0]
        spoken[word] = (*spoken.get(word, ()), phones)
    return spoken


@functools.cache
def rare_words() -> tuple[str, ...]:
    """Dictionary words of 3 to 10 letters, held-out ones excepted: most are people's or places' names."""
    return tuple(
        sorted(
            w
            for w in pronunciations()
            if w.isalpha() and w.isascii() and 3 <= len(w) <= 10 and w not in HELD_OUT
        )
    )


def invented(rng: random.Random) -> str:
    """A pronounceable name of one to four syllables that is in no list."""
    while True:
        syllables = [rng.choice(_ONSETS) + rng.choice(_NUCLEI) for _ in range(rng.choice((1, 2, 2, 3, 3, 4)))]
        if rng.random() < 0.2:
            syllables[0] = syllables[0].lstrip("bcdfghjklmnprstvwyz") or syllables[0]
        name = "".join(syllables) + (rng.choice(_CODAS) if rng.random() < 0.6 else "")
        if len(name) >= 3 and name not in HELD_OUT:
            return name


def _rare(rng: random.Random) -> str:
    """A word hardly met again."""
    return rng.choice(rare_words()) if rng.random() < 0.6 else invented(rng)


def _training_name(rng: random.Random) -> str:
    """One in twelve has a surname."""
    return f"{_rare(rng)} {rng.choice(rare_words())}" if rng.random() < 1 / 12 else _rare(rng)


def _training_dish(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.15:
        return rng.choice(FOODS)
    return rng.choice(MENU).replace("{dish}", _rare(rng))


def speakable() -> tuple[str, ...]:
    """The common names that the pronouncing dictionary has, of which the embedded ear knows the first."""
    return tuple(name for name in dict.fromkeys(COMMON) if name in pronunciations())


def one_of(every: tuple[str, ...]) -> Draw:
    """Draws one of these."""

    def draw(rng: random.Random) -> str:
        return rng.choice(every)

    return draw


def _held_out(validation: bool) -> Source:
    """A fifth of the held-out words is for validation, the rest for the scores."""

    def part(every: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(word for at, word in enumerate(dict.fromkeys(every)) if (at % 5 == 0) == validation)

    dishes = tuple(pattern.replace("{dish}", dish) for dish in part(DISHES) for pattern in MENU)
    return Source(name=one_of(part(COMMON)), city=one_of(part(CITIES)), dish=one_of(dishes))


SOURCES = {
    "train": Source(name=_training_name, city=_rare, dish=_training_dish),
    "valid": _held_out(validation=True),
    "test": _held_out(validation=False),
}
"""By split; no name, city or dish is in two of them."""
