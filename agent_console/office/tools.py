"""What the parts share: running an act, telling what came of it, lists, and one form at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final, TypeVar

import streamlit as st

from agent_console.actions import Actions
from agent_console.bridge import Bridge
from agent_console.components import mount
from agent_console.i18n import Catalogue
from ponte.domain.agent import Agent
from ponte.errors import Conflict, NotFound, PonteError, StoreUnavailable

if TYPE_CHECKING:
    from agent_console.view import Plain

Act = Callable[[Agent], Awaitable[str]]
T = TypeVar("T")

_NOTICE: Final = "office-notice"
_EDIT: Final = "office-edit"
_ASK: Final = "office-ask"
_KEPT: Final = "office-kept"
_OPENED: Final = "office-opened"
_TYPED: Final = "office-typed"
_PLACE: Final = "office-place"
# What the keys of fields begin with; no button's does.
_FIELDS: Final = ("canned-", "label-", "disposition-", "name-", "role-", "new-", "try-text")
_ACT_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Words:
    """The keys of what to say when an act fails.

    Args:
        bad_input: what was typed cannot be used.
        bad_state: it is not allowed now.
        conflict: somebody else has it, or was first.
        missing: it is not there.
    """

    bad_input: str = "fail.input"
    bad_state: str = "office.fail.state"
    conflict: str = "fail.conflict"
    missing: str = "fail.not_found"


_WORDS: Final = Words()


class Tools:
    """One run of a page's part.

    Args:
        bridge: to the shell.
        token: the session token of whoever looks.
        agent: who that is.
        say: the words.
    """

    def __init__(self, bridge: Bridge, token: str, agent: Agent, say: Catalogue) -> None:
        self.bridge = bridge
        self.ponte = bridge.ponte
        self.token = token
        self.agent = agent
        self.say = say
        self.state = st.session_state
        # The session's: a question's act was made by an earlier run than the one that does it.
        self._kept: dict[str, object] = self.state.setdefault(_KEPT, {})

    def enter(self, place: str) -> None:
        """Begin to draw a page's part; what another part asked, told or had open is not for this one."""
        if self.state.get(_PLACE) != place:
            self.close()
            self.state.pop(_ASK, None)
            self.state.pop(_NOTICE, None)
        self.state[_PLACE] = place

    def do(self, act: Act, words: Words = _WORDS, timeout_s: float = _ACT_S) -> bool:
        """Run an act as whoever is logged in now; its text, or why it failed, is told in the page.

        The act runs in the shell's thread: it must not touch the session's state. See ``keep``.
        """
        self._kept.clear()
        try:
            text = self.bridge.run(self._attempt(act), timeout_s)
        except Conflict:
            return self._fail(self.say(words.conflict))
        except NotFound:
            return self._fail(self.say(words.missing))
        except StoreUnavailable:
            return self._fail(self.say("fail.unavailable"))
        except PonteError as error:
            actions = Actions(self.ponte, self.token, self.say)
            return self._fail(self.bridge.run(actions.words(error, words.bad_input, words.bad_state)))
        self.state[_NOTICE] = ("good", text)
        for key, value in self._kept.items():
            self.state[key] = value
        self._kept.clear()
        self.state.pop(_ASK, None)
        return True

    def keep(self, key: str, value: object) -> None:
        """Have an act's result put into the session's state when the act is done."""
        self._kept[key] = value

    async def _attempt(self, act: Act) -> str:
        return await act(await self.ponte.accounts.who(self.token))

    def _fail(self, text: str) -> bool:
        self.state[_NOTICE] = ("bad", text)
        return False

    def tell(self) -> None:
        """Draw what came of the last act, once."""
        told = self.state.pop(_NOTICE, None)
        if told and told[1]:
            bad = " pc-office-bad" if told[0] == "bad" else ""
            role = "alert" if bad else "status"
            st.html(f'<p class="pc-office-said{bad}" role="{role}">{escape(told[1])}</p>')

    def title(self, key: str, lead: str | None = None) -> None:
        """Draw a part's heading, and a sentence on what it is for."""
        below = f'<p class="pc-office-lead">{escape(self.say(lead))}</p>' if lead else ""
        st.html(f'<h2 class="pc-office-h2">{escape(self.say(key))}</h2>{below}')

    def editing(self, part: str) -> str | None:
        """Return what the form of a part is open for: an id, empty for a new one; None when it is closed."""
        opened = self.state.get(_EDIT)
        return opened[1] if opened and opened[0] == part else None

    def edit(self, part: str, item_id: str = "") -> None:
        """Open the form of a part."""
        if self.editing(part) != item_id:
            self.close()
        self.state[_EDIT] = (part, item_id)
        self.state.pop(_ASK, None)

    def close(self) -> None:
        """Close the form."""
        for key in (_EDIT, _OPENED, _TYPED):
            self.state.pop(key, None)

    def opened(self, one: T) -> T:
        """Return what the form was opened for, as it was then; ``one`` is what it is now.

        Only what differs from it was changed in the form: the rest may be a colleague's newer work.
        """
        first: T = self.state.setdefault(_OPENED, one)
        return first

    def begin(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return what the fields hold at first, by their keys: what was typed before the database was away.

        It is for the fields' own ``value``: one that a run puts into the state may never reach the browser.

        Args:
            values: what they hold where nothing was typed.
        """
        return {**values, **self.state.get(_TYPED, {})}

    def add_button(self, part: str, key: str) -> None:
        """Draw the button that opens the form for a new one."""
        st.button(
            self.say(key), key=f"office-add-{part}", icon=":material/add:", on_click=self.edit, args=(part,)
        )

    def form(self, part: str, title: str) -> AbstractContextManager[Any]:
        """Draw the frame of a form; the caller draws the fields into it and ends with ``buttons``."""
        with st.container(key="office-form", gap="small"):
            st.html(f'<h3 class="pc-office-h2">{escape(self.say(title))}</h3>')
            return st.form(f"office-{part}", border=False, enter_to_submit=False)

    def buttons(self, save: Callable[[], None], key: str = "office.save") -> None:
        """Draw a form's buttons."""
        with st.container(horizontal=True, gap="small"):
            st.form_submit_button(self.say(key), key="office-save", type="primary", on_click=save)
            st.form_submit_button(self.say("office.cancel"), key="office-cancel", on_click=self.close)

    def ask(self, question: str, act: Act, words: Words = _WORDS, done: str = "office.confirm") -> None:
        """Ask before an act; the question is drawn by ``asked``."""
        self.state[_ASK] = (question, act, words, done)

    def asked(self) -> None:
        """Draw the question that waits, with its two answers."""
        waiting = self.state.get(_ASK)
        if waiting is None:
            return
        question, act, words, done = waiting
        with st.container(key="office-confirm", gap="small"):
            st.html(f'<p class="pc-office-lead" role="alert">{escape(question)}</p>')
            with st.container(horizontal=True, gap="small"):
                st.button(
                    self.say(done), key="office-yes", type="primary", on_click=self._yes, args=(act, words)
                )
                st.button(self.say("office.cancel"), key="office-no", on_click=self._no)

    def _yes(self, act: Act, words: Words) -> None:
        self.state.pop(_ASK, None)
        self.do(act, words)

    def _no(self) -> None:
        self.state.pop(_ASK, None)

    def grid(
        self,
        key: str,
        columns: Sequence[tuple[str, str]],
        rows: Sequence[Plain],
        *,
        empty: str,
        on_act: Callable[[str, str], None] | None = None,
        on_more: Callable[[], None] | None = None,
        wide: Sequence[str] = (),
    ) -> None:
        """Draw a list.

        Args:
            key: names the component.
            columns: of each the id, and the key of its heading.
            rows: see ``static/grid.js``.
            empty: the key of what to say when there are none.
            on_act: gets the id of a row and of its action.
            on_more: shows more rows; None when there are no more.
            wide: the columns of long texts.
        """
        say = self.say
        heads: list[Plain] = [{"id": i, "label": say(label), "wide": i in wide} for i, label in columns]

        def act(value: object) -> None:
            if on_act is not None and isinstance(value, Mapping):
                on_act(str(value.get("row", "")), str(value.get("action", "")))

        def more(_: object) -> None:
            if on_more is not None:
                on_more()

        data: dict[str, Plain] = {
            "locale": say.locale,
            "columns": heads,
            "rows": list(rows),
            "caption": say(f"office.part.{key}") if f"office.part.{key}" in say.words else key,
            "empty": say(empty),
            "actions": say("office.actions") if on_act is not None else None,
            "more": say("office.more") if on_more is not None else None,
        }
        mount("grid", f"grid-{key}", data, {"act": act, "more": more})


def keep_typed(state: MutableMapping[Any, Any]) -> None:
    """Keep what fields hold: Streamlit forgets it while they are not drawn. See ``Tools.begin``."""
    typed = {key: state[key] for key in list(state) if str(key).startswith(_FIELDS)}
    if typed:
        state[_TYPED] = {**state.get(_TYPED, {}), **typed}


def action(name: str, label: str, why: str | None = None, *, bad: bool = False) -> Plain:
    """Return an action of a row; ``why`` says why it cannot be done now."""
    return {"id": name, "label": label, "why": why, "bad": bad}
