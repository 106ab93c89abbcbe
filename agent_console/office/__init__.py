"""The parts of the office page and of the prompts page: lists, forms and what comes of them."""
