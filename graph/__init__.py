"""The LangGraph state machine of one conversation, and the worker that runs it."""
