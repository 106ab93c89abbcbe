// Outside WhatsApp's 24-hour window only an approved template goes through: choose one, fill it in, read it.
import { ask } from "./asking.js";
import { el, fill } from "./common.js";

const FRESH = 120_000;
const PLACE = /\{\{\s*(\w+)\s*\}\}/g;

/** Build the picker. `context()` gives {conversation, customer, locale, texts}; `changed()` follows each key. */
export function picker(context, changed) {
  const state = { items: null, at: 0, values: {}, sid: "" };
  const choice = el("select", { class: "pc-field st-key-template-pick" });
  const fields = el("div", { class: "pc-fields" });
  const shown = el("p", { class: "pc-preview", dir: "auto" });
  const label = el("span", { class: "pc-cap" });
  const problem = el("p", { class: "pc-why", role: "status", hidden: true });
  const box = el("div", { class: "pc-picker", hidden: true }, problem, choice, fields, label, shown);
  choice.addEventListener("change", () => {
    state.sid = choice.value;
    lay();
  });

  const chosen = () => state.items?.find((item) => item.sid === state.sid) ?? null;
  const value = (name) => state.values[`${state.sid}.${name}`] ?? "";
  const body = () => chosen()?.body.replace(PLACE, (whole, name) => value(name) || `[${chosen().samples[name] || name}]`) ?? "";

  async function load() {
    if (state.items && Date.now() - state.at < FRESH) return;
    state.at = Date.now();
    try {
      state.items = (await ask("write/templates", {}, context())).items;
      state.problem = state.items.length ? null : context().texts["template.none"];
    } catch (refused) {
      state.at = 0;
      state.problem = refused.message;
    }
    const fits = (item) => item.language.replace("_", "-").toLowerCase().startsWith(context().customer.toLowerCase().split("-")[0]);
    state.items?.sort((a, b) => fits(b) - fits(a) || a.name.localeCompare(b.name));
    if (!chosen()) state.sid = state.items?.[0]?.sid ?? "";
    lay();
  }

  function lay() {
    const { texts } = context();
    const template = chosen();
    choice.hidden = !template;
    problem.hidden = !state.problem;
    problem.textContent = state.problem ?? "";
    choice.setAttribute("aria-label", texts["template.pick"]);
    choice.replaceChildren(...(state.items ?? []).map((item) => el("option", { value: item.sid, selected: item.sid === state.sid }, `${item.name} · ${item.language.replace("_", "-")}`)));
    fields.replaceChildren(
      ...(template?.variables ?? []).map((name) => {
        const input = el("input", { type: "text", class: "pc-field", maxlength: "1600", placeholder: template.samples[name] ?? "", value: value(name), dir: "auto" });
        input.addEventListener("input", () => {
          state.values[`${state.sid}.${name}`] = input.value;
          read();
        });
        return el("label", { class: "pc-cap" }, fill(texts["template.variable"], { name }), input);
      }),
    );
    label.textContent = template ? texts["template.preview"] : "";
    read();
  }

  function read() {
    shown.hidden = !chosen();
    shown.textContent = body();
    changed();
  }

  return {
    box,
    show(on) {
      box.hidden = !on;
      if (on) load();
    },
    enter() {
      state.values = {};
    },
    /** What would be sent, or null while something is missing. */
    ready() {
      const template = chosen();
      if (!template || template.variables.some((name) => !value(name).trim())) return null;
      return { sid: template.sid, variables: Object.fromEntries(template.variables.map((name) => [name, value(name).trim()])), body: body() };
    },
  };
}
