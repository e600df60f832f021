"""The grammar of the dialogues that the demo LLM and the embedded ear are made from."""
