// The buttons under the text. Each says what it does, and, while it cannot, why.
import { el, fill, icon } from "./common.js";
import { allow } from "./reasons.js";
import { setTranslating, translating } from "./translating.js";

const ICONS = { attach: "attach", record: "audio", canned: "quick", draft: "spark", voice: "speak", translate: "translate" };

/** Build the buttons; `act` has what each does, and changed(). */
export function toolbar(context, act) {
  const turn = () => {
    setTranslating(context().me, !translating(context().me));
    act.changed();
  };
  const tool = (name) => el("button", { type: "button", class: `pc-tool st-key-tool-${name}`, onclick: act[name] ?? turn }, icon(ICONS[name]), el("span", { class: "pc-tool-word" }));
  const buttons = Object.fromEntries(Object.keys(ICONS).map((name) => [name, tool(name)]));

  /** Say how one stands: `why` it cannot be used, whether it waits, whether it is on. */
  function set(name, why, waits, { on = null, word = context().texts[`tool.${name}`], hidden = false } = {}) {
    const button = buttons[name];
    button.hidden = hidden;
    button.disabled = !why && waits;
    allow(button, why, word);
    button.lastElementChild.textContent = word;
    if (on !== null) button.setAttribute("aria-pressed", String(on));
    button.classList.toggle("pc-on", on === true);
  }

  return {
    buttons: Object.values(buttons),
    /** `reply`: a reply is written; `why` it may not be; `occupied`: by something else; `busy`: with the model. */
    arrange({ reply, why, occupied, busy, voice }) {
      const data = context();
      const hidden = !reply;
      for (const name of ["attach", "record", "canned"]) set(name, why, occupied, { hidden });
      set("draft", why ?? data.no_aid, occupied || busy !== null, { hidden, word: data.texts[busy === "draft" ? "draft.busy" : "tool.draft"] });
      set("voice", why ?? data.no_voice, occupied, { hidden, on: voice });
      const word = fill(data.texts["tool.translate"], { language: data.translate ?? "" });
      set("translate", data.no_aid, false, { hidden: hidden || !data.translate, on: translating(data.me), word });
    },
  };
}
