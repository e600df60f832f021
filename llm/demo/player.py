"""The demo model in llama.cpp, without a server: for scores, and to type with."""

import time
from pathlib import Path

import llama_cpp

from llm.demo import rendering

MAX_TOKENS = 160


class Player:
    """Continues prompts greedily in one llama.cpp context, keeping what it has already evaluated."""

    def __init__(self, path: Path) -> None:
        self.model = llama_cpp.Llama(
            str(path), n_ctx=4096, n_threads=1, n_threads_batch=1, n_batch=512, verbose=False
        )
        self.renderer = rendering.Renderer(self.model.metadata["tokenizer.chat_template"])
        self._kept: list[int] = []
        self._end = self.model.token_eos()
        self.generated, self.spent_s = 0, 0.0

    def encode(self, text: str) -> list[int]:
        """llama.cpp's tokens of a rendered text."""
        return self.model.tokenize(text.encode(), add_bos=False, special=True)

    def tokens(self) -> list[str]:
        """The GGUF's own tokens, as they are written there."""
        vocab = llama_cpp.llama_model_get_vocab(self.model.model)
        if vocab is None:
            raise ValueError("the model has no vocabulary")
        texts = (llama_cpp.llama_vocab_get_text(vocab, index) for index in range(self.model.n_vocab()))
        return [(text or b"").decode() for text in texts]

    def read(self, tokens: list[int]) -> None:
        """Make these the history."""
        same = 0
        while same < min(len(tokens) - 1, len(self._kept)) and tokens[same] == self._kept[same]:
            same += 1
        self.model.n_tokens = same
        self.model.eval(tokens[same:])
        self._kept = list(tokens)

    def generate(self) -> str:
        """What the model writes from here, without the end mark."""
        written: list[int] = []
        started = time.process_time()
        while len(written) < MAX_TOKENS:
            token = self.model.sample(temp=0.0, repeat_penalty=1.0)
            if token == self._end:
                break
            written.append(token)
            self.model.eval([token])
        self.spent_s += time.process_time() - started
        self.generated += len(written)
        self._kept += written
        return self.model.detokenize(written, special=True).decode(errors="replace")
