// Makes a page follow the server: it asks for a new run when something changed, and says when nothing comes in.
import { el } from "./common.js";
import { isOpen, looksAt, on, start } from "./wire.js";

const GAP = 250;
// What is not before the agent's eyes may come a moment later: if all tabs of all agents asked for the same change
// at once, each would wait for all the others.
const SPREAD = 600;
const QUIET = 3_000;
const RETRY = 2_000;

function create(root) {
  const state = { asked: 0, due: Infinity, n: 0, data: {} };
  state.sign = el("div", { class: "pc-offline", role: "status", hidden: true });
  root.append(state.sign);
  const ask = () => {
    state.timer = null;
    state.due = Infinity;
    state.asked = Date.now();
    state.n += 1;
    state.send("changed", { n: state.n, visible: document.visibilityState === "visible" });
  };
  state.askWithin = (delay) => {
    const due = Math.max(Date.now() + delay, state.asked + GAP);
    if (due >= state.due) return;
    clearTimeout(state.timer);
    state.due = due;
    state.timer = setTimeout(ask, due - Date.now());
  };
  state.ask = () => state.askWithin(0);
  state.show = () => {
    const text = state.silent ? state.data.offline : state.data.stale;
    state.sign.hidden = !text;
    state.sign.textContent = text ?? "";
  };
  document.addEventListener("visibilitychange", state.ask);
  const offs = [
    on("changed", ({ ids, elsewhere }) => {
      const here = !ids?.length || ids.some(looksAt);
      // A page that shows nothing of it need not look; some seconds later it does anyway.
      if (here || !elsewhere || state.data.everything) state.askWithin(here ? 0 : Math.random() * SPREAD);
    }),
    on("open", (open) => {
      clearTimeout(state.silence);
      if (open) state.silent = false;
      else state.silence = setTimeout(() => ((state.silent = true), state.show()), QUIET);
      state.show();
    }),
  ];
  state.stop = () => {
    for (const off of offs) off();
    for (const timer of [state.timer, state.silence, state.retry]) clearTimeout(timer);
    document.removeEventListener("visibilitychange", state.ask);
  };
  start();
  if (isOpen()) state.ask();
  return state;
}

export default function live({ data, parentElement, setTriggerValue }) {
  parentElement.ponte ??= create(parentElement);
  const state = parentElement.ponte;
  state.send = (name, value) => setTriggerValue(name, value);
  state.data = data;
  state.show();
  clearTimeout(state.retry);
  // The database did not answer: nothing else would ask again.
  if (typeof data.stale === "string") state.retry = setTimeout(state.ask, RETRY);
  return () => state.stop();
}
