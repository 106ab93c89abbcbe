// The left side: who is logged in, the parts of the queue, and its rows.
import { ago, clockOf, el, full, live, number, reconcile, ticking } from "./common.js";

const LATE = 5 * 60_000;
const VERY_LATE = 15 * 60_000;

function create(root) {
  const state = {
    me: el("div", { class: "pc-me" }),
    banner: el("div", { class: "pc-banner st-key-no-model", role: "status", hidden: true }),
    tabs: el("div", { class: "pc-tabs", role: "tablist" }),
    rows: el("div", { class: "pc-rows", role: "list" }),
    foot: el("div", { class: "pc-foot" }),
  };
  state.scroll = el("div", { class: "pc-scroll" }, state.rows, state.foot);
  root.append(el("div", { class: "pc-queue" }, state.me, state.banner, state.tabs, state.scroll));
  state.stop = ticking(root);
  return state;
}

function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...word][0] ?? "").join("").toUpperCase();
}

function drawMe(state, data) {
  const key = JSON.stringify([data.me, data.locale]);
  if (state.meKey === key) return;
  state.meKey = key;
  state.me.replaceChildren(
    el("span", { class: "pc-brand" }, "Ponte"),
    el("span", { class: "pc-person" }, el("b", {}, data.me.name), el("span", {}, data.me.role)),
  );
}

function tab(state, item) {
  const count = typeof item.count === "number" ? el("span", { class: "pc-count" }, String(item.count)) : null;
  return el(
    "button",
    {
      type: "button",
      role: "tab",
      class: `pc-tab st-key-tab-${item.id}${item.on ? " pc-on" : ""}${item.id === "waiting" && item.count ? " pc-alert" : ""}`,
      "aria-selected": item.on ? "true" : "false",
      onclick: () => state.send("tab", item.id),
    },
    item.label,
    count,
  );
}

function when(state, row) {
  const { locale, texts } = state.data;
  return live("time", { class: "pc-when", title: full(row.at, locale) }, (node) => {
    const passed = state.clock() - row.at;
    if (row.waiting) {
      node.classList.toggle("pc-late", passed >= LATE);
      node.classList.toggle("pc-very-late", passed >= VERY_LATE);
    }
    return ago(passed, locale, texts["app.just_now"]);
  });
}

function row(state, item) {
  const { texts } = state.data;
  const label = number(texts, "queue.unread", item.unread, state.data.locale);
  const unread = item.unread
    ? el("span", { class: "pc-unread", title: label }, String(item.unread), el("span", { class: "pc-sr" }, label))
    : null;
  const second = item.waiting && item.why ? item.why : item.preview;
  const chips = el(
    "span",
    { class: "pc-chips" },
    item.waiting
      ? el("span", { class: "pc-chip pc-chip-wait" }, item.trigger ?? item.label)
      : el("span", { class: `pc-chip pc-chip-${item.status}` }, item.holder ?? item.label),
    el("span", { class: "pc-chip", title: item.language_name }, item.language),
  );
  return el(
    "div",
    { role: "listitem" },
    el(
      "button",
      {
        type: "button",
        class: `pc-row st-key-queue-${item.id}${item.on ? " pc-on" : ""}`,
        "aria-current": item.on ? "true" : null,
        title: item.summary || null,
        onclick: () => state.send("open", item.id),
      },
      el("span", { class: `pc-avatar pc-hue-${hue(item.name)}`, "aria-hidden": "true" }, initials(item.name)),
      el("span", { class: "pc-name" }, item.name),
      when(state, item),
      el("span", { class: "pc-line", dir: "auto" }, second || " "),
      unread,
      item.waiting && item.summary ? el("span", { class: "pc-summary", dir: "auto" }, item.summary) : null,
      chips,
    ),
  );
}

function hue(name) {
  let hash = 2166136261;
  for (const letter of name) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619) >>> 0;
  return ((hash ^ (hash >>> 13)) >>> 0) % 6;
}

export default function queue({ data, parentElement, setTriggerValue }) {
  parentElement.ponte ??= create(parentElement);
  const state = parentElement.ponte;
  state.data = data;
  state.clock = clockOf(data.now);
  state.send = (name, value) => setTriggerValue(name, value);
  drawMe(state, data);
  state.banner.hidden = data.model;
  state.banner.textContent = data.texts["app.model_missing"];
  state.tabs.setAttribute("aria-label", data.texts["queue.label"]);
  reconcile(state.tabs, data.tabs, (item) => tab(state, item));
  reconcile(state.rows, data.rows, (item) => row(state, item));
  state.foot.replaceChildren();
  if (!data.rows.length) state.foot.append(el("p", { class: "pc-empty" }, data.empty));
  if (data.more) {
    state.foot.append(
      el(
        "button",
        { type: "button", class: "pc-more st-key-queue-more", onclick: () => state.send("more", true) },
        data.texts["queue.more"],
      ),
    );
  }
  for (const node of state.rows.querySelectorAll("[data-tick]")) node.ponteTick?.();
  return () => state.stop();
}
