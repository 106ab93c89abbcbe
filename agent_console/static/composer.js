// Where the agent writes. The text lives here and in sessionStorage, so no update of the page can take it;
// a message leaves the box for a waiting list, and the list only when the server says it has it.
import { el, icon } from "./common.js";

const AGAIN = 6_000;
const STALE = 60_000;
const MOST = 16_000;

function create(root) {
  const state = { mode: "reply", out: [], done: new Set() };
  state.reply = modeButton(state, "reply");
  state.note = modeButton(state, "note");
  state.why = el("p", { class: "pc-why", role: "status", hidden: true });
  state.error = el("p", { class: "pc-error pc-send-error", role: "alert", hidden: true });
  state.waiting = el("div", { class: "pc-waiting", role: "status" });
  state.text = el("textarea", { rows: "1", maxlength: String(MOST), dir: "auto", enterkeyhint: "enter" });
  state.button = el("button", { type: "button", class: "pc-send" }, icon("send"), el("span", { class: "pc-send-word" }));
  state.hint = el("span", { class: "pc-hint" });
  state.box = el(
    "div",
    { class: "pc-composer" },
    state.waiting,
    state.error,
    el("div", { class: "pc-modes", role: "group" }, state.reply, state.note, state.hint),
    state.why,
    el("div", { class: "pc-write" }, state.text, state.button),
  );
  root.append(state.box);
  state.text.addEventListener("input", () => {
    keep(state);
    state.error.hidden = true;
    arrange(state);
  });
  state.text.addEventListener("keydown", (event) => {
    const touch = window.matchMedia("(pointer: coarse)").matches;
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || touch) return;
    event.preventDefault();
    submit(state);
  });
  state.button.addEventListener("click", () => submit(state));
  state.timer = setInterval(() => push(state), 1_000);
  return state;
}

function modeButton(state, mode) {
  const choose = () => {
    keep(state);
    state.mode = mode;
    restore(state);
    arrange(state);
    state.text.focus();
  };
  return el("button", { type: "button", class: `pc-mode st-key-mode-${mode}`, onclick: choose });
}

const draftKey = (state) => `ponte.draft.${state.conversation}.${state.mode}`;
const outKey = (state) => `ponte.out.${state.conversation}`;

function keep(state) {
  if (!state.conversation) return;
  if (state.text.value) sessionStorage.setItem(draftKey(state), state.text.value);
  else sessionStorage.removeItem(draftKey(state));
}

function restore(state) {
  state.text.value = sessionStorage.getItem(draftKey(state)) ?? "";
}

function saveOut(state) {
  if (state.out.length) sessionStorage.setItem(outKey(state), JSON.stringify(state.out));
  else sessionStorage.removeItem(outKey(state));
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function allowed(state) {
  return state.mode === "note" ? state.data.may_note : state.data.may_reply;
}

function submit(state) {
  const body = state.text.value.trim();
  if (!body || !allowed(state)) return;
  // The same text again after a failure is the same message: it may have been stored after all.
  const same = state.failed?.body === body && state.failed.mode === state.mode;
  state.out.push({ key: same ? state.failed.key : newKey(), mode: state.mode, body, at: Date.now(), sent: 0 });
  saveOut(state);
  state.text.value = "";
  keep(state);
  arrange(state);
  push(state);
  state.text.focus();
}

/** Send the first of the waiting list; again with the same key when no answer came. */
function push(state) {
  const head = state.out[0];
  if (!head || Date.now() - head.sent < AGAIN) return;
  head.sent = Date.now();
  state.send("send", { ...head, conversation: state.conversation });
}

/** Put a text that did not get through back before what was typed since. */
function giveBack(state, item) {
  const mode = state.mode;
  keep(state);
  state.mode = item.mode;
  restore(state);
  state.text.value = state.text.value ? `${item.body}\n${state.text.value}` : item.body;
  keep(state);
  if (mode !== item.mode && state.out.length) {
    state.mode = mode;
    restore(state);
  }
}

function settle(state) {
  const { outcome, recent } = state.data;
  const stored = new Set(recent);
  const kept = [];
  for (const item of state.out) {
    const answered = outcome?.key === item.key;
    if (stored.has(item.key) || (answered && outcome.ok)) continue;
    if (answered) {
      state.failed = item;
      giveBack(state, item);
      state.error.textContent = `${outcome.text} ${state.data.texts["reply.draft_kept"]}`;
      state.error.hidden = false;
    } else kept.push(item);
  }
  const shorter = kept.length !== state.out.length;
  state.out = kept;
  if (shorter) {
    saveOut(state);
    push(state);
  }
}

/** Another conversation: its draft, and what was on the way when the page was left. */
function enter(state) {
  state.conversation = state.data.conversation;
  state.mode = "reply";
  state.error.hidden = true;
  state.out = JSON.parse(sessionStorage.getItem(outKey(state)) ?? "[]").map((item) => ({ ...item, sent: 0 }));
  const old = state.out.filter((item) => item.mode === "note" || Date.now() - item.at > STALE);
  const stored = new Set(state.data.recent);
  state.out = state.out.filter((item) => !old.includes(item));
  for (const item of old) if (!stored.has(item.key)) giveBack(state, item);
  saveOut(state);
  state.mode = "reply";
  restore(state);
}

function arrange(state) {
  const { texts } = state.data;
  const note = state.mode === "note";
  const may = allowed(state);
  const why = note ? state.data.note : state.data.reply;
  state.box.classList.toggle("pc-noting", note);
  for (const [button, mode] of [[state.reply, "reply"], [state.note, "note"]]) {
    button.textContent = texts[`reply.mode_${mode}`];
    button.setAttribute("aria-pressed", String(state.mode === mode));
    button.classList.toggle("pc-on", state.mode === mode);
  }
  state.note.disabled = !state.data.may_note;
  const placeholder = may ? texts[note ? "reply.note_placeholder" : "reply.placeholder"] : why ?? "";
  state.text.placeholder = placeholder;
  state.text.setAttribute("aria-label", placeholder);
  // A text that is there stays within reach when the conversation is taken away meanwhile.
  state.text.disabled = !may && !state.text.value;
  state.why.hidden = may || !state.text.value;
  state.why.textContent = why ?? "";
  const word = texts[note ? "reply.note_send" : "reply.send"];
  state.button.disabled = !may || !state.text.value.trim();
  state.button.title = may ? word : (why ?? "");
  state.button.lastElementChild.textContent = word;
  state.hint.textContent = texts[!note && may && state.data.parks ? "reply.parks" : "reply.hint"];
  state.waiting.replaceChildren(
    ...state.out.map((item) => el("span", { class: "pc-pending" }, icon("clock"), el("span", {}, texts["reply.pending"]), el("span", { class: "pc-pending-body" }, item.body))),
  );
  state.text.style.height = "auto";
  state.text.style.height = `${Math.min(state.text.scrollHeight + 2, 180)}px`;
}

export default function composer({ data, parentElement, setTriggerValue }) {
  parentElement.ponte ??= create(parentElement);
  const state = parentElement.ponte;
  state.data = data;
  state.send = (name, value) => setTriggerValue(name, value);
  if (state.conversation !== data.conversation) {
    keep(state);
    enter(state);
  }
  settle(state);
  arrange(state);
  return () => clearInterval(state.timer);
}
