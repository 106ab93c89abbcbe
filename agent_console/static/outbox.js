// What was sent from this tab and the server has not confirmed, over all conversations: sent again with the same
// key until it is. What the server refused goes back into its conversation's draft, and is told of.
import * as drafts from "./drafts.js";

const AGAIN = 6_000;
const STALE = 60_000;
const KEPT = "ponte.out";

const bus = new EventTarget();
const state = { items: read(), problems: new Map(), send: null, answered: "" };

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "[]").map((item) => ({ ...item, sent: 0 }));
  } catch {
    return [];
  }
}

function changed() {
  try {
    if (state.items.length) sessionStorage.setItem(KEPT, JSON.stringify(state.items));
    else sessionStorage.removeItem(KEPT);
  } catch {
    // The browser's storage is full or off: the list lasts as long as the page.
  }
  bus.dispatchEvent(new Event("changed"));
}

/** Call `handler()` when the list or the problems changed; returns how to stop that. */
export function follow(handler) {
  bus.addEventListener("changed", handler);
  return () => bus.removeEventListener("changed", handler);
}

/** Say who hands an item to the server, and for whom. */
export function connect(me, send) {
  state.me = me;
  state.send = send;
}

/** Send {key, me, conversation, name, mode, body, ...}. */
export function add(item) {
  state.items.push({ ...item, at: Date.now(), sent: 0 });
  changed();
  push();
}

/** What is on its way from an agent; a colleague may have used the same tab before. */
export const pending = (conversation, me) => state.items.filter((item) => item.conversation === conversation && item.me === me);

/** Send the first of the list, one at a time; again when no answer came. */
export function push() {
  const head = state.items.find((item) => item.me === state.me);
  if (!head || !state.send || Date.now() - head.sent < AGAIN) return;
  head.sent = Date.now();
  state.send(head);
}

/** Take the server's answer {key, ok, text, n}; the same one may come again. */
export function settle(outcome) {
  const name = outcome ? `${outcome.key}/${outcome.n}` : "";
  if (!outcome || state.answered === name) return;
  state.answered = name;
  const item = state.items.find((one) => one.key === outcome.key);
  if (!item) return;
  drop([item]);
  if (outcome.ok) changed();
  else refuse(item, outcome.text);
  push();
}

/** Drop what the server has stored under these keys. */
export function stored(keys) {
  const done = state.items.filter((item) => keys.includes(item.key));
  if (!done.length) return;
  drop(done);
  changed();
  push();
}

/** Give back what an agent sent so long ago that they should decide anew; `tells(name)` says so. */
export function expire(me, tells) {
  const old = state.items.filter((item) => item.me === me && Date.now() - item.at > STALE);
  drop(old);
  for (const item of old) refuse(item, tells(item.name), { whole: true });
}

function drop(items) {
  state.items = state.items.filter((item) => !items.includes(item));
}

function refuse(item, why, more = {}) {
  const { key, me, conversation, name, mode, body, original, voice } = item;
  if (mode !== "template") drafts.giveBack({ me, conversation, mode }, original ?? body, { failed: { key, mode, body, voice } });
  tell(conversation, { name, why, kept: mode !== "template", ...more });
}

/** Remember {name, why}, that something was not sent; `whole`: `why` says all. It is shown in its conversation, and elsewhere as a notice that leads there. */
export function tell(conversation, problem) {
  state.problems.set(conversation, problem);
  changed();
}

export const problemOf = (conversation) => state.problems.get(conversation) ?? null;

export const problems = () => [...state.problems].map(([conversation, problem]) => ({ conversation, ...problem }));

export function dismiss(conversation) {
  if (state.problems.delete(conversation)) changed();
}
