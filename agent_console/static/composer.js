// Where the agent writes. The text lives here and in this browser's storage, so no update of the page can take
// it; a message leaves the box for a waiting list, and the list only when the server says it has it.
import { ask } from "./asking.js";
import { attachments } from "./attachments.js";
import { canned, holeIn } from "./canned.js";
import { el, fill, icon, typing } from "./common.js";
import * as drafts from "./drafts.js";
import * as outbox from "./outbox.js";
import { picker } from "./picker.js";
import { looking } from "./preview.js";
import { allow } from "./reasons.js";
import { recorder } from "./recorder.js";
import { toolbar } from "./tools.js";
import { translating } from "./translating.js";

const MOST = 16_000;
const MODES = ["template", "reply", "note"];

function create(root) {
  const state = { mode: "reply", voice: false, draft: null, busy: null };
  const context = () => state.data;
  const touched = () => arrange(state);
  state.modes = Object.fromEntries(MODES.map((mode) => [mode, modeButton(state, mode)]));
  state.why = el("p", { class: "pc-why", role: "status", hidden: true });
  state.error = el("p", { class: "pc-error pc-send-error", role: "alert", hidden: true });
  state.waiting = el("div", { class: "pc-waiting", role: "status" });
  state.text = el("textarea", { rows: "1", maxlength: String(MOST), dir: "auto", enterkeyhint: "enter" });
  state.button = el("button", { type: "button", class: "pc-send" }, icon("send"), el("span", { class: "pc-send-word" }));
  state.hint = el("span", { class: "pc-hint" });
  state.files = attachments(context, touched, (text) => complain(state, text));
  state.recorder = recorder(context, touched, (conversation, why) => outbox.tell(conversation, { name: state.data.name, why }));
  state.picker = picker(context, touched, ({ sid, values }) => drafts.keep(place(state, "template"), { text: Object.values(values).some((text) => text.trim()) ? sid : "", sid, values }));
  state.canned = canned(state.text, context, (body) => pick(state, body));
  state.mark = el("div", { class: "pc-draft", role: "status", hidden: true });
  state.look = looking(context, () => place(state, "translation"), MOST, {
    send: (box, original) => allowed(state) && whole(state, box) && push(state, { mode: "reply", body: box.value.trim(), original, voice: state.voice }),
    plain: (body) => push(state, { mode: "reply", body, voice: state.voice }),
    changed: touched,
    closed: () => state.text.focus(),
  });
  state.tools = toolbar(context, {
    attach: () => state.files.pick(),
    record: () => state.recorder.start(),
    canned: () => {
      state.text.focus();
      if (!state.text.value) put(state, "/");
      state.canned.typed();
    },
    draft: () => propose(state),
    voice: () => {
      state.voice = !state.voice;
      arrange(state);
    },
    changed: touched,
  });
  state.write = el("div", { class: "pc-write" }, state.text, state.button);
  state.box = el(
    "div",
    { class: "pc-composer" },
    state.waiting,
    state.error,
    el("div", { class: "pc-modes", role: "group" }, ...MODES.map((mode) => state.modes[mode]), state.hint),
    state.why,
    state.mark,
    state.look.box,
    state.recorder.box,
    state.files.box,
    state.picker.box,
    state.canned.box,
    state.write,
    el("div", { class: "pc-tools" }, ...state.tools.buttons, state.files.input),
  );
  root.append(state.box);
  listen(state);
  drafts.tidy();
  return state;
}

function listen(state) {
  state.text.addEventListener("input", () => {
    state.failed = null;
    keep(state);
    quiet(state);
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
  const here = () => place(state);
  const unfollow = drafts.follow(here, () => {
    restore(state);
    arrange(state);
  });
  const unlisten = outbox.follow(() => answered(state));
  state.stop = () => {
    unfollow();
    unlisten();
    state.recorder.leave();
  };
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

/** Put a text into the box, with the caret behind it. */
function put(state, body) {
  state.text.value = body;
  state.text.focus();
  state.text.setSelectionRange(body.length, body.length);
  keep(state);
  arrange(state);
}

/** Put a canned reply into the box; what is still to be filled in is selected. */
function pick(state, body) {
  put(state, body);
  const hole = holeIn(body);
  if (hole) state.text.setSelectionRange(...hole);
}

function offer(state, event, carried) {
  const file = [...(carried?.files ?? [])][0];
  if (!file || state.mode !== "reply" || !allowed(state)) return;
  event.preventDefault();
  quiet(state);
  state.files.take(file);
}

const place = (state, mode = state.mode) => ({ me: state.data.me, conversation: state.conversation, mode });

function keep(state) {
  if (!state.conversation || state.mode === "template") return;
  const ai = state.mode === "reply" && state.text.value ? state.draft : null;
  drafts.keep(place(state), { text: state.text.value, ai, failed: state.failed });
}

function restore(state) {
  const found = drafts.kept(place(state));
  if (state.mode === "template") state.picker.enter(found);
  state.text.value = state.mode === "template" ? "" : found.text;
  state.draft = found.ai ?? null;
  state.failed = found.failed ?? null;
}

function allowed(state) {
  return state.mode === "note" ? state.data.may_note : state.data.may_reply;
}

function complain(state, text) {
  state.error.textContent = text;
  state.error.hidden = false;
  arrange(state);
}

/** The agent goes on: what was told of the last try is known. */
function quiet(state) {
  state.error.hidden = true;
  outbox.dismiss(state.conversation);
}

/** Tell whether a text has nothing left to be filled in; else show where. */
function whole(state, box) {
  const hole = holeIn(box.value);
  if (!hole) return true;
  box.focus();
  box.setSelectionRange(...hole);
  complain(state, fill(state.data.texts["reply.hole"], { place: box.value.slice(...hole) }));
  return false;
}

async function submit(state) {
  if (!allowed(state) || (state.mode !== "note" && (state.busy || state.files.sending()))) return;
  quiet(state);
  if (state.mode === "template") {
    const template = state.picker.ready();
    if (template) push(state, { mode: "template", ...template });
    return;
  }
  const body = state.text.value.trim();
  if (state.mode === "note") {
    if (body) push(state, { mode: "note", body });
    return;
  }
  if (!whole(state, state.text)) return;
  if (state.files.has()) await sendFile(state, body);
  else if (body && state.data.translate && translating(state.data.me)) await preview(state, body);
  else if (body) push(state, { mode: "reply", body, voice: state.voice });
}

/** The file and its caption go together, and the caption's draft with them, whatever is open by then; not what was typed since. */
async function sendFile(state, caption) {
  const from = place(state);
  const { name } = state.data;
  const why = await state.files.send(caption);
  if (why) outbox.tell(from.conversation, { name, why });
  else if (drafts.kept(from).text.trim() !== caption) return;
  else if (state.conversation === from.conversation && state.mode === from.mode) empty(state);
  else drafts.keep(from, { text: "" });
}

function push(state, item) {
  // The same text again after a failure is the same message: it may have been stored after all.
  const { failed, data } = state;
  const same = failed && failed.body === item.body && failed.mode === item.mode && Boolean(failed.voice) === Boolean(item.voice);
  const key = same ? failed.key : outbox.newKey();
  outbox.add({ key, me: data.me, conversation: state.conversation, name: data.name, ...item });
  if (item.mode === "template") {
    drafts.keep(place(state, "template"), { text: "" });
    state.picker.enter();
  }
  empty(state);
}

function empty(state) {
  state.text.value = "";
  state.draft = state.failed = null;
  state.look.close();
  state.voice = false;
  typing(state.conversation, false);
  if (state.mode !== "template") drafts.keep(place(state), { text: "" });
  arrange(state);
  if (state.mode !== "template") state.text.focus();
}

/** Do something slow for this conversation; what comes when another one is open is dropped. */
async function slowly(state, name, work) {
  const { conversation } = state;
  const run = { name };
  state.busy = run;
  state.error.hidden = true;
  arrange(state);
  try {
    const found = await work();
    return state.conversation === conversation ? found : null;
  } catch (refused) {
    if (state.conversation === conversation) complain(state, refused.message);
    return null;
  } finally {
    if (state.busy === run) {
      state.busy = null;
      arrange(state);
    }
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

/** Show the translation before it is sent; the agent may change it. That of a text that has changed since is dropped. */
async function preview(state, body) {
  const found = await slowly(state, "translate", () => ask("write/preview", { conversation: state.conversation, text: body }, state.data));
  if (found && drafts.kept(place(state, "reply")).text.trim() === body) state.look.open({ original: body, ...found });
}

/** The list of what is on its way changed; what came back is in the drafts. */
function answered(state) {
  if (!state.data || state.conversation !== state.data.conversation) return;
  if (outbox.problemOf(state.conversation)?.kept && state.text.value !== drafts.kept(place(state)).text) restore(state);
  arrange(state);
}

/** What came back as not confirmed was stored after all: nothing is left to send. */
function arrived(state) {
  const { failed, text, data } = state;
  if (!failed || text.value !== failed.body || !data.recent.includes(failed.key)) return;
  text.value = "";
  state.failed = null;
  keep(state);
  outbox.dismiss(state.conversation);
}

/** Another conversation: its draft, its file, its recording, and what was told of it. */
function enter(state) {
  state.recorder.leave();
  state.conversation = state.data.conversation;
  state.box.dataset.conversation = state.conversation;
  state.mode = state.data.closed && state.data.may_reply ? "template" : "reply";
  state.error.hidden = true;
  state.busy = null;
  state.voice = false;
  state.canned.hide();
  restore(state);
  arrived(state);
  state.look.enter(drafts.kept(place(state, "reply")).text.trim());
  state.recorder.enter();
  state.files.enter();
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
  allow(state.modes.template, state.data.may_reply ? null : state.data.reply);
  allow(state.modes.note, state.data.may_note ? null : state.data.note);
  arrangeText(state, may);
  arrangeMarks(state);
  state.tools.arrange({
    reply: mode === "reply",
    why: may ? null : state.data.reply,
    occupied: state.recorder.busy() || state.look.on(),
    busy: state.busy?.name ?? null,
    voice: state.voice,
  });
  state.picker.show(mode === "template");
  state.hint.textContent = texts[mode === "template" ? "template.hint" : mode === "reply" && may && closed ? "reply.parks" : "reply.hint"];
  state.waiting.replaceChildren(
    ...outbox.pending(state.conversation, state.data.me).map((item) => el("span", { class: "pc-pending" }, icon("clock"), el("span", {}, texts["reply.pending"]), el("span", { class: "pc-pending-body" }, item.body))),
  );
}

function arrangeText(state, may) {
  const { texts } = state.data;
  const { mode } = state;
  const why = mode === "note" ? state.data.note : state.data.reply;
  const filed = mode === "reply" && state.files.has();
  const ask = filed ? texts["attach.caption"] : texts[mode === "note" ? "reply.note_placeholder" : "reply.placeholder"];
  const placeholder = may ? ask : (why ?? "");
  state.text.placeholder = placeholder;
  state.text.setAttribute("aria-label", placeholder);
  // A text that is there stays within reach when the conversation is taken away meanwhile.
  state.text.disabled = !may && !state.text.value;
  state.text.hidden = mode === "template";
  state.write.hidden = mode !== "note" && (state.look.on() || state.recorder.busy());
  state.why.hidden = may || !state.text.value;
  state.why.textContent = why ?? "";
  const word = texts[{ note: "reply.note_send", template: "template.send" }[mode] ?? (state.voice && !filed ? "reply.send_voice" : "reply.send")];
  const full = mode === "template" ? state.picker.ready() !== null : filed || state.text.value.trim() !== "";
  const held = mode !== "note" && (state.busy !== null || state.files.sending());
  state.button.disabled = !may || !full || held;
  state.button.title = may ? word : (why ?? "");
  state.button.lastElementChild.textContent = state.busy?.name === "translate" && mode === "reply" ? texts["translate.busy"] : word;
  state.text.style.height = "auto";
  state.text.style.height = `${Math.min(state.text.scrollHeight + 2, 180)}px`;
}

function arrangeMarks(state) {
  const { texts } = state.data;
  const problem = outbox.problemOf(state.conversation);
  if (problem) {
    state.error.textContent = problem.kept ? `${problem.why} ${texts["reply.draft_kept"]}` : problem.why;
    state.error.hidden = false;
  }
  state.look.show(state.mode !== "note");
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

export default function composer({ data, parentElement }) {
  parentElement.ponte ??= create(parentElement);
  const state = parentElement.ponte;
  const { conversation } = state;
  if (conversation && conversation !== data.conversation) keep(state);
  state.data = data;
  if (conversation !== data.conversation) enter(state);
  outbox.stored(data.recent);
  arrange(state);
  return () => state.stop();
}
