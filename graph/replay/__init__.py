"""Past conversations through other prompt files: what the bot would have said."""
