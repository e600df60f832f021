"""Write the trained demo model as a GGUF: 8-bit weights, its tokens, and its chat template.

python -m llm.demo.export --from FOLDER --to llm/demo/demo.gguf
"""

import argparse
from pathlib import Path

import gguf
import numpy as np
import torch

from llm.demo import vocabulary
from llm.demo.rendering import END, TEMPLATE

NAME = "Demo assistant (a small model trained from scratch on made-up calls; for trying the system out)"
Q8 = gguf.GGMLQuantizationType.Q8_0


def export(checkpoint: Path, tokens: list[str], into: Path) -> None:
    """Matrices become Q8_0 (their rows are multiples of its 32 weights), norms stay float32.

    Rotary channels are trained in neighbouring pairs, which is GGML's order for this architecture, so
    nothing is permuted.
    """
    kept = torch.load(checkpoint, weights_only=True, map_location="cpu")
    writer = gguf.GGUFWriter(into, "llama")
    _describe(writer, kept["shape"])
    _add_tokens(writer, tokens)
    for name, weight in kept["network"].items():
        values = weight.float().numpy()
        full_name = name if name.endswith(".weight") else f"{name}.weight"
        if values.ndim == 1:
            writer.add_tensor(full_name, values)
        else:
            writer.add_tensor(full_name, gguf.quants.quantize(np.ascontiguousarray(values), Q8), raw_dtype=Q8)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter, shape: dict) -> None:
    """Name and sizes; the embedding is the output's matrix, so there is no output tensor."""
    writer.add_name(NAME)
    writer.add_license("apache-2.0")
    writer.add_context_length(shape["context"])
    writer.add_embedding_length(shape["width"])
    writer.add_block_count(shape["layers"])
    writer.add_feed_forward_length(shape["hidden"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["kv_heads"])
    writer.add_layer_norm_rms_eps(shape["norm_eps"])
    writer.add_rope_dimension_count(shape["width"] // shape["heads"])
    writer.add_rope_freq_base(shape["rope_base"])
    writer.add_vocab_size(shape["vocab"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)


def _add_tokens(writer: gguf.GGUFWriter, tokens: list[str]) -> None:
    kinds = [_kind(token) for token in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(vocabulary.PRE)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(vocabulary.MERGE)])
    writer.add_eos_token_id(tokens.index(END))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(TEMPLATE)


def _kind(token: str) -> gguf.TokenType:
    """Specials never show in text; marks do (whoever serves the model looks for them)."""
    if token in vocabulary.SPECIALS:
        return gguf.TokenType.CONTROL
    return gguf.TokenType.USER_DEFINED if token in vocabulary.MARKS else gguf.TokenType.NORMAL


def main() -> None:
    """Export what `train` left in a folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--from", dest="folder", type=Path, required=True)
    parser.add_argument("--to", type=Path, default=Path(__file__).parent / "demo.gguf")
    options = parser.parse_args()
    tokens = vocabulary.load(options.folder / "tokens.json")
    export(options.folder / "checkpoint.pt", tokens, options.to)
    print(f"{options.to}: {options.to.stat().st_size} bytes")


if __name__ == "__main__":
    main()
