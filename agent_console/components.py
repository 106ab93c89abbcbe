"""The page's components: small modules in ``static/`` that draw what Python tells them.

Streamlit hands each a small loader; the module itself comes from the shell, once, cached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from agent_console import assets

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

    from agent_console.view import Plain

# Streamlit tells a run that new data overtook on its way that the component ended. It ended when it is not in
# the document any more, and then once.
_LOADER: Final = """
export default async (component) => {
  const { parentElement } = component;
  const run = {};
  parentElement.ponteRun = run;
  const module = await import(new URL("%s/%s.js", window.location.origin).href);
  if (parentElement.ponteRun !== run) return () => {};
  const end = module.default(component);
  const gone = () => {
    if (parentElement.isConnected || parentElement.ponteRun !== run) return;
    parentElement.ponteRun = null;
    end?.();
  };
  return () => {
    gone();
    setTimeout(gone, 1000);
  };
};
"""

Handler = Callable[[object], None]


def mount(name: str, key: str, data: Mapping[str, Plain], handlers: Mapping[str, Handler]) -> None:
    """Draw a component.

    Args:
        name: its module in ``static/``.
        key: its key; becomes the CSS class ``st-key-<key>``.
        data: what it draws; plain JSON.
        handlers: by event, what to call with the event's value, before the next run of the script.
    """
    arguments: dict[str, Any] = {
        f"on_{event}_change": _callback(key, event, handle) for event, handle in handlers.items()
    }
    _renderer(name)(key=key, data=dict(data), **arguments)


def _callback(key: str, event: str, handle: Handler) -> Callable[[], None]:
    def call() -> None:
        values = st.session_state[key]
        if isinstance(values, Mapping) and (value := values.get(event)) is not None:
            handle(value)

    return call


@cache
def _renderer(name: str) -> ComponentRenderer:
    return st.components.v2.component(
        f"ponte_{name}", js=_LOADER % (assets.base(), name), isolate_styles=False
    )
