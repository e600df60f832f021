"""What the agent and its model servers share: messages, connections, limits, logs. No model words."""
