import json
import re
from itertools import islice

import jsonschema

from llm.demo.corpus import dialogues, knowledge, names, small_talk

SCHEMAS = {tool["function"]["name"]: tool["function"]["parameters"] for tool in dialogues.PROMPT["tools"]}
CERTAIN = """what time is it; can you help me; what is today's date; tell me a joke; thank you; goodbye
    what can you do; what is my reservation; who won the world cup"""


def called(calls):
    return [m["tool_calls"][0]["function"] for call in calls for m in call.messages if "tool_calls" in m]


def heard(calls):
    return [m["content"] for call in calls for m in call.messages if m["role"] == "user"]


def test_the_same_seed_makes_the_same_calls(calls):
    assert list(islice(dialogues.dialogues(seed=3), 300)) == calls


def test_another_seed_makes_other_calls(calls):
    assert list(islice(dialogues.dialogues(seed=4), 300)) != calls


def test_every_tool_call_is_valid_by_the_prompts_schemas(calls):
    for function in called(calls):
        jsonschema.validate(
            function["arguments"], {**SCHEMAS[function["name"]], "additionalProperties": False}
        )


def test_every_tool_is_called(calls):
    assert {function["name"] for function in called(calls)} == set(SCHEMAS)


def test_every_tool_call_has_its_result_next(calls):
    for call in calls:
        follows = [call.messages[i + 1]["role"] for i, m in enumerate(call.messages) if "tool_calls" in m]
        assert set(follows) <= {"tool"}


def test_every_result_is_a_json_object(calls):
    results = [json.loads(m["content"]) for call in calls for m in call.messages if m["role"] == "tool"]
    assert all(isinstance(result, dict) for result in results)


def test_no_training_call_has_a_held_out_name(calls):
    words = {word for text in heard(calls) for word in re.findall(r"[a-z]+", text.lower())}
    assert not words & names.HELD_OUT


def test_a_tools_argument_is_the_callers_message_to_the_letter(calls):
    for call in calls:
        for before, message in zip(call.messages, call.messages[1:], strict=False):
            if "tool_calls" in message:
                arguments = message["tool_calls"][0]["function"]["arguments"]
                assert set(arguments.values()) <= {before["content"]}


def test_what_is_missing_is_asked_for(calls):
    for call in calls:
        for at, message in enumerate(call.messages[:-1]):
            if '"missing": "' in message["content" if message["role"] == "tool" else "role"]:
                assert call.messages[at + 1]["content"].endswith("?") or at + 1 in call.unscored


def test_a_reservations_name_was_said_in_the_call(calls):
    for call in calls:
        said = " ".join(heard([call])).lower()
        results = [json.loads(m["content"]) for m in call.messages if m["role"] == "tool"]
        named = [result["name"] for result in results if "name" in result]
        assert all(part in said for name in named for part in name.lower().split())


def test_a_fact_is_read_out_to_the_letter(calls):
    for call in calls:
        for at, message in enumerate(call.messages[:-1]):
            found = json.loads(message["content"]).get("found") if message["role"] == "tool" else None
            if found and at + 1 not in call.unscored:
                expected = knowledge.NOT_KNOWN if found == "nothing" else found
                assert call.messages[at + 1]["content"] == expected


def test_what_callers_surely_try_is_in_the_corpus():
    certain = {part.strip() for line in CERTAIN.splitlines() for part in line.split(";")}
    assert certain <= set(heard(islice(dialogues.dialogues(seed=5), 4_000)))


def test_an_answer_cut_off_by_the_caller_is_not_an_example(calls):
    whole = {small_talk.GREETING, small_talk.REFUSAL, small_talk.OFFER}
    cut = [call.messages[index]["content"] for call in calls for index in call.unscored]
    assert cut
    assert not whole & set(cut)


def test_other_requests_are_refused_in_one_sentence_of_apology():
    assert small_talk.REFUSAL.startswith("I'm sorry, I can't help with that.")
