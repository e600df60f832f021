"""A language model behind OpenAI's HTTP API."""
