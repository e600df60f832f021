"""What is spoken of a text: no markup, no emoji, nothing that a voice would spell out or obey. Pure.

    given   "**Hi**  — see [our menu](http://x.y) 😀"
    words    Hi,       see  our  menu
             └ each keeps its given form, in which its time is told

A word is what stands between white space in the given text. Cleaning never moves a word: what goes is
blanked where it stands, so the words that are left can be told in the client's own spelling.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import accumulate

WORD_CHARACTERS = 100
"""The longest run without a space that a voice is given: espeak-ng drops what is over 160 bytes of a word.
What is over it is cut off, as nobody says it (an address, a key), or is said in several parts where the
script does not write spaces."""
SENTENCE_CHARACTERS, CLAUSE_CHARACTERS, SEGMENT_CHARACTERS = 60, 140, 200
"""Where a text may be cut: after a sentence, a clause, any word, once a segment is this long. 200 characters
are some 13 s of speech: what another caller waits for at most, and what is lost by a Cancel."""

# What markup, as a language model writes it, wraps around words. Only the markup goes.
MARKUP = re.compile(
    r"""
      ```[\w+-]{0,20}                                             # a fence, with its language
    | <!--.{0,200}?-->
    | </?[A-Za-z][\w:-]{0,30}                                     # a tag: its attributes have values, so that
      (?:\s+[\w:-]{1,30}\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[\w-]+)){0,8}   # "a <b and c> d" is none
      \s*/?>
    | !?\[(?=[^\[\]]*\]\()                                        # a link keeps its text
    | (?<=\])\([^()\s]*(?:\s+"[^"]*")?\)                          # and loses its address
    | \bhttps?://(?:www\.)?
    | ^[ \t]{0,8}(?:\#{1,6}|[-*+•>])[ \t]+                        # a heading, a bullet, a quotation
    """,
    re.VERBOSE | re.MULTILINE,
)
TIMES = re.compile(r"(?:(?<=\d)|(?<=\d\s))\*(?=\s?\d)")
DASH_BETWEEN_NUMBERS = re.compile(r"(?<=\d)[‒–—](?=\d)")

SPELLED = {
    **dict.fromkeys("‘’‚‛′", "'"),
    **dict.fromkeys("“”„‟″«»‹›", '"'),
    **dict.fromkeys("‐‑−", "-"),
    **dict.fromkeys("‒–—―", ", "),
    **dict.fromkeys("_[]{}^", " "),
    **dict.fromkeys("*`~|\\•·", ""),
    "…": "...",
}
KEPT_SYMBOLS = "°©®™"
SPEAKABLE = "+=<>×÷±%&@#/" + KEPT_SYMBOLS
UNSPOKEN_CATEGORIES = ("C", "So", "Sk", "Me")
"""Control and private characters (espeak-ng takes some as commands), emoji and their frames."""
ARROWS = range(0x2190, 0x2200)
VARIATION_SELECTORS = range(0xFE00, 0xFE10)

ABBREVIATIONS = frozenset(
    ("mr", "mrs", "ms", "dr", "st", "prof", "jr", "sr", "vs", "etc", "e.g", "i.e", "no", "fig", "a.m", "p.m")
)
SENTENCE_END = re.compile(r"[.!?。！？][)\"'\]]*$")
CLAUSE_END = re.compile(r"[,;:][)\"'\]]*$")


@dataclass(frozen=True)
class SpokenWord:
    """One word: as the client gave it, and as the voice is told to say it.

    `given` is empty for the further parts of a word that is said in several.
    """

    given: str
    spoken: str


@dataclass(frozen=True)
class Segment:
    """What the model speaks in one go: at least one word, at most SEGMENT_CHARACTERS and a word more."""

    words: tuple[SpokenWord, ...]

    @cached_property
    def text(self) -> str:
        """What the voice is told."""
        return " ".join(word.spoken for word in self.words)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The position in `text` at which each word begins."""
        ends = accumulate(len(word.spoken) + 1 for word in self.words)
        return (0, *ends)[:-1]

    @property
    def pauses(self) -> bool:
        """Whether the text ends where a speaker would pause, whatever comes next."""
        return bool(SENTENCE_END.search(self.text) or CLAUSE_END.search(self.text))


def segments(text: str) -> list[Segment]:
    """Cut a text where a speaker could pause, so that callers take turns and a Cancel is quick.

    A text with nothing to speak in it gives none.
    """
    found: list[Segment] = []
    group: list[SpokenWord] = []
    size = 0
    for word in spoken_words(text):
        if group and _may_cut(group[-1].spoken, size):
            found.append(Segment(tuple(group)))
            group, size = [], 0
        group.append(word)
        size += len(word.spoken) + 1
    if group:
        found.append(Segment(tuple(group)))
    return found


def spoken_words(text: str) -> list[SpokenWord]:
    """The words of a text that have a sound. Punctuation that stands alone joins the word before it."""
    pieces = _spoken_pieces(text)
    words: list[SpokenWord] = []
    for match in re.finditer(r"\S+", text):
        said = unicodedata.normalize("NFC", "".join(pieces[match.start() : match.end()]))
        said = " ".join(said.split())
        if _has_sound(said):
            words += _parts(match.group(), said)
        elif words and said[:1] in {",", ";", ":", ".", "!", "?"} and words[-1].spoken[-1].isalnum():
            words[-1] = replace(words[-1], spoken=words[-1].spoken + said[0])
    return words


def _spoken_pieces(text: str) -> list[str]:
    """What is said of each character, in its place."""
    pieces = [_said(character) for character in text]
    for match in TIMES.finditer(text):
        pieces[match.start()] = " times "
    for match in DASH_BETWEEN_NUMBERS.finditer(text):
        pieces[match.start()] = "-"
    for match in MARKUP.finditer(text):
        pieces[match.start() : match.end()] = [""] * (match.end() - match.start())
    return pieces


@lru_cache(maxsize=4_096)
def _said(character: str) -> str:
    if character in SPELLED:
        return SPELLED[character]
    if character in KEPT_SYMBOLS:
        return character
    category = unicodedata.category(character)
    code = ord(character)
    if category.startswith(UNSPOKEN_CATEGORIES) or code in ARROWS or code in VARIATION_SELECTORS:
        return ""
    if category[0] == "L" or category == "Nd":
        return unicodedata.normalize("NFKC", character)  # full-width and "mathematical" letters are letters
    return character


def _has_sound(said: str) -> bool:
    return any(
        character.isalnum() or character in SPEAKABLE or unicodedata.category(character) == "Sc"
        for character in said
    )


def _parts(given: str, said: str) -> Iterator[SpokenWord]:
    yield SpokenWord(given, said[:WORD_CHARACTERS].rstrip())
    if any(unicodedata.category(character) == "Lo" for character in said):
        for start in range(WORD_CHARACTERS, len(said), WORD_CHARACTERS):
            if part := said[start : start + WORD_CHARACTERS].strip():
                yield SpokenWord("", part)


def _may_cut(last: str, size: int) -> bool:
    if size >= SEGMENT_CHARACTERS:
        return True
    if size >= CLAUSE_CHARACTERS and CLAUSE_END.search(last):
        return True
    return size >= SENTENCE_CHARACTERS and _ends_sentence(last)


def _ends_sentence(word: str) -> bool:
    bare = word.rstrip("\"')]").lstrip("\"'([").removesuffix(".").lower()
    abbreviated = bare in ABBREVIATIONS or (len(bare) == 1 and bare != "i")
    return bool(SENTENCE_END.search(word)) and not (abbreviated and "." in word)
