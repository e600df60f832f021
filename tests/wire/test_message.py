"""A text frame becomes a message, or a refusal that says what is wrong."""

from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from asr_server.protocol import PROTOCOL, Commit, Start, parse_client_message
from wire.message import Refused, check_version, trace_ids


def refused(text: str) -> Refused:
    with pytest.raises(Refused) as caught:
        parse_client_message(text)
    return caught.value


def test_a_message_survives_the_wire():
    commit = Commit(utterance_id=1, commit_id=2, speech_end_sample=3)
    assert parse_client_message(commit.json_text()) == commit


def test_malformed_json_is_named():
    assert refused("{").code == "malformed_json"


def test_an_unknown_type_is_answered_with_the_known_ones():
    assert "'commit'" in str(refused('{"type": "shout"}'))


def test_a_message_without_a_type_is_refused():
    assert refused("{}").code == "unknown_message"


def test_a_wrong_field_is_named():
    bad = refused('{"type": "commit", "utterance_id": -1, "commit_id": 0, "speech_end_sample": 0}')
    assert str(bad).startswith("commit.utterance_id:")


def test_a_number_in_quotes_is_no_number():
    text = '{"type": "commit", "utterance_id": "1", "commit_id": 0, "speech_end_sample": 0}'
    assert refused(text).code == "invalid_message"


def test_unknown_fields_are_allowed_and_counted():
    assert (
        parse_client_message('{"type": "start", "protocol": "1.0", "mood": "good", "hat": 1}').unknown_fields
        == 2
    )


def test_none_is_left_out_on_the_wire():
    assert "traceparent" not in Start(protocol=PROTOCOL).json_text()


def test_the_minor_version_may_differ():
    check_version("1.9", "1.0")


def test_another_major_version_is_refused_with_ours():
    with pytest.raises(Refused, match=r"speaks protocol 1\.0, not 2\.0"):
        check_version("2.0", "1.0")


def test_a_traceparent_gives_its_ids():
    assert trace_ids("00-" + "a" * 32 + "-" + "b" * 16 + "-01") == ("a" * 32, "b" * 16)


@given(st.text())
def test_any_other_traceparent_is_ignored(text: str):
    assert trace_ids(text) is None


@given(st.text())
def test_any_text_is_a_message_or_refused(text: str):
    with suppress(Refused):
        parse_client_message(text)


def test_a_refusal_carries_the_ids_of_what_failed():
    failed = Refused("unknown_speech", "no such speech", speech_id=7).as_failed()
    assert '"speech_id":7' in failed.json_text()
