"""Where the embedded ear is made and measured; nothing of it is needed to run the server."""
