// Canned replies: `/` and a few letters in an empty box open the list; arrows and Enter choose.
import { ask } from "./asking.js";
import { el } from "./common.js";

const FRESH = 60_000;
const MOST = 8;
const folded = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();

/** Where a text has a variable that nobody filled in, as [start, end]; null where it has none. */
export function holeIn(text) {
  const found = /\{\{[^{}]*\}\}/.exec(text);
  return found && [found.index, found.index + found[0].length];
}

/** Build the list over `text`. `context()` gives {conversation, locale, texts}; `choose(body)` takes a text. */
export function canned(text, context, choose) {
  const state = { items: [], of: null, at: 0, on: 0, shown: [] };
  const box = el("div", { class: "pc-canned", role: "listbox", id: "pc-canned", hidden: true });

  async function load() {
    const { conversation } = context();
    if (state.of === conversation && Date.now() - state.at < FRESH) return;
    if (state.of !== conversation) state.items = [];
    state.of = conversation;
    state.at = Date.now();
    state.problem = null;
    try {
      const { items } = await ask("write/canned", { conversation }, context());
      if (state.of === conversation) state.items = items;
    } catch (refused) {
      state.at = 0;
      state.problem = refused.message;
    }
    look();
  }

  const wanted = () => /^\/(\S*)$/.exec(text.value)?.[1] ?? null;

  function look() {
    const word = wanted();
    if (word === null || state.closed === text.value) return hide();
    state.closed = null;
    const key = folded(word);
    const rank = (item) => (folded(item.shortcut).startsWith(key) ? 0 : folded(`${item.shortcut} ${item.title} ${item.body}`).includes(key) ? 1 : 2);
    state.shown = state.items.filter((item) => rank(item) < 2).sort((a, b) => rank(a) - rank(b)).slice(0, MOST);
    state.on = Math.min(state.on, Math.max(0, state.shown.length - 1));
    draw();
  }

  function draw() {
    const { texts } = context();
    const rows = state.shown.map((item, n) =>
      el(
        "div",
        { class: `pc-canned-row${n === state.on ? " pc-on" : ""}`, role: "option", id: `pc-canned-${n}`, "aria-selected": String(n === state.on), onpointerdown: (event) => (event.preventDefault(), take(n)) },
        el("b", {}, `/${item.shortcut}`),
        el("span", {}, item.title),
        el("small", { dir: "auto" }, item.body),
      ),
    );
    const none = state.problem ?? (state.items.length ? texts["canned.none"] : texts["canned.empty"]);
    box.replaceChildren(...(rows.length ? rows : [el("div", { class: "pc-canned-none", role: "option", "aria-selected": "false", "aria-disabled": "true" }, none)]));
    box.hidden = false;
    box.setAttribute("aria-label", texts["canned.label"]);
    text.setAttribute("aria-expanded", "true");
    if (rows.length) text.setAttribute("aria-activedescendant", `pc-canned-${state.on}`);
    else text.removeAttribute("aria-activedescendant");
    rows[state.on]?.scrollIntoView({ block: "nearest" });
  }

  function hide() {
    box.hidden = true;
    text.setAttribute("aria-expanded", "false");
    text.removeAttribute("aria-activedescendant");
  }

  function take(n) {
    const item = state.shown[n];
    hide();
    if (item) choose(item.body);
  }

  text.setAttribute("role", "combobox");
  text.setAttribute("aria-autocomplete", "list");
  text.setAttribute("aria-controls", "pc-canned");
  hide();

  return {
    box,
    /** The text changed. */
    typed() {
      state.on = 0;
      if (wanted() === null) return hide();
      look();
      load();
    },
    /** Take a key, and tell whether it was for the list. */
    key(event) {
      if (box.hidden) return false;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && state.shown.length) {
        state.on = (state.on + step + state.shown.length) % state.shown.length;
        draw();
      } else if (event.key === "Escape") {
        state.closed = text.value;
        hide();
      } else if ((event.key === "Enter" || event.key === "Tab") && state.shown.length) take(state.on);
      else return event.key === "Enter" && wanted() === "";
      event.preventDefault();
      event.stopPropagation();
      return true;
    },
    hide,
  };
}
