"""The parts of the prompts page."""
