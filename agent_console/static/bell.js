// The bell in the queue's head: which alerts sound, which show on the desktop.
import { muted, permission, prefer, preferences, sound } from "./alerts.js";
import { el, icon } from "./common.js";
import { popup } from "./popup.js";

export function bell(texts) {
  const word = el("span", { class: "pc-sr" });
  const button = el("button", { type: "button", class: "pc-quiet st-key-bell" }, icon("bell"), word);
  const trouble = el("p", { class: "pc-bell-trouble", role: "status", hidden: true });
  const boxes = [];
  const panel = el("div", { class: "pc-popup pc-bell-panel", role: "group", "aria-label": texts["bell.title"] });
  const redraw = () => {
    const chosen = preferences();
    for (const box of boxes) {
      const blocked = box.name.startsWith("desktop_") && permission() !== "granted";
      box.checked = chosen[box.name] && !blocked;
    }
    const state = permission();
    trouble.hidden = state === "granted" || state === "default";
    trouble.textContent = texts[state === "unsupported" ? "bell.unsupported" : "bell.blocked"];
    word.textContent = muted() ? texts["bell.muted"] : texts["bell.title"];
    button.title = word.textContent;
    button.replaceChild(icon(muted() ? "bell_off" : "bell"), button.firstChild);
  };
  const choose = async (box) => {
    if (box.name.startsWith("desktop_") && box.checked && permission() === "default") await Notification.requestPermission();
    prefer(box.name, box.checked && (!box.name.startsWith("desktop_") || permission() === "granted"));
    redraw();
  };
  const option = (name, label) => {
    const box = el("input", { type: "checkbox", name, onchange: () => choose(box) });
    boxes.push(box);
    return el("label", { class: "pc-option" }, box, el("span", {}, label));
  };
  for (const kind of ["waiting", "answer"]) {
    panel.append(
      el("fieldset", {}, el("legend", {}, texts[`bell.${kind}`]), option(`sound_${kind}`, texts["bell.sound"]), option(`desktop_${kind}`, texts["bell.desktop"])),
    );
  }
  panel.append(
    option("words", texts["bell.words"]),
    trouble,
    el("button", { type: "button", class: "pc-more pc-bell-test", onclick: () => sound("waiting") }, texts["bell.test"]),
  );
  const tied = popup(button, panel, redraw);
  redraw();
  return { node: el("div", { class: "pc-bell" }, button, panel), stop: tied.stop };
}
