"""The nodes: one file each. What a node needs from outside reaches it through ``runtime.context``."""
