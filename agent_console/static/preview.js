// The translation of a reply, looked at and changed before it is sent. It is kept as drafts are.
import { el, fill, icon } from "./common.js";
import * as drafts from "./drafts.js";

/**
 * Build the place of the translation. `context()` gives {texts}, `place()` where it is kept; `act` has
 * send(text, original), plain(original), changed(), closed().
 */
export function looking(context, place, most, act) {
  const state = { found: null };
  const look = el("div", { class: "pc-translation", role: "group", hidden: true });

  function draw() {
    const { texts } = context();
    const { text, original, language } = state.found;
    const word = fill(texts["translate.preview"], { language });
    const box = el("textarea", { rows: "3", maxlength: String(most), dir: "auto", "aria-label": word });
    box.value = text;
    const send = () => box.value.trim() && act.send(box, original);
    box.addEventListener("input", () => keep({ text: box.value, original, language }));
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") cancel();
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      send();
    });
    look.replaceChildren(
      el("span", { class: "pc-cap" }, word),
      box,
      el(
        "div",
        { class: "pc-buttons" },
        el("button", { type: "button", class: "pc-tool pc-tool-wide pc-primary st-key-translate-send", onclick: send }, icon("send"), el("span", {}, texts["translate.send"])),
        el("button", { type: "button", class: "pc-tool pc-tool-wide st-key-translate-original", onclick: () => act.plain(original) }, texts["translate.send_original"]),
        el("button", { type: "button", class: "pc-tool pc-tool-wide", onclick: cancel }, texts["translate.cancel"]),
      ),
    );
    return box;
  }

  function keep(found) {
    state.found = found;
    drafts.keep(place(), found);
  }

  function cancel() {
    close();
    act.changed();
    act.closed();
  }

  function close() {
    if (state.found) drafts.keep(place(), { text: "" });
    state.found = null;
  }

  return {
    box: look,
    on: () => state.found !== null,
    /** Show a translation {text, original, language}. */
    open(found) {
      keep(found);
      const box = draw();
      act.changed();
      box.focus();
    },
    /** Another conversation, whose reply is `original`: its translation, if one is kept of that. */
    enter(original) {
      const found = drafts.kept(place());
      state.found = found.text && found.original === original ? found : null;
      if (state.found) draw();
    },
    close,
    show: (wanted) => (look.hidden = !wanted || state.found === null),
  };
}
