// The conversation as a messenger shows it. Bodies are text, whatever they look like.
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
    fresh: el("button", { type: "button", class: "pc-fresh", hidden: true }),
  };
  state.scroll = el("div", { class: "pc-scroll pc-wall", tabindex: "0" }, state.older, state.empty, state.list);
  root.append(el("div", { class: "pc-transcript" }, state.scroll, state.fresh));
  state.older.addEventListener("click", () => state.send("older", true));
  state.fresh.addEventListener("click", () => toEnd(state));
  state.atEnd = true;
  state.translations = translations(() => state.data, () => draw(state));
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

const sentence = (text) => text.replace(/^./u, (letter) => letter.toUpperCase());

function bubble(state, item) {
  if (item.divider) return el("div", { class: "pc-day" }, el("span", {}, item.divider));
  const { locale, texts } = state.data;
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
      class: `pc-msg pc-by-${item.author}${note ? " pc-note" : ""}${item.same ? " pc-same" : ""}${item.status === "cancelled" ? " pc-cancelled" : ""}`,
      "data-author": item.author,
      "data-kind": item.kind,
      "data-status": item.status,
    },
    item.who && !item.same ? el("span", { class: "pc-speaker", title: item.prompt ?? null }, item.who) : null,
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
      ? el("button", { type: "button", class: "pc-retry pc-withdraw", onclick: () => state.send("withdraw", { id: item.id, at: Date.now() }) }, texts["delivery.withdraw"])
      : null,
    item.status === "failed" ? el("span", { class: "pc-error", role: "note" }, `${sentence(item.tick)}. ${item.error}`) : null,
    item.retry
      ? el("button", { type: "button", class: "pc-retry", onclick: () => state.send("retry", { id: item.id, at: Date.now() }) }, texts["delivery.retry"])
      : null,
  );
}

/** The text of a message, or its translation in its place. */
function spoken(item) {
  const text = item.translation?.text ?? item.body;
  if (!text || text === item.particulars.choice?.text) return [];
  return [el("span", { class: "pc-body", dir: "auto" }, text)];
}

/** The messages with dividers between days; `same` when one goes on where the same author stopped. */
function laidOut(state) {
  const { messages, locale, texts } = state.data;
  const items = [];
  let last = null;
  for (const message of messages) {
    const [key, words] = day(message.at, state.clock(), locale, texts["transcript.today"], texts["transcript.yesterday"]);
    if (last?.day !== key) items.push({ id: `day-${key}`, divider: words });
    const voice = `${message.author}/${message.who}/${message.kind === "note"}`;
    items.push({ ...message, translation: state.translations.of(message), same: last?.day === key && last.voice === voice && message.at - last.at < 300_000 });
    last = { day: key, voice, at: message.at };
  }
  return items;
}

function draw(state) {
  const end = state.atEnd;
  reconcile(state.list, laidOut(state), (item) => bubble(state, item));
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
  const stay = !other && !state.atEnd;
  const first = data.messages[0]?.id;
  const grewAbove = stay && before.messages[0]?.id !== first;
  const bottom = state.scroll.scrollHeight - state.scroll.scrollTop;
  state.scroll.setAttribute("aria-label", data.texts["transcript.label"]);
  state.older.textContent = data.texts["transcript.older"];
  state.older.hidden = !data.older;
  state.empty.textContent = data.texts["transcript.empty"];
  state.empty.hidden = data.messages.length > 0;
  reconcile(state.list, laidOut(state), (item) => bubble(state, item));
  const newest = data.messages.at(-1);
  if (grewAbove) state.scroll.scrollTop = state.scroll.scrollHeight - bottom;
  else if (!stay || newest?.author === "agent" && before.messages.at(-1)?.id !== newest.id) toEnd(state);
  else if (newest && before.messages.at(-1)?.id !== newest.id) {
    state.fresh.replaceChildren(icon("down"), data.texts["transcript.new"]);
    state.fresh.hidden = false;
  }
  state.translations.work();
  return () => {
    state.watch.disconnect();
    state.translations.stop();
  };
}
