"""The embedded profile's own language model: its corpus, training, export and scores."""
