"""The console's pages, one a module; ``agent_console.frame`` knows which there are and who may see them.

Not called ``pages``: Streamlit would list the modules of such a folder by itself.
"""
