// The strip under a conversation's head: priority, labels, snooze, reopen, and who else is there.
import { clockOf, el, fill, full, icon } from "./common.js";
import { popup } from "./popup.js";
import { allow } from "./reasons.js";
import { labelChip, moment, presence } from "./rows.js";
import { look, on } from "./wire.js";

const HOUR = 3_600_000;
const PRESENCE_EVERY = 2_000;

function create(root) {
  const state = { box: el("div", { class: "pc-triage" }), here: el("span", { class: "pc-here", role: "status", hidden: true }) };
  state.controls = el("div", { class: "pc-triage-controls" });
  state.box.append(state.controls, state.here);
  root.append(state.box);
  const refresh = () => {
    const text = presence(state.data.id, state.data.texts, state.data.locale, false);
    state.here.hidden = !text;
    if (state.here.textContent !== text) state.here.textContent = text;
  };
  state.refresh = refresh;
  const timer = setInterval(refresh, PRESENCE_EVERY);
  const off = on("present", refresh);
  state.stop = () => {
    off();
    clearInterval(timer);
    state.popup?.stop();
    look(null);
  };
  return state;
}

function priority(state) {
  const { data } = state;
  const box = el(
    "select",
    { class: `pc-priority-${data.priority} st-key-priority`, "aria-label": data.texts["triage.priority"], title: data.denied ?? data.texts["triage.priority"], disabled: !data.works },
    ...data.priorities.map((item) => el("option", { value: item.id, selected: Number(item.id) === data.priority }, item.label)),
  );
  box.addEventListener("change", () => state.send("priority", { id: data.id, priority: box.value, n: Date.now() }));
  return el("span", { class: "pc-flagged" }, icon("flag"), box);
}

function labels(state) {
  const { data } = state;
  const chips = data.labels.map((label) => {
    const say = fill(data.texts["triage.remove_label"], { name: label.name });
    const remove = () => state.send("label", { id: data.id, remove: label.name, n: Date.now() });
    return labelChip(label, data.works ? el("button", { type: "button", class: "pc-label-off", title: say, onclick: remove }, icon("close"), el("span", { class: "pc-sr" }, say)) : null);
  });
  if (!data.works) return chips;
  const field = el("input", { class: "pc-label-new st-key-label", maxlength: "40", size: "11", placeholder: `+ ${data.texts["triage.add_label"]}`, "aria-label": data.texts["triage.add_label_hint"], list: "pc-known-labels", autocomplete: "off", enterkeyhint: "done", value: state.draft?.id === data.id ? state.draft.text : null });
  const add = () => {
    const text = field.value.trim();
    field.value = "";
    state.draft = null;
    if (text) state.send("label", { id: data.id, add: text, n: Date.now() });
  };
  field.addEventListener("input", (event) => {
    state.draft = { id: data.id, text: field.value };
    // A choice out of the list has no key press.
    if (event.inputType === "insertReplacementText" || data.known.includes(field.value)) add();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) add();
  });
  return [...chips, field, el("datalist", { id: "pc-known-labels" }, ...data.known.map((name) => el("option", { value: name })))];
}

/** A button of the strip; `why` it cannot be used, or null. */
function small(name, why, onclick, ...children) {
  const button = el("button", { type: "button", class: `pc-small st-key-${name}` }, ...children);
  if (onclick) button.addEventListener("click", onclick);
  allow(button, why);
  return button;
}

/** The times that one can put a conversation off to, in the agent's own time zone. */
function presets(now, texts) {
  const nine = (days) => {
    const day = new Date(now);
    day.setDate(day.getDate() + days);
    day.setHours(9, 0, 0, 0);
    return day.getTime();
  };
  const monday = ((8 - new Date(now).getDay()) % 7) || 7;
  const choices = [[texts["triage.hour"], now + HOUR], [texts["triage.hours"], now + 3 * HOUR], [texts["triage.tomorrow"], nine(1)]];
  if (monday > 1) choices.push([texts["triage.monday"], nine(monday)]);
  return choices;
}

function snooze(state) {
  const { data } = state;
  const { texts, locale } = data;
  const send = (until) => {
    state.popup?.close();
    state.send("snooze", { id: data.id, until, n: Date.now() });
  };
  if (data.snoozed) {
    return [
      el("span", { class: "pc-chip pc-chip-wait", title: full(data.snoozed, locale) }, fill(texts["triage.snoozed"], { time: moment(data.snoozed, state.clock(), locale) })),
      small("wake", data.no_snooze, () => send(null), texts["triage.wake"]),
    ];
  }
  const button = small("snooze", data.no_snooze, null, icon("clock"), texts["triage.snooze"]);
  const panel = el("div", { class: "pc-popup pc-snooze-panel", role: "group", "aria-label": texts["triage.snooze"] });
  const local = (at) => new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  state.popup?.stop();
  state.popup = popup(button, panel, () => {
    const now = state.clock();
    const field = el("input", { type: "datetime-local", min: local(now), value: local(now + 24 * HOUR), "aria-label": texts["triage.pick"] });
    panel.replaceChildren(
      ...presets(now, texts).map(([label, at]) => el("button", { type: "button", class: "pc-menu-item", title: full(at, locale), onclick: () => send(at) }, label)),
      el("div", { class: "pc-snooze-other" }, el("label", {}, texts["triage.other"], field), el("button", { type: "button", class: "pc-small pc-snooze-confirm", onclick: () => field.value && send(new Date(field.value).getTime()) }, texts["triage.confirm"])),
    );
    panel.querySelector("button").focus();
  });
  return [el("span", { class: "pc-snooze" }, button, panel)];
}

function draw(state) {
  const { data } = state;
  // What had the focus has it again afterwards.
  const focused = state.controls.contains(document.activeElement) ? [...document.activeElement.classList].find((name) => name.startsWith("st-key-")) : null;
  const reopen = small("reopen", data.no_reopen, () => state.send("reopen", { id: data.id, n: Date.now() }), data.texts["triage.reopen"]);
  state.controls.setAttribute("role", "group");
  state.controls.setAttribute("aria-label", data.texts["triage.label"]);
  state.controls.replaceChildren(
    priority(state),
    ...(data.reopen ? [reopen] : snooze(state)),
    data.reopened ? el("span", { class: "pc-chip" }, `${data.texts["triage.reopened"]}${data.reopened > 1 ? ` ×${data.reopened}` : ""}`) : "",
    ...labels(state),
  );
  if (focused) state.controls.querySelector(`.${focused}`)?.focus();
}

export default function triage({ data, parentElement, setTriggerValue }) {
  parentElement.ponte ??= create(parentElement);
  const state = parentElement.ponte;
  state.send = (name, value) => setTriggerValue(name, value);
  state.clock = clockOf(data.now);
  const key = JSON.stringify({ ...data, now: 0 });
  if (state.key !== key) {
    state.key = key;
    state.data = data;
    draw(state);
  }
  look(data.id);
  state.refresh();
  return () => state.stop();
}
