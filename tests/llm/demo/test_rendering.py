import json
import random

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
    pieces = renderer.pieces(CALL, random.Random(1))
    assert learnt(pieces) == [rendering.tool_call("get_time", {}) + "<|im_end|>", "It is 4:05 PM.<|im_end|>"]


def test_pieces_make_the_request_that_a_server_renders_or_the_tokens_it_kept(renderer):
    messages = [{"role": "system", "content": PROMPT["system"]}, *CALL.messages]
    whole = renderer.render(messages, PROMPT["tools"])
    made = {
        renderer.served_prefix + "".join(piece.text for piece in renderer.pieces(CALL, random.Random(seed)))
        for seed in range(8)
    }
    assert made == {whole, whole.replace("</think>\n<tool_call>", "</think><tool_call>")}


def test_a_generated_answer_starts_where_a_learnt_piece_starts(renderer):
    prompt = renderer.render([rendering.SYSTEM, CALL.messages[0]], PROMPT["tools"], generate=True)
    first = renderer.pieces(CALL, random.Random(1))[0]
    assert prompt.startswith(renderer.served_prefix + first.text.rstrip("\n"))


def test_every_call_has_a_learnt_piece_for_each_whole_answer(renderer, calls):
    for call in calls:
        answers = [
            i for i, m in enumerate(call.messages) if m["role"] == "assistant" and i not in call.unscored
        ]
        pieces = learnt(renderer.pieces(call, random.Random(1)))
        assert pieces == [rendering.answer(call.messages[i]) + "<|im_end|>" for i in answers]


def test_a_templates_file_is_read_as_it_is(tmp_path):
    (tmp_path / "t.jinja").write_text("{{ messages }}")
    assert rendering.load_template(tmp_path / "t.jinja") == "{{ messages }}"
