"""How much silence is missing before a final. Pure."""


def missing_silence(heard_samples: int, speech_end_sample: int, tail_samples: int) -> int:
    """How many samples of silence to make up, so that `tail_samples` follow the end of the speech.

    What has been heard since the end of the speech counts; nothing is ever waited for.
    `speech_end_sample` is at most `heard_samples`.
    """
    return max(0, tail_samples - (heard_samples - speech_end_sample))
