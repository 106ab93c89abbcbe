// The queue by keyboard: j and k or the arrows through the rows, n for the next one, / to search, ? for help.
import { el, icon } from "./common.js";

const EDITABLE = "input, textarea, select, [contenteditable=true], [role=combobox], [role=listbox]";

/** Listen until `stop` is called. `act` has next(), search(). */
export function keys(root, act) {
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (event.target instanceof Element && event.target.closest(EDITABLE)) return;
    if (document.querySelector("dialog[open], [role=dialog]")) return;
    const arrow = event.key === "ArrowDown" || event.key === "ArrowUp";
    // Arrows scroll what has the focus; in the queue, or when nothing has it, they go through the rows.
    if (arrow && event.target !== document.body && !root.contains(event.target)) return;
    const does = { j: () => step(root, 1), ArrowDown: () => step(root, 1), k: () => step(root, -1), ArrowUp: () => step(root, -1), n: act.next, "/": act.search, "?": act.help }[event.key];
    if (!does || (arrow && event.target.closest?.("[role=tablist], .pc-popup"))) return;
    event.preventDefault();
    // A key that is held down goes on through the rows, but takes one customer.
    if (event.repeat && does === act.next) return;
    does();
  };
  document.addEventListener("keydown", press);
  return () => document.removeEventListener("keydown", press);
}

function step(root, by) {
  const rows = [...root.querySelectorAll(".pc-row")];
  if (!rows.length) return;
  let at = rows.indexOf(document.activeElement);
  if (at < 0) {
    const open = rows.findIndex((row) => row.getAttribute("aria-current") === "true");
    at = open >= 0 ? open : by > 0 ? -1 : rows.length;
  }
  rows[Math.min(rows.length - 1, Math.max(0, at + by))].focus();
}

/** The dialog that shows the keys. */
export function help(texts) {
  const line = (names, text) => el("div", {}, el("dt", {}, ...names.map((name) => el("kbd", {}, name))), el("dd", {}, text));
  const dialog = el(
    "dialog",
    { class: "pc-keys st-key-keys", "aria-labelledby": "pc-keys-title" },
    el("h2", { id: "pc-keys-title" }, texts["keys.title"]),
    el(
      "dl",
      {},
      line(["j", "↓"], texts["keys.down"]),
      line(["k", "↑"], texts["keys.up"]),
      line(["Enter"], texts["keys.open"]),
      line(["n"], texts["keys.next"]),
      line(["/"], texts["keys.search"]),
      line(["?"], texts["keys.help"]),
    ),
    el("button", { type: "button", class: "pc-quiet pc-keys-close", title: texts["keys.close"], onclick: () => dialog.close() }, icon("close"), el("span", { class: "pc-sr" }, texts["keys.close"])),
  );
  return dialog;
}
