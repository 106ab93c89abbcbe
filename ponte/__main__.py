"""``python -m ponte``."""

from ponte.cli import main

main()
