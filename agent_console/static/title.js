// The browser tab's title: what waits for the agent, in front of the page's name, whatever page it is.
import { ask, Refused } from "./asking.js";
import { on } from "./wire.js";

const SETTLE = 500;
const state = { timer: null, off: null, count: 0 };

/** Write the title. */
export function entitle(count, texts) {
  const title = count ? `(${count}) ${texts["app.title"]}` : texts["app.title"];
  if (document.title !== title) document.title = title;
}

/** Keep the title of a page that does not know the count by itself; `context()` gives {locale, texts}. */
export function follow(context) {
  if (state.off) return;
  const off = on("changed", () => {
    clearTimeout(state.timer);
    state.timer = setTimeout(() => look(context), SETTLE);
  });
  // Streamlit writes the page's name anew with each run.
  const watch = new MutationObserver(() => entitle(state.count, context().texts));
  watch.observe(document.head, { subtree: true, childList: true, characterData: true });
  state.off = () => {
    off();
    watch.disconnect();
  };
  // Nothing may change for long.
  look(context);
}

/** The page counts by itself. */
export function unfollow() {
  clearTimeout(state.timer);
  state.off?.();
  state.off = null;
}

async function look(context) {
  try {
    const { count } = await ask("read/count", {}, context());
    state.count = count;
    if (state.off) entitle(count, context().texts);
  } catch (refused) {
    // The next change asks again.
    if (!(refused instanceof Refused)) throw refused;
  }
}
