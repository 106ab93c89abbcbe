"""Evaluations of the prompt files: conversations with what is expected of the bot in them."""
