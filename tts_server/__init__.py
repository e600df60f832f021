"""Streaming speech synthesis behind a WebSocket, and OpenAI's speech endpoint."""
