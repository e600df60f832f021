"""llama.cpp in process, by its low-level API: the only module that knows it.

Each sequence has a part of the memory to itself (not `kv_unified`): an answer then costs the same
however much the other conversations have said. In one shared memory a step took 16 ms instead of 4
beside seven idle conversations of 1,500 tokens. Decoding is never aborted half-way: on a recurrent
model that leaves a state that is neither before nor after the step.
"""

import ctypes
import random
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import llama_cpp as lib
from loguru import logger

from llm.generator import ChatFormat, ModelFailed, Sampling
from llm.model import Row
from llm.settings import LlmSettings

CONTEXT_TOKENS = 8_192
"""Unless told otherwise: half an hour of conversation."""
LONGEST_RUN = 4_096
"""llama.cpp splits text with recursive regular expressions for some models: on a thread's usual stack of
8 MiB, a word of 20,000 letters was fine and one of 40,000 ended the process."""
SHOWN = (b"<think>", b"</think>", b"<tool_call>", b"</tool_call>")
"""Special tokens that are part of an answer's text; llm.answer reads them."""

Pointer = int
"""An object of the library's."""

_RUN = re.compile(rf"\S{{{LONGEST_RUN}}}|\s{{{LONGEST_RUN}}}")
_SPECIAL = lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_USER_DEFINED


class Llama:
    """A GGUF model and its memory. Raises ModelFailed where it cannot be loaded."""

    def __init__(self, settings: LlmSettings) -> None:
        _start_library()
        self.sequences = settings.conversations
        self._batch_tokens = settings.piece_tokens + settings.conversations
        self._model = _load(settings)
        self._vocab = lib.llama_model_get_vocab(self._model)
        self._read_tokens()
        needs_bos = lib.llama_vocab_get_add_bos(self._vocab)
        self._bos: int | None = lib.llama_vocab_bos(self._vocab) if needs_bos else None
        self.chat_format = self._read_chat_format(settings)
        self._context = self._open_context(settings)
        self._memory = lib.llama_get_memory(self._context)
        self.context_tokens = int(lib.llama_n_ctx_seq(self._context))
        recurrent = lib.llama_model_is_recurrent(self._model) or lib.llama_model_is_hybrid(self._model)
        self.rewinds = not recurrent
        self._batch = lib.llama_batch_init(self._batch_tokens, 0, 1)
        self._readers, self._closed = 0, False
        self._readers_changed = threading.Condition()

    def tokenise(self, text: str) -> list[int]:
        """Thread-safe. Raises ValueError for text that is not Unicode (half a surrogate pair)."""
        with self._reader():
            tokens = [token for part in self._parts(text) for token in self._tokenise(part.encode())]
        if self._bos is not None and tokens[:1] != [self._bos]:
            tokens.insert(0, self._bos)
        return tokens

    def text_of(self, token: int) -> bytes:
        """What a token adds to an answer."""
        return self._texts[token]

    def ends(self, token: int) -> bool:
        """Whether the answer ends here."""
        return lib.llama_vocab_is_eog(self._vocab, token)

    def sampler(self, sampling: Sampling) -> "LlamaSampler":
        """A new answer's choices."""
        return LlamaSampler(self._context, len(self._texts), sampling)

    def step(self, rows: Sequence[Row]) -> None:
        """Evaluate the rows. Raises ModelFailed, after which the memory must be cleared."""
        batch = self._batch
        batch.n_tokens = len(rows)
        for i, row in enumerate(rows):
            batch.token[i] = row.token
            batch.pos[i] = row.position
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = row.sequence
            batch.logits[i] = row.chooses
        status = lib.llama_decode(self._context, batch)
        if status:
            raise ModelFailed(f"llama_decode returned {status} for {len(rows)} tokens")

    def keep(self, sequence: int, tokens: int) -> bool:
        """Forget all but the first `tokens`.

        A recurrent memory refuses; the highest position shows whether it is what was asked for.
        """
        removed = lib.llama_memory_seq_rm(self._memory, sequence, tokens, -1)
        return removed and lib.llama_memory_seq_pos_max(self._memory, sequence) == tokens - 1

    def copy(self, source: int, target: int) -> None:
        """Make `target` remember all of `source`; memories of their own can only be copied whole."""
        lib.llama_memory_seq_rm(self._memory, target, -1, -1)
        lib.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def clear(self) -> None:
        """Forget everything."""
        lib.llama_memory_clear(self._memory, True)

    def close(self) -> None:
        """Free the model and its memory; waits for the threads that are tokenising."""
        with self._readers_changed:
            self._closed = True
            self._readers_changed.wait_for(lambda: not self._readers)
        lib.llama_batch_free(self._batch)
        lib.llama_free(self._context)
        lib.llama_model_free(self._model)

    @contextmanager
    def _reader(self) -> Iterator[None]:
        """While this is held, the model is not freed. Raises ModelFailed where it is freed already."""
        with self._readers_changed:
            if self._closed:
                raise ModelFailed("the model is closed")
            self._readers += 1
        try:
            yield
        finally:
            with self._readers_changed:
                self._readers -= 1
                self._readers_changed.notify()

    def _parts(self, text: str) -> Iterator[str]:
        """The text, cut inside words (or white space) that are too long to be any; see LONGEST_RUN."""
        if not _RUN.search(text):
            yield text
            return
        for part in self._specials.split(text):
            start = 0
            for run in _RUN.finditer(part):
                yield part[start : run.end()]
                start = run.end()
            yield part[start:]

    def _tokenise(self, text: bytes) -> list[int]:
        room = len(text) + 8
        tokens = (lib.llama_token * room)()
        count = lib.llama_tokenize(self._vocab, text, len(text), tokens, room, False, True)
        if count < 0:
            raise ValueError("the text cannot be tokenised")
        return tokens[:count]

    def _read_tokens(self) -> None:
        """What each token says, and which are special."""
        controls: list[str] = []
        specials: list[str] = []
        self._texts: list[bytes] = []
        for token in range(lib.llama_vocab_n_tokens(self._vocab)):
            text = self._piece(token)
            attributes = lib.llama_vocab_get_attr(self._vocab, token)
            hidden = attributes & lib.LLAMA_TOKEN_ATTR_CONTROL and text not in SHOWN
            self._texts.append(b"" if hidden else text)
            if text and hidden:
                controls.append(text.decode(errors="replace"))
            if text and attributes & _SPECIAL:
                specials.append(re.escape(text.decode(errors="replace")))
        self._controls = tuple(controls)
        self._specials = re.compile(f"({'|'.join(specials)})" if specials else "(?!)")

    def _piece(self, token: int) -> bytes:
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = lib.llama_token_to_piece(self._vocab, token, buffer, size, 0, True)
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    def _read_chat_format(self, settings: LlmSettings) -> ChatFormat:
        template = lib.llama_model_chat_template(self._model, None)
        if not template:
            raise ModelFailed(
                f"LLM_MODEL_PATH: {settings.model_path} has no chat template (tokenizer.chat_template)"
            )
        ends = (lib.llama_vocab_bos(self._vocab), lib.llama_vocab_eos(self._vocab))
        bos, eos = (self._piece(token).decode() if token >= 0 else "" for token in ends)
        return ChatFormat(template.decode(), bos, eos, self._controls)

    def _open_context(self, settings: LlmSettings) -> Pointer:
        trained = lib.llama_model_n_ctx_train(self._model)
        wanted = settings.context_tokens or min(trained, CONTEXT_TOKENS)
        if wanted > trained:
            raise ModelFailed(
                f"LLM_CONTEXT_TOKENS is {wanted}, but the model was trained for {trained}: set at most that"
            )
        params = lib.llama_context_default_params()
        params.n_ctx = wanted * self.sequences
        params.n_seq_max = self.sequences
        params.n_batch = params.n_ubatch = self._batch_tokens
        params.n_outputs_max = self.sequences  # one token is chosen a sequence and step
        params.n_threads = params.n_threads_batch = settings.threads
        params.kv_unified = False
        context = lib.llama_init_from_model(self._model, params)
        if not context:
            raise ModelFailed(
                f"no memory for LLM_CONVERSATIONS={self.sequences} with LLM_CONTEXT_TOKENS={wanted}: set less"
            )
        return context


class LlamaSampler:
    """A chain of llama.cpp's samplers."""

    def __init__(self, context: Pointer, vocabulary: int, sampling: Sampling) -> None:
        self._context = context
        self._chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        for link in _links(vocabulary, sampling):
            lib.llama_sampler_chain_add(self._chain, link)

    def choose(self, row: int) -> int:
        """The token after row `row` of the last step."""
        return lib.llama_sampler_sample(self._chain, self._context, row)

    def close(self) -> None:
        """Free the chain and its links."""
        lib.llama_sampler_free(self._chain)


def _links(vocabulary: int, wanted: Sampling) -> Iterator[Pointer]:
    if wanted.frequency_penalty or wanted.presence_penalty:
        penalties = (wanted.frequency_penalty, wanted.presence_penalty)
        yield lib.llama_sampler_init_penalties(vocabulary, wanted.max_tokens, 1.0, *penalties)
    if wanted.temperature == 0:
        yield lib.llama_sampler_init_greedy()
        return
    if wanted.top_k > 0:
        yield lib.llama_sampler_init_top_k(wanted.top_k)
    if wanted.top_p < 1:
        yield lib.llama_sampler_init_top_p(wanted.top_p, 1)
    if wanted.min_p > 0:
        yield lib.llama_sampler_init_min_p(wanted.min_p, 1)
    yield lib.llama_sampler_init_temp(wanted.temperature)
    seed = random.getrandbits(32) if wanted.seed is None else wanted.seed % 2**32
    yield lib.llama_sampler_init_dist(seed)


def _load(settings: LlmSettings) -> Pointer:
    params = lib.llama_model_default_params()
    params.n_gpu_layers = settings.gpu_layers
    model = lib.llama_model_load_from_file(str(settings.model_path).encode(), params)
    if not model:
        raise ModelFailed(
            f"LLM_MODEL_PATH: llama.cpp cannot load {settings.model_path}; the lines before this say why"
        )
    return model


@lib.llama_log_callback
def _log(level: int, text: bytes, _: ctypes.c_void_p) -> None:
    """llama.cpp's own log; it says much while it loads, and in several calls a line."""
    name = {3: "WARNING", 4: "ERROR"}.get(level, "TRACE")
    if line := text.decode(errors="replace").strip(". \n"):
        logger.log(name, "llama.cpp: {}", line)


def _start_library() -> None:
    """Once a process, whatever the number of models; both calls may be repeated."""
    lib.llama_log_set(_log, None)
    lib.llama_backend_init()
