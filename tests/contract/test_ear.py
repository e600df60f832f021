"""What the ear is made from and scored with comes from today's corpus."""

from itertools import islice

from asr_server.workshop.speech import sentences
from llm.demo import language_model


def test_the_sentences_it_is_scored_with_are_none_that_its_language_model_knows():
    committed = sentences()
    scored = [*committed.in_domain, *committed.in_domain_to_fit]
    assert scored == list(islice(language_model.unheard(), len(scored)))


def test_the_committed_language_model_is_what_the_recipe_makes():
    files = [language_model.DOMAIN / name for name in ("demo.lm", "demo.dict")]
    assert [path.read_text(encoding="utf-8") for path in files] == [*language_model.build()]
