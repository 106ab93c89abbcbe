// The customer's panel: beside the conversation on a wide screen, a drawer on a narrow one.
import { ask } from "./asking.js";
import { clockOf, el, fill, icon, time } from "./common.js";
import * as drafts from "./drafts.js";
import { lookAgain } from "./wire.js";

const date = (at, locale) => new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(at);

function create(root) {
  const state = { box: el("aside", { class: "pc-customer" }), shown: null, problem: null, kept: {} };
  root.append(state.box);
  state.toggle = () => open(state, !state.box.classList.contains("pc-open"));
  document.addEventListener("ponte:person", state.toggle);
  state.box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.box.classList.contains("pc-open")) open(state, false);
  });
  return state;
}

function open(state, on) {
  const drawer = !window.matchMedia("(min-width: 1200px)").matches;
  state.box.classList.toggle("pc-open", on && drawer);
  if (drawer) (on ? state.box.querySelector("button") : document.querySelector(".st-key-person-open"))?.focus();
}

/** Ask the server; what comes is the card as it is then. Tells whether it worked. */
async function change(state, path, more = {}) {
  const { conversation } = state.data;
  state.problem = null;
  try {
    const card = await ask(`person/${path}`, { conversation, ...more }, state.data);
    if (state.data.conversation === conversation) state.card = card;
    return card;
  } catch (refused) {
    if (state.data.conversation === conversation) state.problem = refused.message;
    return null;
  } finally {
    if (state.data.conversation === conversation) draw(state);
  }
}

/** Where what is half typed on the panel is kept, as drafts are. */
const place = (state, field) => ({ me: state.data.me, conversation: state.data.conversation, mode: `person-${field}` });
const half = (state, field) => drafts.kept(place(state, field)).text;
const keep = (state, field, text) => drafts.keep(place(state, field), { text });

const section = (title, ...children) => el("section", {}, el("h3", {}, title), ...children);

function profile({ card, data: { texts, locale } }) {
  return el(
    "div",
    { class: "pc-person-top" },
    el("b", { dir: "auto" }, card.name),
    card.number === card.name ? null : el("span", {}, card.number),
    el("span", {}, fill(texts["person.since"], { date: date(card.since, locale) })),
    card.last_at ? el("span", {}, fill(texts["person.last"], { date: `${date(card.last_at, locale)}, ${time(card.last_at, locale)}` })) : null,
    card.opted_out_at ? el("span", { class: "pc-closed pc-person-out" }, fill(texts["person.opted_out"], { date: date(card.opted_out_at, locale) })) : null,
  );
}

function language(state) {
  const { card, data: { texts } } = state;
  const choice = el("select", { class: "pc-field st-key-person-language", "aria-label": texts["person.language"], disabled: !card.may_write });
  choice.append(...card.languages.map(({ id, label }) => el("option", { value: id, selected: id === card.language }, label)));
  choice.addEventListener("change", async () => {
    // The composer offers a translation by it.
    if (await change(state, "language", { language: choice.value })) lookAgain();
  });
  return section(texts["person.language"], choice);
}

function labels(state) {
  const { card, data: { texts } } = state;
  const chips = card.labels.map((label) => {
    const word = fill(texts["person.label_drop"], { label });
    const drop = card.may_write
      ? el("button", { type: "button", title: word, onclick: () => change(state, "labels", { drop: label }) }, icon("close"), el("span", { class: "pc-sr" }, word))
      : null;
    return el("span", { class: "pc-chip pc-chip-label" }, label, ...(drop ? [drop] : []));
  });
  const input = el("input", { type: "text", class: "pc-field st-key-person-label", maxlength: "40", placeholder: texts["person.label_add"], "aria-label": texts["person.label_add"], value: half(state, "label") });
  input.addEventListener("input", () => keep(state, "label", input.value));
  input.addEventListener("keydown", async (event) => {
    if (event.key !== "Enter" || event.isComposing || !input.value.trim()) return;
    event.preventDefault();
    const label = input.value;
    const from = place(state, "label");
    drafts.keep(from, { text: "" });
    if (!(await change(state, "labels", { add: label }))) drafts.giveBack(from, label);
    draw(state);
    state.box.querySelector(".st-key-person-label")?.focus();
  });
  return section(texts["person.labels"], el("div", { class: "pc-chips" }, ...chips), ...(card.may_write ? [input] : []));
}

function notes(state) {
  const { card, data: { texts, locale } } = state;
  const text = el("textarea", { class: "pc-field st-key-person-note", rows: "2", maxlength: "2000", dir: "auto", placeholder: texts["person.note_add"], "aria-label": texts["person.notes"] });
  text.value = half(state, "note");
  text.addEventListener("input", () => {
    keep(state, "note", text.value);
    save.disabled = !text.value.trim();
  });
  const save = el("button", { type: "button", class: "pc-tool pc-tool-wide st-key-person-note-save", disabled: !text.value.trim(), onclick: () => add() }, texts["person.note_save"]);
  async function add() {
    const note = text.value;
    const from = place(state, "note");
    drafts.keep(from, { text: "" });
    if (!(await change(state, "note", { text: note }))) {
      drafts.giveBack(from, note);
      draw(state);
    }
  }
  const rows = card.notes.map((note) =>
    el(
      "li",
      {},
      el("p", { dir: "auto" }, note.text),
      el("small", {}, `${note.who} · ${date(note.at, locale)}`),
      note.drop
        ? el("button", { type: "button", class: "pc-quiet", title: texts["person.note_drop"], onclick: () => change(state, "drop_note", { id: note.id }) }, icon("close"), el("span", { class: "pc-sr" }, texts["person.note_drop"]))
        : null,
    ),
  );
  return section(texts["person.notes"], ...(card.may_write ? [text, save] : []), el("ul", { class: "pc-person-notes" }, ...rows));
}

function past(state) {
  const { card, data: { texts, locale, conversation } } = state;
  const rows = card.conversations.map((one) => {
    const here = one.id === conversation;
    const words = [date(one.at, locale), one.label, one.disposition, here ? texts["person.this"] : ""].filter(Boolean).join(" · ");
    return el("li", {}, el("button", { type: "button", class: "pc-former", disabled: here, onclick: () => (open(state, false), state.send("open", one.id)) }, el("span", {}, words), el("small", { dir: "auto" }, one.preview)));
  });
  return section(texts["person.past"], el("ul", {}, ...rows), ...(card.more ? [el("small", {}, texts["person.more"])] : []));
}

function personal(state) {
  const { texts } = state.data;
  const digits = el("input", { type: "text", class: "pc-field st-key-person-digits", maxlength: "4", autocomplete: "off", placeholder: texts["person.erase_digits"], "aria-label": texts["person.erase_digits"] });
  const erase = el("button", { type: "button", class: "pc-retry st-key-person-erase", disabled: true, onclick: () => gone(state, digits.value) }, texts["person.erase"]);
  digits.addEventListener("input", () => (erase.disabled = digits.value.trim().length !== 4));
  return el(
    "details",
    { class: "pc-personal st-key-person-data", open: state.kept.data, ontoggle: (event) => (state.kept.data = event.target.open) },
    el("summary", {}, texts["person.data"]),
    el("button", { type: "button", class: "pc-tool pc-tool-wide st-key-person-export", onclick: () => save(state) }, texts["person.export"]),
    el("p", {}, texts["person.erase_lead"]),
    digits,
    erase,
  );
}

async function save(state) {
  const { conversation } = state.data;
  try {
    const { name, text } = await ask("person/export", { conversation }, state.data);
    const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    el("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  } catch (refused) {
    state.problem = refused.message;
    draw(state);
  }
}

async function gone(state, digits) {
  const { conversation } = state.data;
  try {
    await ask("person/erase", { conversation, digits }, state.data);
    state.send("gone", conversation);
  } catch (refused) {
    state.problem = refused.message;
    draw(state);
  }
}

function draw(state) {
  const { texts } = state.data;
  const scroll = state.box.scrollTop;
  const typing = typedIn(state.box);
  const head = el(
    "div",
    { class: "pc-person-head" },
    el("h2", {}, texts["person.title"]),
    el("button", { type: "button", class: "pc-quiet pc-person-close", title: texts["person.close"], onclick: () => open(state, false) }, icon("close"), el("span", { class: "pc-sr" }, texts["person.close"])),
  );
  state.box.setAttribute("aria-label", texts["person.title"]);
  const problem = state.problem
    ? el("p", { class: "pc-error", role: "alert" }, state.problem, " ", ...(state.card ? [] : [el("button", { type: "button", class: "pc-link", onclick: () => change(state, "card") }, texts["person.again"])]))
    : null;
  const { card } = state;
  const waits = !card && !problem ? [el("p", { class: "pc-known-none", role: "status" }, texts["person.loading"])] : [];
  const memory = card?.memory ? [section(texts["person.memory"], el("p", { class: "pc-memory", dir: "auto" }, card.memory))] : [];
  const parts = card ? [profile(state), language(state), labels(state), notes(state), ...memory, past(state), ...(card.may_erase ? [personal(state)] : [])] : [];
  state.box.replaceChildren(head, ...(problem ? [problem] : []), ...waits, ...parts);
  state.box.scrollTop = scroll;
  typing?.();
}

/** Remember where the agent writes in `box`; returns how to go on there once it was drawn anew, or null. */
function typedIn(box) {
  const node = document.activeElement;
  const name = box.contains(node) && [...node.classList].find((one) => one.startsWith("st-key-"));
  if (!name) return null;
  const { selectionStart: start, selectionEnd: end } = node;
  return () => {
    const again = box.querySelector(`.${name}`);
    again?.focus({ preventScroll: true });
    if (typeof start === "number") again?.setSelectionRange(start, end);
  };
}

export default function person({ data, parentElement, setTriggerValue }) {
  parentElement.ponte ??= create(parentElement);
  const state = parentElement.ponte;
  const before = state.data;
  state.data = data;
  state.clock = clockOf(data.now);
  state.send = (name, value) => setTriggerValue(name, value);
  if (before?.conversation !== data.conversation) {
    state.card = null;
    state.problem = null;
    state.kept = {};
    draw(state);
  }
  if (before?.conversation !== data.conversation || before.stamp !== data.stamp || before.locale !== data.locale) change(state, "card");
  return () => document.removeEventListener("ponte:person", state.toggle);
}
