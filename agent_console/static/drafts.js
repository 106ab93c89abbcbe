// Unsent texts: kept in this browser by agent, conversation and mode, so that a reload or another tab has them.
const PREFIX = "ponte.draft.";
const KEPT = 14 * 86_400_000;

// Where the browser's storage is full or off, a draft lasts as long as the page.
const memory = new Map();

const key = ({ me, conversation, mode }) => `${PREFIX}${me}.${conversation}.${mode}`;

/** Keep a draft {text, ...}; an empty text takes it away. */
export function keep(place, draft) {
  memory.delete(key(place));
  try {
    if (draft.text) localStorage.setItem(key(place), JSON.stringify({ ...draft, at: Date.now() }));
    else localStorage.removeItem(key(place));
  } catch {
    if (draft.text) memory.set(key(place), draft);
  }
}

/** Put a text that did not get through before what was typed since; `more` is kept beside it. */
export function giveBack(place, text, more = {}) {
  const there = kept(place);
  keep(place, { ...there, ...more, text: there.text ? `${text}\n${there.text}` : text });
}

/** The draft that is kept, or {text: ""}. */
export function kept(place) {
  if (memory.has(key(place))) return memory.get(key(place));
  try {
    const found = JSON.parse(localStorage.getItem(key(place)) ?? "null");
    return found && typeof found.text === "string" ? found : { text: "" };
  } catch {
    return { text: "" };
  }
}

/** Call `changed()` when another tab changed the draft of `place()`; returns how to stop that. */
export function follow(place, changed) {
  const listen = (event) => {
    if (event.storageArea === localStorage && event.key === key(place())) changed();
  };
  window.addEventListener("storage", listen);
  return () => window.removeEventListener("storage", listen);
}

/** Forget what nobody came back to. */
export function tidy() {
  try {
    for (const name of Object.keys(localStorage).filter((name) => name.startsWith(PREFIX))) {
      const at = JSON.parse(localStorage.getItem(name) ?? "{}").at ?? 0;
      if (Date.now() - at > KEPT) localStorage.removeItem(name);
    }
  } catch {
    // No storage: nothing to forget.
  }
}
