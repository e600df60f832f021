"""Streaming speech recognition behind a WebSocket."""
