"""The script that Streamlit runs for every session and every change; all else is in modules, loaded once."""

import streamlit as st

from agent_console.cookies import COOKIE
from agent_console.frame import render

render(st.context.cookies.get(COOKIE, ""))
