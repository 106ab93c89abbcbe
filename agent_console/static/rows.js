// The queue's rows, and the hits of a search in their place.
import { ago, el, fill, full, icon, live, number, span } from "./common.js";
import { others } from "./wire.js";

const CLOSING = 4 * 3_600_000;

function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...word][0] ?? "").join("").toUpperCase();
}

function hue(name) {
  let hash = 2166136261;
  for (const letter of name) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619) >>> 0;
  return ((hash ^ (hash >>> 13)) >>> 0) % 6;
}

/** Whether a moment has come; null never does. */
const over = (state, at) => at !== null && state.clock() >= at;

function when(state, row) {
  const { locale, texts } = state.data;
  return live("time", { class: "pc-when", title: full(row.at, locale) }, (node) => {
    const passed = state.clock() - row.at;
    if (row.waiting && !row.hit) {
      node.classList.toggle("pc-late", over(state, row.late));
      node.classList.toggle("pc-very-late", over(state, row.very_late));
    }
    return ago(passed, locale, texts["app.just_now"]);
  });
}

function windowChip(state, row) {
  if (row.window === null) return null;
  const { locale, texts } = state.data;
  const title = fill(texts["queue.window_title"], { time: full(row.window, locale) });
  return live("span", { class: "pc-chip pc-window", title }, (node) => {
    const left = row.window - state.clock();
    // While there is time enough it is no news.
    node.hidden = left >= CLOSING;
    node.classList.toggle("pc-soon", left > 0 && left < CLOSING);
    node.classList.toggle("pc-closed", left <= 0);
    return left > 0 ? fill(texts["queue.window_left"], { time: span(left, locale) }) : texts["queue.window_closed"];
  });
}

function owedChip(state, row) {
  if (!row.owed) return null;
  const { locale, texts } = state.data;
  return live("span", { class: "pc-chip pc-owed", title: full(row.owed, locale) }, (node) => {
    const passed = state.clock() - row.owed;
    node.classList.toggle("pc-chip-wait", over(state, row.late));
    node.hidden = passed < 60_000;
    return fill(texts["queue.owed"], { time: span(passed, locale) });
  });
}

/** A moment to come: the hour of today, else the day too. */
export function moment(at, now, locale) {
  const today = new Date(at).toDateString() === new Date(now).toDateString();
  const style = { hour: "2-digit", minute: "2-digit", ...(today ? {} : { weekday: "short", day: "numeric", month: "short" }) };
  return new Intl.DateTimeFormat(locale, style).format(at);
}

/** A label as a chip; the office chooses the colour's name. */
export function labelChip(label, ...more) {
  const colour = /^[a-z]{1,20}$/.test(label.colour) ? ` pc-label-${label.colour}` : "";
  return el("span", { class: `pc-chip pc-label${colour}`, dir: "auto" }, label.name, ...more);
}

function chips(state, row) {
  const { texts, locale } = state.data;
  return el(
    "span",
    { class: "pc-chips" },
    row.priority ? el("span", { class: `pc-chip pc-priority-${row.priority}` }, icon("flag"), row.priority_name) : null,
    row.waiting ? el("span", { class: "pc-chip pc-chip-wait" }, row.trigger ?? row.label) : el("span", { class: `pc-chip pc-chip-${row.status}` }, row.holder ?? row.label),
    owedChip(state, row),
    row.snoozed ? el("span", { class: "pc-chip", title: full(row.snoozed, locale) }, fill(texts["queue.wakes"], { time: moment(row.snoozed, state.clock(), locale) })) : null,
    el("span", { class: "pc-chip", title: row.language_name }, row.language),
    windowChip(state, row),
    ...row.labels.map((label) => labelChip(label)),
    row.more_labels ? el("span", { class: "pc-chip" }, fill(texts["queue.more_labels"], { count: row.more_labels })) : null,
  );
}

function found(row) {
  return el("span", { class: "pc-line pc-found", dir: "auto" }, ...row.parts.map((part) => (part.on ? el("mark", {}, part.text) : part.text)));
}

export function row(state, item) {
  const { texts } = state.data;
  const label = number(texts, "queue.unread", item.unread, state.data.locale);
  const unread = item.unread ? el("span", { class: "pc-unread", title: label }, String(item.unread), el("span", { class: "pc-sr" }, label)) : null;
  const second = item.waiting && item.why ? item.why : item.preview;
  const key = item.hit ? `st-key-hit-${item.id}` : `st-key-queue-${item.id}`;
  const here = el("span", { class: "pc-here", hidden: true });
  const node = el(
    "div",
    { role: "listitem" },
    el(
      "button",
      {
        type: "button",
        class: `pc-row ${key}${item.on ? " pc-on" : ""}${item.hit ? " pc-hit" : ""}`,
        "aria-current": item.on ? "true" : null,
        title: (!item.hit && item.summary) || null,
        onclick: () => state.send("open", { c: item.conversation, seq: item.seq ?? null, n: Date.now() }),
      },
      el("span", { class: `pc-avatar pc-hue-${hue(item.name)}`, "aria-hidden": "true" }, initials(item.name)),
      el("span", { class: "pc-name" }, item.name),
      when(state, item),
      item.hit ? found(item) : el("span", { class: "pc-line", dir: "auto" }, second || " "),
      item.hit ? null : unread,
      !item.hit && item.waiting && item.summary ? el("span", { class: "pc-summary", dir: "auto" }, item.summary) : null,
      here,
      item.hit === "message" ? null : chips(state, item),
    ),
  );
  node.ponteHere = () => {
    const text = presence(item.conversation, texts, state.data.locale, true);
    here.hidden = !text;
    if (here.textContent !== text) here.textContent = text;
  };
  node.ponteHere();
  return node;
}

/** Who else is in a conversation, in words; empty when nobody is. */
export function presence(conversation, texts, locale, inRow) {
  const { typing, looking } = others(conversation);
  const names = typing.length ? typing : looking;
  if (!names.length) return "";
  const many = names.length > 1;
  const key = typing.length ? "presence.typing" : inRow && !many ? "presence.in_row" : "presence.looking";
  const list = new Intl.ListFormat(locale, { type: "conjunction" }).format(names);
  return fill(texts[many ? `${key}_many` : key], { name: list, names: list });
}
