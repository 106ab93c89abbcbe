"""Ponte: a WhatsApp bot that hands a conversation to a human agent, and takes it back.

Start at ``ponte.domain`` for the rules, ``ponte.ports`` for what the rules need from outside,
and ``ponte.bootstrap`` for how the parts are put together.
"""

__version__ = "0.1.0"
