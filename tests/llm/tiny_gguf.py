"""Tiny models for tests: real GGUF files of real architectures, with random weights. They say nonsense.

The greedy answer of such a model is still one definite answer, and that is what tests compare. Unless
asked to, they never stop by themselves.
"""

from pathlib import Path

import gguf
import numpy as np

SPECIALS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
)
WORDS = (
    " the",
    " time",
    " table",
    " is",
    " what",
    " you",
    " can",
    " and",
    "ing",
    " weather",
    "user",
    "assistant",
)

# A chat template of our own in the manner of ChatML: short, and with the parts that tests look at.
TEMPLATE = """\
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.role == 'system' and tools %}{{- tools | tojson + '\\n' }}{% endif %}
{%- if message.role == 'assistant' %}{{- '<think></think>' }}{% endif %}
{{- message.content | default('', true) | trim }}
{%- for call in message.tool_calls or [] %}
{{- '<tool_call>\\n<function=' + call.function.name + '>\\n' }}
{%- for name, value in call.function.arguments | items %}
{{- '<parameter=' + name + '>\\n' + value | string + '\\n</parameter>\\n' }}
{%- endfor %}
{{- '</function>\\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' + ('<think>\\n' if enable_thinking else '<think></think>') }}
{%- endif %}
"""


def byte_texts() -> list[str]:
    """GPT-2's printable stand-in for each byte, in the order of the bytes.

    Bytes that print stand for themselves; the others follow from U+0100 on.
    """
    prints = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = iter(range(0x100, 0x200))
    return [chr(byte) if byte in prints else chr(next(hidden)) for byte in range(256)]


def vocabulary() -> tuple[list[str], list[str]]:
    """(tokens, merges): the bytes, and what leads from them to a few words."""
    texts = byte_texts()
    tokens, merges = list(texts), list[str]()
    for word in WORDS:
        left, *letters = (texts[byte] for byte in word.encode())
        for letter in letters:
            if (merged := left + letter) not in tokens:
                tokens.append(merged)
                merges.append(f"{left} {letter}")
            left = merged
    return tokens, merges


def write_vocabulary(writer: gguf.GGUFWriter, pre: str) -> int:
    """Add the tokenizer and the chat template; the number of tokens."""
    tokens, merges = vocabulary()
    kinds = [gguf.TokenType.NORMAL] * len(tokens)
    kinds += [gguf.TokenType.CONTROL] * 3 + [gguf.TokenType.USER_DEFINED] * 4
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([*tokens, *SPECIALS])
    writer.add_token_types([int(kind) for kind in kinds])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(len(tokens))
    writer.add_eos_token_id(len(tokens) + 2)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    return len(kinds)


class Weights:
    """Adds random tensors, scaled so that the next token's chances are uneven."""

    def __init__(self, writer: gguf.GGUFWriter, seed: int) -> None:
        self._writer = writer
        self._rng = np.random.default_rng(seed)

    def add(self, name: str, values: np.ndarray) -> None:
        self._writer.add_tensor(name, values.astype(np.float32))

    def random(self, name: str, *shape: int, scale: float = 0.0) -> None:
        self.add(name, self._rng.standard_normal(shape) * (scale or 2 / np.sqrt(shape[-1])))

    def ones(self, name: str, *shape: int) -> None:
        self.add(name, np.ones(shape))

    def ends(self, vocabulary: int, width: int, *, stops: bool) -> None:
        """What stands before and after the layers. Without `stops`, special tokens are never likely."""
        self.random("token_embd.weight", vocabulary, width, scale=1.0)
        self.ones("output_norm.weight", width)
        output = self._rng.standard_normal((vocabulary, width)) * 2 / np.sqrt(width)
        output[-len(SPECIALS) :] *= stops
        self.add("output.weight", output)

    def attention(self, layer: str, width: int, heads: int, kv_heads: int, head_width: int) -> None:
        self.random(layer + "attn_q.weight", heads * head_width, width)
        self.random(layer + "attn_k.weight", kv_heads * head_width, width)
        self.random(layer + "attn_v.weight", kv_heads * head_width, width)
        self.random(layer + "attn_output.weight", width, heads * head_width)


def _begin(path: Path, architecture: str, width: int, layers: int, pre: str) -> tuple[gguf.GGUFWriter, int]:
    writer = gguf.GGUFWriter(path, architecture)
    vocabulary = write_vocabulary(writer, pre)
    writer.add_context_length(4096)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_vocab_size(vocabulary)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(0)
    return writer, vocabulary


def _finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_llama(path: Path, *, seed: int = 0, pre: str = "gpt-2", stops: bool = False) -> Path:
    """A llama with random weights: plain attention, whose memory rewinds."""
    width, heads, kv_heads, hidden, layers = 64, 4, 2, 128, 2
    writer, vocabulary = _begin(path, "llama", width, layers, pre)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_feed_forward_length(hidden)
    writer.add_rope_dimension_count(width // heads)
    weights = Weights(writer, seed)
    weights.ends(vocabulary, width, stops=stops)
    for layer in (f"blk.{i}." for i in range(layers)):
        weights.ones(layer + "attn_norm.weight", width)
        weights.ones(layer + "ffn_norm.weight", width)
        weights.attention(layer, width, heads, kv_heads, width // heads)
        weights.random(layer + "ffn_gate.weight", hidden, width)
        weights.random(layer + "ffn_up.weight", hidden, width)
        weights.random(layer + "ffn_down.weight", width, hidden)
    _finish(writer)
    return path


def write_nemotron(path: Path, *, seed: int = 1, pattern: str = "ME*E", stops: bool = False) -> Path:
    """A nemotron_h_moe with random weights: Mamba-2, experts and attention, whose memory does not rewind.

    `pattern` has M for a Mamba-2 layer, E for experts, * for attention. llama.cpp tells a layer's kind
    from two per-layer arrays: key-value heads above 0 mean attention, a feed-forward length experts.
    """
    width, heads, kv_heads, head_width, hidden = 64, 4, 2, 16, 32
    writer, vocabulary = _begin(path, "nemotron_h_moe", width, len(pattern), "gpt-2")
    writer.add_layer_norm_eps(1e-5)
    writer.add_head_count(heads)
    writer.add_head_count_kv([kv_heads if kind == "*" else 0 for kind in pattern])
    writer.add_feed_forward_length([hidden if kind == "E" else 0 for kind in pattern])
    writer.add_key_length(head_width)
    writer.add_value_length(head_width)
    writer.add_rope_dimension_count(head_width)
    _describe_mamba(writer)
    _describe_experts(writer, hidden)
    weights = Weights(writer, seed)
    weights.ends(vocabulary, width, stops=stops)
    for i, kind in enumerate(pattern):
        layer = f"blk.{i}."
        weights.ones(layer + "attn_norm.weight", width)
        if kind == "M":
            _add_mamba(weights, layer, width)
        elif kind == "E":
            _add_experts(weights, layer, width, hidden)
        else:
            weights.attention(layer, width, heads, kv_heads, head_width)
    _finish(writer)
    return path


STATE_HEADS, INNER, STATE, GROUPS, CONVOLUTION = 8, 64, 16, 2, 4
EXPERTS, EXPERTS_USED = 4, 2


def _describe_mamba(writer: gguf.GGUFWriter) -> None:
    writer.add_ssm_conv_kernel(CONVOLUTION)
    writer.add_ssm_inner_size(INNER)
    writer.add_ssm_state_size(STATE)
    writer.add_ssm_time_step_rank(STATE_HEADS)
    writer.add_ssm_group_count(GROUPS)


def _describe_experts(writer: gguf.GGUFWriter, hidden: int) -> None:
    writer.add_expert_count(EXPERTS)
    writer.add_expert_used_count(EXPERTS_USED)
    writer.add_expert_feed_forward_length(hidden)
    writer.add_expert_shared_feed_forward_length(hidden)
    writer.add_expert_shared_count(1)
    writer.add_expert_group_count(1)
    writer.add_expert_weights_norm(True)
    writer.add_expert_weights_scale(2.5)
    writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)


def _add_mamba(weights: Weights, layer: str, width: int) -> None:
    convolved = INNER + 2 * GROUPS * STATE
    weights.random(layer + "ssm_in.weight", INNER + convolved + STATE_HEADS, width)
    weights.random(layer + "ssm_conv1d.weight", convolved, CONVOLUTION, scale=0.5)
    weights.random(layer + "ssm_conv1d.bias", convolved, scale=0.1)
    weights.random(layer + "ssm_dt.bias", STATE_HEADS, scale=1.0)
    weights.add(layer + "ssm_a", -np.linspace(0.5, 2.0, STATE_HEADS).reshape(-1, 1))
    weights.ones(layer + "ssm_d", STATE_HEADS, 1)
    weights.ones(layer + "ssm_norm.weight", GROUPS, INNER // GROUPS)
    weights.random(layer + "ssm_out.weight", width, INNER)


def _add_experts(weights: Weights, layer: str, width: int, hidden: int) -> None:
    weights.random(layer + "ffn_gate_inp.weight", EXPERTS, width)
    weights.random(layer + "exp_probs_b.bias", EXPERTS, scale=0.1)
    weights.random(layer + "ffn_up_exps.weight", EXPERTS, hidden, width)
    weights.random(layer + "ffn_down_exps.weight", EXPERTS, width, hidden)
    weights.random(layer + "ffn_up_shexp.weight", hidden, width)
    weights.random(layer + "ffn_down_shexp.weight", width, hidden)
