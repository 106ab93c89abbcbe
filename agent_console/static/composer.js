// Where the agent writes. The text lives here and in this browser's storage, so no update of the page can take
// it; a message leaves the box for a waiting list, and the list only when the server says it has it.
import { ask } from "./asking.js";
import { attachments } from "./attachments.js";
import { canned } from "./canned.js";
import { el, fill, icon, typing } from "./common.js";
import * as drafts from "./drafts.js";
import { newKey, Outbox } from "./outbox.js";
import { picker } from "./picker.js";
import { recorder } from "./recorder.js";
import { setTranslating, translating } from "./translating.js";

const MOST = 16_000;
const MODES = ["template", "reply", "note"];

function create(root) {
  const state = { mode: "reply", voice: false, draft: null, preview: null, busy: null };
  const context = () => state.data;
  const touched = () => arrange(state);
  const failed = (text) => complain(state, text);
  state.outbox = new Outbox((item) => state.send("send", item));
  state.modes = Object.fromEntries(MODES.map((mode) => [mode, modeButton(state, mode)]));
  state.why = el("p", { class: "pc-why", role: "status", hidden: true });
  state.error = el("p", { class: "pc-error pc-send-error", role: "alert", hidden: true });
  state.waiting = el("div", { class: "pc-waiting", role: "status" });
  state.text = el("textarea", { rows: "1", maxlength: String(MOST), dir: "auto", enterkeyhint: "enter" });
  state.button = el("button", { type: "button", class: "pc-send" }, icon("send"), el("span", { class: "pc-send-word" }));
  state.hint = el("span", { class: "pc-hint" });
  state.files = attachments(context, touched, failed);
  state.recorder = recorder(context, touched);
  state.picker = picker(context, touched);
  state.canned = canned(state.text, context, (body) => put(state, body));
  state.mark = el("div", { class: "pc-draft", role: "status", hidden: true });
  state.look = el("div", { class: "pc-translation", role: "group", hidden: true });
  state.tools = tools(state);
  state.write = el("div", { class: "pc-write" }, state.text, state.button);
  state.box = el(
    "div",
    { class: "pc-composer" },
    state.waiting,
    state.error,
    el("div", { class: "pc-modes", role: "group" }, ...MODES.map((mode) => state.modes[mode]), state.hint),
    state.why,
    state.mark,
    state.look,
    state.recorder.box,
    state.files.box,
    state.picker.box,
    state.canned.box,
    state.write,
    el("div", { class: "pc-tools" }, ...Object.values(state.tools), state.files.input),
  );
  root.append(state.box);
  listen(state);
  drafts.tidy();
  return state;
}

function listen(state) {
  state.text.addEventListener("input", () => {
    keep(state);
    state.error.hidden = true;
    state.failed = null;
    if (state.mode === "reply") state.canned.typed();
    typing(state.conversation, state.text.value !== "");
    arrange(state);
  });
  state.text.addEventListener("keydown", (event) => {
    if (state.canned.key(event)) return;
    const touch = window.matchMedia("(pointer: coarse)").matches;
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || touch) return;
    event.preventDefault();
    submit(state);
  });
  state.text.addEventListener("blur", () => state.canned.hide());
  state.text.addEventListener("paste", (event) => offer(state, event, event.clipboardData));
  state.box.addEventListener("dragover", (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault());
  state.box.addEventListener("drop", (event) => offer(state, event, event.dataTransfer));
  state.button.addEventListener("click", () => submit(state));
  state.timer = setInterval(() => state.outbox.push(), 1_000);
  const here = () => ({ me: state.data.me, conversation: state.conversation, mode: state.mode });
  state.unfollow = drafts.follow(here, () => {
    restore(state);
    arrange(state);
  });
}

function modeButton(state, mode) {
  return el("button", { type: "button", class: `pc-mode st-key-mode-${mode}`, onclick: () => choose(state, mode) });
}

function choose(state, mode) {
  keep(state);
  state.mode = mode;
  state.canned.hide();
  restore(state);
  arrange(state);
  if (mode !== "template") state.text.focus();
}

/** The buttons under the text. Each says what it does, and, while it cannot, why. */
function tools(state) {
  const tool = (name, symbol, onclick) => el("button", { type: "button", class: `pc-tool st-key-tool-${name}`, onclick }, icon(symbol), el("span", { class: "pc-tool-word" }));
  return {
    attach: tool("attach", "attach", () => state.files.pick()),
    record: tool("record", "audio", () => state.recorder.start()),
    canned: tool("canned", "quick", () => {
      state.text.focus();
      if (!state.text.value) put(state, "/");
      state.canned.typed();
    }),
    draft: tool("draft", "spark", () => propose(state)),
    voice: tool("voice", "speak", () => {
      state.voice = !state.voice;
      arrange(state);
    }),
    translate: tool("translate", "translate", () => {
      setTranslating(state.data.me, !translating(state.data.me));
      arrange(state);
    }),
  };
}

/** Put a text into the box, with the caret behind it. */
function put(state, body) {
  state.text.value = body;
  state.text.focus();
  state.text.setSelectionRange(body.length, body.length);
  keep(state);
  arrange(state);
}

function offer(state, event, carried) {
  const file = [...(carried?.files ?? [])][0];
  if (!file || state.mode !== "reply" || !allowed(state)) return;
  event.preventDefault();
  state.error.hidden = true;
  state.files.take(file);
}

const place = (state, mode = state.mode) => ({ me: state.data.me, conversation: state.conversation, mode });

function keep(state) {
  if (!state.conversation || state.mode === "template") return;
  const ai = state.mode === "reply" && state.text.value ? state.draft : null;
  drafts.keep(place(state), { text: state.text.value, ai });
}

function restore(state) {
  const found = state.mode === "template" ? { text: "" } : drafts.kept(place(state));
  state.text.value = found.text;
  state.draft = found.ai ?? null;
}

function allowed(state) {
  return state.mode === "note" ? state.data.may_note : state.data.may_reply;
}

function complain(state, text) {
  state.error.textContent = text;
  state.error.hidden = false;
  arrange(state);
}

async function submit(state) {
  if (state.busy || state.files.sending() || !allowed(state)) return;
  state.error.hidden = true;
  if (state.mode === "template") {
    const template = state.picker.ready();
    if (template) push(state, { mode: "template", ...template });
    return;
  }
  const body = state.text.value.trim();
  if (state.files.has()) {
    const conversation = state.conversation;
    const sent = await state.files.send(body);
    if (sent && state.conversation === conversation) empty(state);
    return;
  }
  if (!body) return;
  if (state.mode === "reply" && state.data.translate && translating(state.data.me)) await preview(state, body);
  else push(state, { mode: state.mode, body, voice: state.mode === "reply" && state.voice });
}

function push(state, item) {
  // The same text again after a failure is the same message: it may have been stored after all.
  const { failed } = state;
  const same = failed && failed.body === item.body && failed.mode === item.mode && Boolean(failed.voice) === Boolean(item.voice);
  state.outbox.add({ key: same ? failed.key : newKey(), ...item });
  state.failed = null;
  if (item.mode === "template") state.picker.enter();
  empty(state);
}

function empty(state) {
  state.text.value = "";
  state.draft = null;
  state.preview = null;
  state.voice = false;
  typing(state.conversation, false);
  if (state.mode !== "template") drafts.keep(place(state), { text: "" });
  arrange(state);
  if (state.mode !== "template") state.text.focus();
}

/** Do something slow for this conversation; what comes when another one is open is dropped. */
async function slowly(state, name, work) {
  const { conversation } = state;
  state.busy = name;
  state.error.hidden = true;
  arrange(state);
  try {
    const found = await work();
    return state.conversation === conversation ? found : null;
  } catch (refused) {
    if (state.conversation === conversation) complain(state, refused.message);
    return null;
  } finally {
    state.busy = null;
    arrange(state);
  }
}

/** Let the model write a draft. It goes into the box, beside what stands there; only the agent sends it. */
async function propose(state) {
  const found = await slowly(state, "draft", () => ask("write/draft", { conversation: state.conversation }, state.data));
  if (!found || state.mode !== "reply") return;
  const before = state.text.value.trim();
  state.draft = { sources: found.sources };
  put(state, before ? `${before}\n${found.text}` : found.text);
}

/** Show the translation before it is sent; the agent may change it. */
async function preview(state, body) {
  const found = await slowly(state, "translate", () => ask("write/preview", { conversation: state.conversation, text: body }, state.data));
  if (!found) return;
  state.preview = { original: body, ...found };
  const { texts } = state.data;
  const box = el("textarea", { rows: "3", maxlength: String(MOST), dir: "auto", "aria-label": fill(texts["translate.preview"], { language: found.language }) });
  box.value = found.text;
  const send = () => {
    const text = box.value.trim();
    if (text && allowed(state)) push(state, { mode: "reply", body: text, original: body, voice: state.voice });
  };
  const cancel = () => {
    state.preview = null;
    arrange(state);
    state.text.focus();
  };
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") cancel();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  state.look.replaceChildren(
    el("span", { class: "pc-cap" }, fill(texts["translate.preview"], { language: found.language })),
    box,
    el(
      "div",
      { class: "pc-buttons" },
      el("button", { type: "button", class: "pc-tool pc-tool-wide pc-primary st-key-translate-send", onclick: send }, icon("send"), el("span", {}, texts["translate.send"])),
      el("button", { type: "button", class: "pc-tool pc-tool-wide st-key-translate-original", onclick: () => push(state, { mode: "reply", body, voice: state.voice }) }, texts["translate.send_original"]),
      el("button", { type: "button", class: "pc-tool pc-tool-wide", onclick: cancel }, texts["translate.cancel"]),
    ),
  );
  arrange(state);
  box.focus();
}

/** Put a text that did not get through back before what was typed since. */
function giveBack(state, item) {
  if (item.mode === "template") return;
  const text = item.original ?? item.body;
  if (item.mode === state.mode) {
    state.text.value = state.text.value ? `${text}\n${state.text.value}` : text;
    keep(state);
    return;
  }
  const there = drafts.kept(place(state, item.mode));
  drafts.keep(place(state, item.mode), { ...there, text: there.text ? `${text}\n${there.text}` : text });
}

function settle(state) {
  const refused = state.outbox.settle(state.data.outcome, state.data.recent);
  if (!refused) return;
  state.failed = refused;
  giveBack(state, refused);
  state.error.textContent = `${state.data.outcome.text} ${state.data.texts["reply.draft_kept"]}`;
  state.error.hidden = false;
}

/** Another conversation: its draft, and what was on the way when the page was left. */
function enter(state) {
  state.conversation = state.data.conversation;
  state.mode = state.data.closed && state.data.may_reply ? "template" : "reply";
  state.error.hidden = true;
  state.failed = state.preview = state.draft = null;
  state.voice = false;
  state.text.value = "";
  state.recorder.leave();
  state.files.leave();
  state.picker.enter();
  state.canned.hide();
  for (const item of state.outbox.enter(state.conversation, state.data.recent)) {
    const there = drafts.kept(place(state, item.mode));
    const text = item.original ?? item.body;
    if (item.mode !== "template") drafts.keep(place(state, item.mode), { ...there, text: there.text ? `${text}\n${there.text}` : text });
  }
  restore(state);
}

function arrange(state) {
  const { texts, closed } = state.data;
  if (state.mode === "template" && !(closed && state.data.may_reply)) {
    state.mode = "reply";
    restore(state);
  }
  const { mode } = state;
  const may = allowed(state);
  state.box.classList.toggle("pc-noting", mode === "note");
  for (const [name, button] of Object.entries(state.modes)) {
    button.textContent = texts[name === "reply" && closed ? "reply.mode_later" : `reply.mode_${name}`];
    button.setAttribute("aria-pressed", String(mode === name));
    button.classList.toggle("pc-on", mode === name);
  }
  state.modes.template.hidden = !closed;
  state.modes.template.disabled = !state.data.may_reply;
  state.modes.template.title = state.data.reply ?? "";
  state.modes.note.disabled = !state.data.may_note;
  arrangeText(state, may);
  arrangeMarks(state);
  arrangeTools(state, may);
  state.picker.show(mode === "template");
  state.hint.textContent = texts[mode === "template" ? "template.hint" : mode === "reply" && may && closed ? "reply.parks" : "reply.hint"];
  state.waiting.replaceChildren(
    ...state.outbox.items.map((item) => el("span", { class: "pc-pending" }, icon("clock"), el("span", {}, texts["reply.pending"]), el("span", { class: "pc-pending-body" }, item.body))),
  );
}

function arrangeText(state, may) {
  const { texts } = state.data;
  const { mode } = state;
  const why = mode === "note" ? state.data.note : state.data.reply;
  const filed = state.files.has();
  const ask = filed ? texts["attach.caption"] : texts[mode === "note" ? "reply.note_placeholder" : "reply.placeholder"];
  const placeholder = may ? ask : (why ?? "");
  state.text.placeholder = placeholder;
  state.text.setAttribute("aria-label", placeholder);
  // A text that is there stays within reach when the conversation is taken away meanwhile.
  state.text.disabled = !may && !state.text.value;
  state.text.hidden = mode === "template";
  state.write.hidden = state.preview !== null || state.recorder.busy();
  state.why.hidden = may || !state.text.value;
  state.why.textContent = why ?? "";
  const word = texts[{ note: "reply.note_send", template: "template.send" }[mode] ?? (state.voice && !filed ? "reply.send_voice" : "reply.send")];
  const full = mode === "template" ? state.picker.ready() !== null : filed || state.text.value.trim() !== "";
  state.button.disabled = !may || !full || state.busy !== null || state.files.sending();
  state.button.title = may ? word : (why ?? "");
  state.button.lastElementChild.textContent = state.busy === "translate" ? texts["translate.busy"] : word;
  state.text.style.height = "auto";
  state.text.style.height = `${Math.min(state.text.scrollHeight + 2, 180)}px`;
}

function arrangeMarks(state) {
  const { texts } = state.data;
  state.look.hidden = state.preview === null;
  const draft = state.mode === "reply" && state.text.value ? state.draft : null;
  state.mark.hidden = !draft;
  if (!draft) return;
  const sources = draft.sources?.length ? ` ${fill(texts["draft.sources"], { list: draft.sources.join(", ") })}` : "";
  state.mark.replaceChildren(
    icon("spark"),
    el("span", {}, texts["draft.mark"], sources),
    el("button", { type: "button", class: "pc-link st-key-draft-discard", onclick: () => empty(state) }, texts["draft.discard"]),
  );
}

function arrangeTools(state, may) {
  const { data } = state;
  const reply = state.mode === "reply";
  const why = may ? null : (state.data.reply ?? "");
  const set = (name, no, { on = null, word = data.texts[`tool.${name}`], hidden = false } = {}) => {
    const button = state.tools[name];
    button.hidden = hidden || !reply;
    button.disabled = no !== null;
    button.title = no ?? word;
    button.lastElementChild.textContent = word;
    if (on !== null) button.setAttribute("aria-pressed", String(on));
    button.classList.toggle("pc-on", on === true);
  };
  const busy = state.recorder.busy() || state.preview !== null ? "" : null;
  set("attach", why ?? busy);
  set("record", why ?? busy);
  set("canned", why ?? busy);
  set("draft", why ?? data.no_aid ?? (state.busy ? "" : busy), { word: data.texts[state.busy === "draft" ? "draft.busy" : "tool.draft"] });
  set("voice", why ?? data.no_voice ?? busy, { on: state.voice });
  set("translate", data.no_aid, { on: translating(data.me), hidden: !data.translate, word: fill(data.texts["tool.translate"], { language: data.translate ?? "" }) });
}

export default function composer({ data, parentElement, setTriggerValue }) {
  parentElement.ponte ??= create(parentElement);
  const state = parentElement.ponte;
  state.data = data;
  state.send = (name, value) => setTriggerValue(name, value);
  if (state.conversation !== data.conversation) {
    if (state.conversation) drafts.keep({ me: data.me, conversation: state.conversation, mode: state.mode }, { text: state.mode === "template" ? "" : state.text.value, ai: state.draft });
    enter(state);
  }
  settle(state);
  arrange(state);
  return () => {
    clearInterval(state.timer);
    state.unfollow();
    state.recorder.leave();
  };
}
