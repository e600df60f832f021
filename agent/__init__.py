"""The conversation: hears, decides when a turn is over, answers. No torch, no weights."""
