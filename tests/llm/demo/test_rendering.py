import json

from llm.demo import rendering
from llm.demo.corpus.dialogues import PROMPT, Dialogue

CALL = Dialogue(
    [
        {"role": "user", "content": "what time is it"},
        {"role": "assistant", "tool_calls": [{"function": {"name": "get_time", "arguments": {}}}]},
        {"role": "tool", "content": json.dumps({"time": "4:05 PM"})},
        {"role": "assistant", "content": "It is 4:05 PM."},
        {"role": "user", "content": "thank you"},
        {"role": "assistant", "content": "You're"},
    ],
    frozenset([5]),
)


def learnt(pieces):
    return [piece.text for piece in pieces if piece.learnt]


def test_what_the_assistant_writes_is_learnt_and_nothing_else(renderer):
    written = [rendering.tool_call("get_time", {}) + "<|end|>", "It is 4:05 PM.<|end|>"]
    assert learnt(renderer.pieces(CALL)) == written


def test_pieces_make_the_request_that_a_server_renders(renderer):
    messages = [{"role": "system", "content": PROMPT["system"]}, *CALL.messages]
    pieces = "".join(piece.text for piece in renderer.pieces(CALL))
    assert renderer.served_prefix + pieces == renderer.render(messages)


def test_a_generated_answer_starts_where_a_learnt_piece_starts(renderer):
    prompt = renderer.render([rendering.SYSTEM, CALL.messages[0]], generate=True)
    assert prompt == renderer.served_prefix + renderer.pieces(CALL)[0].text


def test_every_call_has_a_learnt_piece_for_each_whole_answer(renderer, calls):
    for call in calls:
        answers = [
            i for i, m in enumerate(call.messages) if m["role"] == "assistant" and i not in call.unscored
        ]
        pieces = learnt(renderer.pieces(call))
        assert pieces == [rendering.answer(call.messages[i]) + "<|end|>" for i in answers]


def test_the_committed_model_carries_the_template(metadata):
    assert metadata["tokenizer.chat_template"] == rendering.TEMPLATE
