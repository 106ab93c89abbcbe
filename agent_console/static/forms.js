// What is typed into the pop-ups that Streamlit draws, a transfer's note and the bot's brief: kept as drafts are.
import * as drafts from "./drafts.js";

const FIELDS = { transfer: "transfer-note", return: "return-brief" };
// A field that has just come takes the server's value some moments later: it is looked at until somebody writes.
const LOOK = 200;
// What was settled, also after a new head was drawn: the server tells of it until something else is done.
let finished = "";

function write(area, text) {
  // React hears of a value only that way.
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(area, text);
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Keep what is typed for the open conversation; `context()` gives {me, id}. Returns {settle, stop}. */
export function forms(context) {
  const touched = new WeakSet();
  const place = (name, conversation = context().id) => ({ me: context().me, conversation, mode: `form-${name}` });
  const selector = (key) => `.st-key-${key}-${CSS.escape(context().id)} textarea`;

  const typed = ({ target, isTrusted }) => {
    if (!isTrusted) return;
    for (const [name, key] of Object.entries(FIELDS)) {
      if (!target.matches?.(selector(key))) continue;
      touched.add(target);
      drafts.keep(place(name), { text: target.value });
    }
  };
  // A suggestion takes the place of what was typed.
  const pressed = ({ target }) => target.closest?.(".st-key-return-suggest button") && drafts.keep(place("return"), { text: "" });
  const restore = () => {
    for (const [name, key] of Object.entries(FIELDS)) {
      const area = document.querySelector(selector(key));
      if (!area || touched.has(area)) continue;
      const { text } = drafts.kept(place(name));
      if (text && text !== area.value) write(area, text);
    }
  };
  const timer = setInterval(restore, LOOK);
  document.addEventListener("input", typed, true);
  document.addEventListener("click", pressed, true);
  return {
    /** What the server did {conversation, name, n} needs no draft any more. */
    settle(done) {
      const key = JSON.stringify(done);
      if (!done || finished === key) return;
      finished = key;
      drafts.keep(place(done.name, done.conversation), { text: "" });
    },
    stop() {
      clearInterval(timer);
      document.removeEventListener("input", typed, true);
      document.removeEventListener("click", pressed, true);
    },
  };
}
