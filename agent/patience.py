"""How long to wait for a caller who has paused, though Smart Turn thinks that they have more to say. Pure.

By the words: a whole question is rarely followed by more of it, "my number is" always is. Silence is counted
from the end of the speech, so the wait includes the pause at which Smart Turn was asked.
"""

import re

SOON_MS = 500
"""After a whole question, or a short answer that needs no more."""
USUAL_MS = 900
"""Where the words do not tell. Pauses within sentences are mostly shorter."""

_WORDS = re.compile(r"[a-z0-9']+")


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _listed(phrases: str) -> tuple[str, ...]:
    return tuple(phrases.split(", "))


QUESTION_WORDS = _set_of(
    "what what's when when's where where's who who's whose which why how how's is are am was were do does "
    "did can could will would shall should may has have had"
)
MIN_QUESTION_WORDS = 3
"""Fewer may be the beginning of one: "what is", "can you"."""

ANSWERS = _listed(
    "yes, yes please, yeah, yep, sure, no, no thanks, no thank you, nope, okay, ok, thanks, thank you, "
    "thank you very much, hello, hi, stop, stop it, never mind, that's all, that is all, that's right, "
    "that is right, that's it, goodbye, bye, bye bye"
)
UNFINISHED = _set_of("um uh uhm er erm and or but because if the a an my your our")
DANGLING = (
    # What people say while they think,
    _set_of("um uh uhm er erm hmm mm well so")
    # conjunctions,
    | _set_of("and or but because cause since if unless until while although though than that whether")
    # prepositions,
    | _set_of("in on at for to from with without of about by into onto over under between after before")
    # articles, determiners and possessives,
    | _set_of("the a an my your our their his her its this these those some any every another")
    # and verbs that need something after them.
    | _set_of("is are was were be am i'm it's that's i'd i'll would could should will can want need have has")
)

OPEN_PHRASES = _listed(
    "i would like, i'd like, i want, i need, tell me, give me, show me, let me see, let me think, hold on, "
    "wait, one moment, just a second, i think, i mean, you know, name, number, address, can you, could you, "
    "would you, do you, how about, what about"
)
DIGITS = _set_of("zero oh one two three four five six seven eight nine double triple")
DICTATED = _set_of("number code pin account card phone zip")
"""What is told digit by digit, in groups with pauses between them."""


def patience_ms(text: str, longest_ms: int) -> int:
    """The silence after which a caller who said this has finished; at most `longest_ms`."""
    if goes_on(text):
        return longest_ms
    return min(longest_ms, SOON_MS if _is_whole(_words(text)) else USUAL_MS)


def goes_on(text: str) -> bool:
    """Whether there is more to come, by the words."""
    words = _words(text)
    if not words:
        return False
    said = " " + " ".join(words)
    return (
        words[-1] in DANGLING
        or said.endswith(tuple(f" {phrase}" for phrase in OPEN_PHRASES))
        or _dictates(words)
    )


def is_unfinished(text: str) -> bool:
    """Whether nobody ends like this, however it sounds: on "um", "and" or "the"."""
    words = _words(text)
    return bool(words) and words[-1] in UNFINISHED


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.lower().replace("’", "'"))


def _dictates(words: list[str]) -> bool:
    return (words[-1] in DIGITS or words[-1].isdigit()) and not DICTATED.isdisjoint(words)


def _is_whole(words: list[str]) -> bool:
    return " ".join(words) in ANSWERS or (len(words) >= MIN_QUESTION_WORDS and words[0] in QUESTION_WORDS)
