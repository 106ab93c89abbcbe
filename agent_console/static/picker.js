// Outside WhatsApp's 24-hour window only an approved template goes through: choose one, fill it in, read it.
import { ask } from "./asking.js";
import { el, fill } from "./common.js";

const FRESH = 120_000;
const PAUSE = 15_000;
const PLACE = /\{\{\s*(\w+)\s*\}\}/g;

/**
 * Build the picker. `context()` gives {conversation, customer, locale, texts}; `changed()` follows what is drawn,
 * `keep({sid, values})` what the agent chose or typed.
 */
export function picker(context, changed, keep) {
  const state = { items: null, until: 0, values: {}, sid: "", laid: "" };
  const choice = el("select", { class: "pc-field st-key-template-pick" });
  const fields = el("div", { class: "pc-fields" });
  const shown = el("p", { class: "pc-preview", dir: "auto" });
  const label = el("span", { class: "pc-cap" });
  const problem = el("p", { class: "pc-why", role: "status", hidden: true });
  const box = el("div", { class: "pc-picker", hidden: true }, problem, choice, fields, label, shown);
  choice.addEventListener("change", () => {
    state.sid = choice.value;
    store();
    lay();
  });

  const chosen = () => state.items?.find((item) => item.sid === state.sid) ?? null;
  const value = (name) => state.values[`${state.sid}.${name}`] ?? "";
  const body = () => chosen()?.body.replace(PLACE, (whole, name) => value(name) || `[${chosen().samples[name] || name}]`) ?? "";
  const store = () => keep({ sid: state.sid, values: state.values });

  /** Read the templates, one time at once; what failed is not tried again at once. */
  async function load() {
    if (state.loading || Date.now() < state.until) return;
    state.loading = true;
    try {
      state.items = (await ask("write/templates", {}, context())).items;
      state.problem = state.items.length ? null : context().texts["template.none"];
      state.failed = false;
      state.until = Date.now() + FRESH;
    } catch (refused) {
      state.problem = refused.message;
      state.failed = true;
      state.until = Date.now() + PAUSE;
    } finally {
      state.loading = false;
    }
    lay();
  }

  /** The customer's language first; what was chosen stays chosen while it is there. */
  function order() {
    const spoken = context().customer.toLowerCase().split("-")[0];
    const fits = (item) => item.language.replace("_", "-").toLowerCase().startsWith(spoken);
    state.items?.sort((a, b) => fits(b) - fits(a) || a.name.localeCompare(b.name));
    if (!chosen()) state.sid = state.items?.[0]?.sid ?? state.sid;
  }

  function lay() {
    order();
    const { texts } = context();
    const template = chosen();
    choice.hidden = !template;
    problem.hidden = !state.problem;
    problem.textContent = state.problem ?? "";
    label.textContent = template ? texts["template.preview"] : "";
    // The fields stay while they are the same ones: somebody may be typing in them.
    const key = JSON.stringify([state.items?.map(({ sid, name }) => [sid, name]), template, state.entered]);
    if (state.laid !== key) {
      state.laid = key;
      choice.setAttribute("aria-label", texts["template.pick"]);
      choice.replaceChildren(...(state.items ?? []).map((item) => el("option", { value: item.sid, selected: item.sid === state.sid }, `${item.name} · ${item.language.replace("_", "-")}`)));
      fields.replaceChildren(...(template?.variables ?? []).map((name) => field(template, name)));
    }
    read();
  }

  function field(template, name) {
    const input = el("input", { type: "text", class: "pc-field", maxlength: "1600", placeholder: template.samples[name] ?? "", value: value(name), dir: "auto" });
    input.addEventListener("input", () => {
      state.values[`${state.sid}.${name}`] = input.value;
      store();
      read();
    });
    return el("label", { class: "pc-cap" }, fill(context().texts["template.variable"], { name }), input);
  }

  function read() {
    shown.hidden = !chosen();
    shown.textContent = body();
    changed();
  }

  return {
    box,
    show(on) {
      const turned = on && box.hidden;
      box.hidden = !on;
      if (turned || (on && state.failed)) load();
    },
    /** Another conversation, or a new start: what is kept {sid, values} of it. */
    enter({ sid = "", values = {} } = {}) {
      state.sid = sid;
      state.values = { ...values };
      state.entered = (state.entered ?? 0) + 1;
      if (state.items) lay();
      if (!box.hidden) load();
    },
    /** What would be sent, or null while something is missing. */
    ready() {
      const template = chosen();
      if (!template || template.variables.some((name) => !value(name).trim())) return null;
      return { sid: template.sid, variables: Object.fromEntries(template.variables.map((name) => [name, value(name).trim()])), body: body() };
    },
  };
}
