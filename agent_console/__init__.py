"""The agent console: Streamlit behind a small ASGI shell that owns login, live events and headers.

It runs as its own process. In code: ``await agent_console.server.serve(settings)``. On a shell:
``uvicorn --factory agent_console.server:console --port 8501`` (give uvicorn ``--timeout-graceful-shutdown 3``
then, since only ``serve`` tells open event streams to end).

Handles for browser tests. They are CSS classes and attributes that stay:

* login page: ``input[name=email]``, ``input[name=password]``, ``button[type=submit]``; errors in
  ``[role=alert]``
* rail: ``.st-key-place-<name>`` leads to a page, ``.st-key-logout`` out; a page but the inbox draws into
  ``.st-key-page``
* queue: ``.st-key-queue-<conversation id>`` (a button), tabs
  ``.st-key-tab-waiting|mine|snoozed|all|resolved``, the number on a tab ``.pc-count``, the notice of a
  missing model ``.st-key-no-model``; search ``.st-key-search``, a hit ``.pc-hit``, the next one
  ``.st-key-next``, menus ``.st-key-bell`` and ``.st-key-filters``, the keys ``.pc-keys``, who is in a
  conversation ``.pc-here``; every alert is also the document's event ``ponte:alert``
* the strip under a conversation's head: ``select.st-key-priority``, ``.st-key-label``, ``.st-key-snooze``,
  ``.st-key-wake``, ``.st-key-reopen``
* conversation: head ``.st-key-head``, notices ``.st-key-notice``, back to the queue ``.st-key-back``
* office and prompts: a row's action ``.st-key-<action>-<row id>``, a question's answers
  ``.st-key-office-yes|no``, what came of it ``.pc-office-said``; preferences ``.st-key-me`` with
  ``select.st-key-theme`` and ``select.st-key-language``
* actions: ``.st-key-claim button``, and three pop-ups, opened by ``.st-key-transfer button``,
  ``.st-key-return button``, ``.st-key-resolve button`` and finished by ``.st-key-transfer-confirm button``,
  ``.st-key-return-confirm button``, ``.st-key-resolve-confirm button``
* transcript: ``.st-key-transcript``, a message ``.pc-msg`` with ``data-id``, ``data-status`` and
  ``data-author`` (customer, bot, agent, system), its text ``.pc-body``, retry ``.pc-retry``,
  ``.st-key-older``; the one that a search found ``.pc-pointed``, the way to missing ones ``.pc-gap``
* composer: ``.pc-composer`` with ``data-conversation``, ``.st-key-reply textarea``,
  ``.st-key-reply .pc-send``, ``.st-key-mode-reply|note``; what was not sent elsewhere ``.pc-unsent``, the way
  there ``.st-key-unsent-open``
* a button that cannot be used has ``aria-disabled`` and ``data-why``; pressed, it shows ``.pc-tip``
"""
