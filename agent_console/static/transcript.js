// The conversation as a messenger shows it. Bodies are text, whatever they look like. The page brings the newest
// messages; the others are read when somebody wants them, and stay while the conversation is open.
import { ask, Refused } from "./asking.js";
import { clockOf, day, el, fill, full, icon, reconcile, time } from "./common.js";
import { shown } from "./files.js";
import { above, within } from "./particulars.js";
import { translations } from "./translated.js";

const NEAR = 80;
const TICKS = {
  queued: "clock",
  sending: "clock",
  sent: "check",
  delivered: "double",
  read: "double",
  failed: "failed",
  cancelled: "stopped",
  parked: "clock",
};
const KINDS = { audio: "audio", location: "pin" };

function create(root) {
  const state = {
    list: el("div", { class: "pc-messages", role: "log", "aria-live": "polite" }),
    older: el("button", { type: "button", class: "pc-more st-key-older", hidden: true }),
    empty: el("p", { class: "pc-empty", hidden: true }),
    problem: el("p", { class: "pc-error", role: "alert", hidden: true }),
    known: new Map(),
    fresh: el("button", { type: "button", class: "pc-fresh", hidden: true }),
  };
  state.scroll = el("div", { class: "pc-scroll pc-wall", tabindex: "0" }, state.older, state.problem, state.empty, state.list);
  root.append(el("div", { class: "pc-transcript" }, state.scroll, state.fresh));
  state.older.addEventListener("click", () => earlier(state));
  state.fresh.addEventListener("click", () => toEnd(state));
  state.atEnd = true;
  state.translations = translations(() => ({ ...state.data, messages: messages(state) }), () => draw(state));
  state.scroll.addEventListener("scroll", () => {
    // A scroll that only follows from a new height is not the agent's.
    if (state.height !== state.scroll.clientHeight) return;
    state.atEnd = distance(state) < NEAR;
    if (state.atEnd) state.fresh.hidden = true;
  }, { passive: true });
  // The height changes with the window and the head above: stay at the end if there.
  state.watch = new ResizeObserver(() => {
    state.height = state.scroll.clientHeight;
    if (state.atEnd) toEnd(state);
  });
  state.watch.observe(state.scroll);
  state.watch.observe(state.list);
  return state;
}

function distance({ scroll }) {
  return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
}

function toEnd(state) {
  state.scroll.scrollTop = state.scroll.scrollHeight;
  state.atEnd = true;
  state.fresh.hidden = true;
}

/** All that was read, in order. */
const messages = ({ known }) => [...known.values()].sort((a, b) => a.seq - b.seq);

function take(state, found) {
  for (const message of found) state.known.set(message.seq, message);
}

/** Read more: `wish` is {before}, {after} or {around}, a seq. Tells whether it came while the conversation was open. */
async function load(state, wish) {
  const { conversation } = state.data;
  if (state.loading === conversation) return false;
  state.loading = conversation;
  let why = null;
  try {
    const found = await ask("read/messages", { conversation, ...wish }, state.data);
    if (state.data.conversation === conversation) take(state, found.messages);
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    why = refused.message;
  } finally {
    state.loading = null;
  }
  if (state.data.conversation !== conversation) return false;
  state.problem.textContent = why ?? "";
  state.problem.hidden = !why;
  return !why;
}

/** What stood there stays where it is while earlier messages come above it. */
async function earlier(state) {
  if (!(await load(state, { before: String(messages(state)[0]?.seq ?? 1) }))) return;
  const bottom = state.scroll.scrollHeight - state.scroll.scrollTop;
  state.atEnd = false;
  draw(state);
  state.scroll.scrollTop = state.scroll.scrollHeight - bottom;
}

async function between(state, seq) {
  if (await load(state, { after: String(seq) })) draw(state);
}

/** Show a message that a search found: it is marked, and in the middle of the screen. */
async function point(state, seq) {
  state.pointed = seq;
  state.atEnd = false;
  if (!state.known.has(seq)) await load(state, { around: String(seq) });
  if (state.pointed !== seq) return;
  draw(state);
  state.list.querySelector(".pc-pointed")?.scrollIntoView({ block: "center" });
}

/** Act on a message; what the page does not bring is read again when it brings what came of that. */
function act(state, name, item) {
  state.again = item.seq;
  state.send(name, { id: item.id, at: Date.now() });
}

const sentence = (text) => text.replace(/^./u, (letter) => letter.toUpperCase());

function bubble(state, item) {
  const { locale, texts } = state.data;
  if (item.divider) return el("div", { class: "pc-day" }, el("span", {}, item.divider));
  if (item.gap) return el("div", {}, el("button", { type: "button", class: "pc-more pc-gap", onclick: () => between(state, item.gap) }, texts["transcript.gap"]));
  const note = item.kind === "note";
  const tick = item.tick
    ? el("span", { class: `pc-tick pc-tick-${item.status}`, title: item.tick }, icon(TICKS[item.status] ?? "clock"), el("span", { class: "pc-sr" }, item.tick))
    : null;
  const label = item.label
    ? el("span", { class: "pc-kind" }, icon(note ? "lock" : (KINDS[item.kind] ?? "file")), el("span", {}, item.label))
    : null;
  return el(
    "article",
    {
      class: `pc-msg pc-by-${item.author}${note ? " pc-note" : ""}${item.same ? " pc-same" : ""}${item.status === "cancelled" ? " pc-cancelled" : ""}${item.pointed ? " pc-pointed" : ""}`,
      "data-author": item.author,
      "data-kind": item.kind,
      "data-status": item.status,
    },
    item.who && !item.same ? el("span", { class: "pc-speaker" }, item.who, item.prompt ? el("small", { class: "pc-version" }, item.prompt) : null) : null,
    label,
    ...above(item.particulars),
    ...within(item.particulars),
    ...shown(item.files, locale, texts),
    ...spoken(item),
    ...state.translations.foot(item),
    item.sources ? el("span", { class: "pc-sources" }, fill(texts["transcript.sources"], { list: item.sources })) : null,
    el("span", { class: "pc-meta" }, el("time", { title: full(item.at, locale) }, time(item.at, locale)), tick),
    item.status === "cancelled" ? el("span", { class: "pc-fate" }, sentence(item.tick)) : null,
    item.status === "parked" ? el("span", { class: "pc-fate" }, sentence(item.tick)) : null,
    item.withdraw
      ? el("button", { type: "button", class: "pc-retry pc-withdraw", onclick: () => act(state, "withdraw", item) }, texts["delivery.withdraw"])
      : null,
    item.status === "failed" ? el("span", { class: "pc-error", role: "note" }, `${sentence(item.tick)}. ${item.error}`) : null,
    item.retry
      ? el("button", { type: "button", class: "pc-retry", onclick: () => act(state, "retry", item) }, texts["delivery.retry"])
      : null,
  );
}

/** The text of a message, or its translation in its place. */
function spoken(item) {
  const text = item.translation?.text ?? item.body;
  if (!text || text === item.particulars.choice?.text) return [];
  return [el("span", { class: "pc-body", dir: "auto" }, text)];
}

/** The messages with dividers between days and where some are missing; `same`: one goes on where the same author stopped. */
function laidOut(state) {
  const { locale, texts } = state.data;
  const items = [];
  let last = null;
  for (const message of messages(state)) {
    if (last && message.seq > last.seq + 1) {
      items.push({ id: `gap-${last.seq}`, gap: last.seq });
      last = null;
    }
    const [key, words] = day(message.at, state.clock(), locale, texts["transcript.today"], texts["transcript.yesterday"]);
    if (last?.day !== key) items.push({ id: `day-${key}-${message.seq}`, divider: words });
    const voice = `${message.author}/${message.who}/${message.prompt}/${message.kind === "note"}`;
    items.push({ ...message, pointed: message.seq === state.pointed, translation: state.translations.of(message), same: last?.day === key && last.voice === voice && message.at - last.at < 300_000 });
    last = { day: key, voice, at: message.at, seq: message.seq };
  }
  return items;
}

function draw(state) {
  const end = state.atEnd;
  reconcile(state.list, laidOut(state), (item) => bubble(state, item));
  state.older.hidden = (messages(state)[0]?.seq ?? 1) <= 1;
  if (end) toEnd(state);
}

export default function transcript({ data, parentElement, setTriggerValue }) {
  parentElement.ponte ??= create(parentElement);
  const state = parentElement.ponte;
  const before = state.data;
  state.data = data;
  state.clock = clockOf(data.now);
  state.send = (name, value) => setTriggerValue(name, value);
  const other = before?.conversation !== data.conversation;
  if (other) {
    state.known.clear();
    state.pointed = state.again = null;
    state.problem.hidden = true;
  }
  take(state, data.messages);
  if (state.again && !data.messages.some(({ seq }) => seq === state.again)) load(state, { around: String(state.again) }).then((came) => came && draw(state));
  state.again = null;
  state.scroll.setAttribute("aria-label", data.texts["transcript.label"]);
  state.older.textContent = data.texts["transcript.older"];
  state.empty.textContent = data.texts["transcript.empty"];
  state.empty.hidden = state.known.size > 0;
  const stay = !other && !state.atEnd;
  const newest = data.messages.at(-1);
  const news = newest && !other && before.messages.at(-1)?.id !== newest.id;
  draw(state);
  if (!stay || (news && newest.author === "agent")) toEnd(state);
  else if (news) {
    state.fresh.replaceChildren(icon("down"), data.texts["transcript.new"]);
    state.fresh.hidden = false;
  }
  if (data.at && state.at !== data.at.n) {
    state.at = data.at.n;
    point(state, data.at.seq);
  }
  state.translations.work();
  return () => {
    state.watch.disconnect();
    state.translations.stop();
  };
}
