// The wire to the server: says "look again" when a conversation changed, and whether anybody looks.
import { el } from "./common.js";

const GAP = 250;
const QUIET = 3_000;

function create(root) {
  const state = { asked: 0, n: 0 };
  state.sign = el("div", { class: "pc-offline", role: "status", hidden: true });
  root.append(state.sign);
  const ask = () => {
    state.timer = null;
    state.asked = Date.now();
    state.n += 1;
    state.send("changed", { n: state.n, visible: document.visibilityState === "visible" });
  };
  state.ask = () => {
    state.timer ??= setTimeout(ask, Math.max(0, GAP - (Date.now() - state.asked)));
  };
  state.onVisible = () => state.ask();
  document.addEventListener("visibilitychange", state.onVisible);
  connect(state);
  return state;
}

function connect(state) {
  const source = new EventSource("/agent/events");
  state.source = source;
  source.addEventListener("hello", () => {
    clearTimeout(state.silence);
    state.silence = null;
    state.sign.hidden = true;
    state.ask();
  });
  source.addEventListener("changed", state.ask);
  source.addEventListener("ended", () => leave(state));
  source.addEventListener("error", () => {
    state.silence ??= setTimeout(() => (state.sign.hidden = false), QUIET);
    if (source.readyState === EventSource.CLOSED) state.retry = setTimeout(() => again(state), 2_000);
  });
}

/** The server refused the stream: because nobody is logged in any more, or because it is not up yet. */
async function again(state) {
  try {
    const answer = await fetch("/agent/_stcore/health", { cache: "no-store" });
    if (answer.status === 401) {
      leave(state);
      return;
    }
  } catch {
    // No server yet: the next try tells.
  }
  if (!state.stopped) connect(state);
}

function leave(state) {
  state.source.close();
  window.location.assign(`/agent/login${window.location.search}`);
}

export default function live({ data, parentElement, setTriggerValue }) {
  parentElement.ponte ??= create(parentElement);
  const state = parentElement.ponte;
  state.send = (name, value) => setTriggerValue(name, value);
  state.sign.textContent = data.offline;
  return () => {
    state.stopped = true;
    state.source.close();
    clearTimeout(state.timer);
    clearTimeout(state.silence);
    clearTimeout(state.retry);
    document.removeEventListener("visibilitychange", state.onVisible);
  };
}
