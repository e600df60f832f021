"""Greedy decoding as plainly as llama.cpp allows: one sequence, one context, one token at a time."""

# pyright: reportArgumentType=false
# The bindings say that anything may be None; here a None would fail the test, as it should.

from pathlib import Path

import llama_cpp as lib
import numpy as np


class Reference:
    """Shares no code with llm/llama.py."""

    def __init__(self, path: Path) -> None:
        self._model = lib.llama_model_load_from_file(str(path).encode(), lib.llama_model_default_params())
        self._vocab = lib.llama_model_get_vocab(self._model)

    def close(self) -> None:
        lib.llama_model_free(self._model)

    def continue_greedily(self, prompt: list[int], tokens: int) -> list[int]:
        """The likeliest `tokens` tokens after the prompt, or fewer where the model ends the answer."""
        params = lib.llama_context_default_params()
        params.n_ctx, params.n_threads, params.n_threads_batch = 4096, 1, 1
        context = lib.llama_init_from_model(self._model, params)
        try:
            said: list[int] = []
            self._evaluate(context, prompt)
            while len(said) < tokens:
                count = lib.llama_vocab_n_tokens(self._vocab)
                logits = np.ctypeslib.as_array(lib.llama_get_logits_ith(context, -1), shape=(count,))
                token = int(logits.argmax())
                if lib.llama_vocab_is_eog(self._vocab, token):
                    break
                said.append(token)
                self._evaluate(context, [token])
            return said
        finally:
            lib.llama_free(context)

    def _evaluate(self, context: object, tokens: list[int]) -> None:
        array = (lib.llama_token * len(tokens))(*tokens)
        assert lib.llama_decode(context, lib.llama_batch_get_one(array, len(tokens))) == 0
