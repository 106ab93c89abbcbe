// A table whose rows can have actions; on a narrow screen each row is a card.
import { el, full } from "./common.js";

function when(at, locale) {
  const text = new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle: "short" }).format(at);
  return el("time", { datetime: new Date(at).toISOString(), title: full(at, locale) }, text);
}

function content(value, locale) {
  if (value === null || value === undefined || value === "") return [el("span", { class: "pc-grid-none" }, "–")];
  if (typeof value !== "object") return [el("span", { dir: "auto" }, String(value))];
  const { text, sub, at, tone, colour, href, chips } = value;
  const nodes = [];
  if (chips) nodes.push(...chips.map((chip) => el("span", { class: `pc-chip ${chip.tone ? `pc-tone-${chip.tone}` : ""}` }, chip.text)));
  if (at) nodes.push(when(at, locale));
  const kind = colour ? `pc-chip pc-label pc-label-${colour}` : tone ? `pc-chip pc-tone-${tone}` : value.mono ? "pc-grid-mono" : "";
  if (text && href) nodes.push(el("a", { href, class: kind || "pc-grid-link" }, text));
  else if (text) nodes.push(el("span", { class: kind || null, dir: "auto" }, text));
  if (sub) nodes.push(el("span", { class: "pc-grid-sub", dir: "auto" }, sub));
  return nodes;
}

function row(state, item) {
  const { columns, locale } = state.data;
  const cells = columns.map((column, n) =>
    el(
      n === 0 ? "th" : "td",
      { scope: n === 0 ? "row" : null, "data-label": column.label, class: column.wide ? "pc-grid-wide" : null },
      el("div", { class: "pc-grid-cell" }, ...content(item.cells[column.id], locale)),
    ),
  );
  const actions = (item.actions ?? []).map((action) =>
    el(
      "button",
      {
        type: "button",
        class: `pc-act${action.bad ? " pc-act-bad" : ""} st-key-${action.id}-${item.id}`,
        disabled: Boolean(action.why),
        title: action.why ?? null,
        "aria-label": `${action.label}: ${item.name ?? item.id}`,
        onclick: () => state.send("act", { row: item.id, action: action.id, n: Date.now() }),
      },
      action.label,
    ),
  );
  if (state.data.actions) cells.push(el("td", { class: "pc-grid-actions" }, el("div", {}, ...actions)));
  return el("tr", { class: item.faded ? "pc-grid-faded" : null, "aria-current": item.on ? "true" : null }, ...cells);
}

function draw(state) {
  const { columns, rows, empty, caption, actions, more } = state.data;
  const head = columns.map((column) => el("th", { scope: "col" }, column.label));
  if (actions) head.push(el("th", { scope: "col" }, el("span", { class: "pc-sr" }, actions)));
  const active = document.activeElement?.classList.contains("pc-act") ? document.activeElement.className : "";
  state.root.replaceChildren(
    rows.length
      ? el(
          "table",
          { class: "pc-grid" },
          el("caption", { class: "pc-sr" }, caption),
          el("thead", {}, el("tr", {}, ...head)),
          el("tbody", {}, ...rows.map((item) => row(state, item))),
        )
      : el("p", { class: "pc-grid-empty" }, empty),
    more ? el("button", { type: "button", class: "pc-more", onclick: () => state.send("more", Date.now()) }, more) : "",
  );
  if (active) [...state.root.querySelectorAll(".pc-act")].find((node) => node.className === active)?.focus({ preventScroll: true });
}

const states = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  let state = states.get(parentElement);
  if (!state) {
    state = { root: el("div", { class: "pc-grid-box" }) };
    parentElement.append(state.root);
    states.set(parentElement, state);
  }
  state.send = setTriggerValue;
  const json = JSON.stringify(data);
  if (state.json !== json) {
    state.json = json;
    state.data = data;
    draw(state);
  }
}
