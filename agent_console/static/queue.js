// The left side: search, alerts, the parts of the queue, and its rows.
import { attend } from "./alerts.js";
import { bell } from "./bell.js";
import { clockOf, el, icon, reconcile, ticking } from "./common.js";
import { help, keys } from "./keys.js";
import { popup } from "./popup.js";
import { row } from "./rows.js";
import { entitle } from "./title.js";
import { on } from "./wire.js";

const PAUSE = 250;
// Presence in words runs out without an event.
const PRESENCE_EVERY = 2_000;
// A second click or key press within this was not meant for one more customer.
const ONE_NEXT = 1_000;

function create(root, data) {
  const state = { data, root };
  const { texts } = data;
  state.bell = bell(texts);
  state.help = help(texts);
  state.find = el("input", { type: "search", class: "pc-find st-key-search", placeholder: texts["queue.search"], "aria-label": texts["queue.search"], maxlength: "200", autocomplete: "off", spellcheck: "false", enterkeyhint: "search" });
  state.next = el("button", { type: "button", class: "pc-next st-key-next", "aria-keyshortcuts": "n", onclick: () => next(state) }, texts["queue.next"], el("kbd", {}, "n"));
  state.filterButton = el("button", { type: "button", class: "pc-quiet st-key-filters", title: texts["queue.filters"] }, icon("filter"), el("span", { class: "pc-sr" }, texts["queue.filters"]));
  state.filterPanel = el("div", { class: "pc-popup pc-filter-panel", role: "group", "aria-label": texts["queue.filters"] });
  state.notice = el("div", { class: "pc-queue-notice", role: "status", hidden: true });
  state.banner = el("div", { class: "pc-banner st-key-no-model", role: "status", hidden: true });
  state.tabs = el("div", { class: "pc-tabs", role: "tablist" });
  state.rows = el("div", { class: "pc-rows", role: "list" });
  state.foot = el("div", { class: "pc-foot" });
  state.scroll = el("div", { class: "pc-scroll" }, state.rows, state.foot);
  const keysButton = el("button", { type: "button", class: "pc-quiet pc-keys-open st-key-keys-open", title: texts["keys.title"], onclick: () => state.help.showModal() }, icon("keyboard"), el("span", { class: "pc-sr" }, texts["keys.title"]));
  root.append(
    el(
      "div",
      { class: "pc-queue" },
      el("div", { class: "pc-me" }, el("span", { class: "pc-brand" }, "Ponte"), el("span", { class: "pc-person" }, el("b", {}, data.me.name), el("span", {}, data.me.role)), keysButton, state.bell.node),
      el("div", { class: "pc-seek" }, el("span", { class: "pc-find-box" }, icon("search"), state.find), el("div", { class: "pc-filter" }, state.filterButton, state.filterPanel)),
      state.banner,
      state.tabs,
      state.notice,
      state.next,
      state.scroll,
      state.help,
    ),
  );
  listen(state);
  return state;
}

function listen(state) {
  state.find.addEventListener("input", () => {
    clearTimeout(state.typed);
    state.typed = setTimeout(() => seek(state), PAUSE);
  });
  state.find.addEventListener("keydown", (event) => {
    if (event.key === "Enter") seek(state);
    if (event.key === "Escape" && state.find.value) {
      state.find.value = "";
      seek(state);
    } else if (event.key === "Escape") state.find.blur();
    if (event.key === "ArrowDown") state.rows.querySelector(".pc-row")?.focus();
  });
  const filters = popup(state.filterButton, state.filterPanel);
  const here = () => {
    for (const node of state.rows.children) node.ponteHere?.();
  };
  const timer = setInterval(here, PRESENCE_EVERY);
  const openIt = (event) => {
    event.preventDefault();
    state.send("open", { c: event.detail, seq: null, n: Date.now() });
  };
  document.addEventListener("ponte:open", openIt);
  const offs = [
    ticking(state.root),
    on("present", here),
    keys(state.root, {
      next: () => next(state),
      search: () => (state.find.focus(), state.find.select()),
      help: () => state.help.showModal(),
    }),
    filters.stop,
    state.bell.stop,
    () => clearInterval(timer),
    () => clearTimeout(state.typed),
    () => document.removeEventListener("ponte:open", openIt),
  ];
  state.stop = () => offs.forEach((off) => off());
}

function next(state) {
  const now = Date.now();
  if (!state.data.works || now - (state.nextAt ?? 0) < ONE_NEXT) return;
  state.nextAt = now;
  state.send("next", now);
}

function seek(state) {
  clearTimeout(state.typed);
  const wanted = state.find.value.trim();
  if (wanted === state.sought) return;
  state.sought = wanted;
  state.send("search", wanted);
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
      title: item.id === "snoozed" ? item.label : null,
      onclick: () => state.send("tab", item.id),
    },
    // Five words would not fit beside each other.
    ...(item.id === "snoozed" ? [icon("clock"), el("span", { class: "pc-sr" }, item.label)] : [item.label]),
    count,
  );
}

function select(state, name, any, options) {
  const chosen = state.data.filters[name];
  const box = el(
    "select",
    { class: `st-key-filter-${name}`, name, onchange: () => filter(state) },
    el("option", { value: "" }, any),
    ...options.map((option) => el("option", { value: option.id, selected: option.id === chosen }, option.label)),
  );
  return el("label", {}, el("span", {}, state.data.texts[`queue.filter_${name}`]), box);
}

function filter(state) {
  const values = [...state.filterPanel.querySelectorAll("select")].map((box) => [box.name, box.value]);
  state.send("filter", Object.fromEntries(values));
}

function drawFilters(state) {
  const { filters, texts } = state.data;
  const key = JSON.stringify(filters);
  if (state.filterKey === key) return;
  state.filterKey = key;
  state.filterButton.classList.toggle("pc-on", filters.on);
  const names = (list) => list.map((name) => ({ id: name, label: name }));
  const focused = document.activeElement?.name;
  state.filterPanel.replaceChildren(
    select(state, "label", texts["queue.filter_any_label"], names(filters.labels)),
    select(state, "priority", texts["queue.filter_any_priority"], filters.priorities),
    select(state, "language", texts["queue.filter_any_language"], filters.languages),
  );
  if (filters.on) {
    state.filterPanel.append(el("button", { type: "button", class: "pc-more st-key-filter-clear", onclick: () => state.send("filter", {}) }, texts["queue.filter_clear"]));
  }
  if (focused) state.filterPanel.querySelector(`select[name="${CSS.escape(focused)}"]`)?.focus();
}

function drawFoot(state) {
  const { data } = state;
  state.foot.replaceChildren();
  if (!data.rows.length) state.foot.append(el("p", { class: "pc-empty" }, data.empty));
  if (data.cut) state.foot.append(el("p", { class: "pc-empty st-key-queue-cut" }, data.cut));
  else if (data.more) {
    state.foot.append(el("button", { type: "button", class: "pc-more st-key-queue-more", onclick: () => state.send("more", true) }, data.texts["queue.more"]));
  }
}

export default function queue({ data, parentElement, setTriggerValue }) {
  parentElement.ponte ??= create(parentElement, data);
  const state = parentElement.ponte;
  state.data = data;
  state.clock = clockOf(data.now);
  state.send = (name, value) => setTriggerValue(name, value);
  attend(data.texts);
  entitle(data.badge, data.texts);
  if (document.activeElement !== state.find && state.find.value.trim() !== data.search) {
    state.find.value = data.search;
    state.sought = data.search;
  }
  state.banner.hidden = data.model;
  state.banner.textContent = data.texts["app.model_missing"];
  state.notice.hidden = !data.notice;
  state.notice.textContent = data.notice ?? "";
  const waiting = data.tabs.find((item) => item.id === "waiting");
  state.next.hidden = !data.works || !waiting?.count || data.searching || !waiting.on;
  state.tabs.hidden = data.searching;
  state.tabs.setAttribute("aria-label", data.texts["queue.label"]);
  reconcile(state.tabs, data.tabs, (item) => tab(state, item));
  reconcile(state.rows, data.rows, (item) => row(state, item));
  drawFilters(state);
  drawFoot(state);
  for (const node of state.rows.querySelectorAll("[data-tick]")) node.ponteTick?.();
  return () => state.stop();
}
