// What the bot knew when it handed the conversation over: read from the server when somebody asks.
import { ask, Refused } from "./asking.js";
import { el, fill, full } from "./common.js";

function figures({ figures: found, phrase }, texts) {
  const parts = found.map(({ name, value, bound }) => `${name} ${bound ? fill(texts["known.bound"], { value, bound }) : value}`);
  if (phrase) parts.push(fill(texts["known.phrase"], { phrase }));
  return parts.join(" · ");
}

function listed(found, { texts, locale }) {
  const rows = found.decisions.map((decision) =>
    el(
      "li",
      { title: full(decision.at, locale) },
      el("span", { class: `pc-chip${decision.human ? " pc-chip-wait" : ""}` }, decision.label),
      el("span", {}, ` ${fill(texts["known.message"], { seq: decision.seq })} · ${figures(decision, texts)}`),
    ),
  );
  const line = (word, text) => (text ? [el("dt", {}, word), el("dd", { dir: "auto" }, text)] : []);
  return [
    rows.length ? el("ol", { class: "pc-decisions" }, ...rows) : el("p", { class: "pc-known-none" }, texts["known.none"]),
    el(
      "dl",
      {},
      ...line(texts["known.sources"], found.sources.join(", ") || texts["known.no_sources"]),
      ...line(texts["known.prompt"], found.prompt),
      ...line(texts["known.memory"], found.memory),
    ),
  ];
}

/** Build the fold. `state.data` has {id, locale, texts}; it stays open while the head is drawn anew. */
export function known(state, id) {
  const { texts } = state.data;
  state.known ??= new Map();
  const body = el("div", { class: "pc-known-body" });
  const fold = el("details", { class: "pc-known st-key-known", open: state.known.get(id)?.open }, el("summary", {}, texts["known.show"]), body);
  const show = (found) => body.replaceChildren(...listed(found, state.data));
  const load = async () => {
    try {
      const found = await ask("person/known", { conversation: id }, state.data);
      state.known.set(id, { open: fold.open, found });
      show(found);
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      body.replaceChildren(el("p", { class: "pc-error", role: "alert" }, refused.message));
    }
  };
  const before = state.known.get(id)?.found;
  if (before) show(before);
  fold.addEventListener("toggle", () => {
    const was = state.known.get(id);
    state.known.set(id, { ...was, open: fold.open });
    if (fold.open) load();
  });
  return fold;
}
