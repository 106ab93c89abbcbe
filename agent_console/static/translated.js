// Translations of what the customer wrote: on demand, or of all that is shown; the original one click away.
import { ask } from "./asking.js";
import { el } from "./common.js";
import { followTranslating, translating } from "./translating.js";

const AT_ONCE = 20;
const PAUSE = 15_000;

/** Build the translations of a transcript. `context()` gives its data; `changed()` is called to draw again. */
export function translations(context, changed) {
  const state = { texts: new Map(), original: new Set(), wanted: new Set(), busy: false, until: 0 };

  const able = (item) => item.foreign && !context().no_aid;

  /** Ask for what is wanted, a few at a time, the newest first. */
  async function work() {
    if (state.busy || Date.now() < state.until) return;
    const { messages, me, conversation } = context();
    const all = translating(me);
    const missing = messages.filter((item) => able(item) && !state.texts.has(item.id) && (all || state.wanted.has(item.id)));
    const ids = missing.slice(-AT_ONCE).map((item) => item.id);
    if (!ids.length) return;
    state.busy = true;
    try {
      const { texts } = await ask("write/translate", { conversation, messages: ids.join(" ") }, context());
      for (const id of ids) {
        if (texts[id]) state.texts.set(id, texts[id]);
        state.wanted.delete(id);
      }
      state.problem = null;
      // What the model left out is not asked for again at once.
      if (ids.some((id) => !texts[id])) state.until = Date.now() + PAUSE;
    } catch (refused) {
      state.problem = refused.message;
      state.wanted.clear();
      state.until = Date.now() + PAUSE;
    } finally {
      state.busy = false;
    }
    changed();
    work();
  }

  const shows = (id) => state.texts.has(id) && !state.original.has(id);

  const stop = followTranslating(() => {
    state.until = 0;
    state.original.clear();
    changed();
    work();
  });

  function link(word, onclick) {
    return el("button", { type: "button", class: "pc-link", onclick }, word);
  }

  return {
    stop,
    work,
    /** What a message's translation is now, to be part of what decides whether it is drawn anew. */
    of(item) {
      if (item.original) return { mine: state.original.has(item.id) };
      if (!able(item)) return null;
      return { text: shows(item.id) ? state.texts.get(item.id) : null, known: state.texts.has(item.id), busy: state.wanted.has(item.id), problem: state.problem ?? null };
    },
    /** The nodes below a message. */
    foot(item) {
      const { texts } = context();
      const { translation } = item;
      const flip = () => {
        if (!state.original.delete(item.id)) state.original.add(item.id);
        changed();
      };
      if (!translation) return [];
      if (item.original) {
        const words = translation.mine ? el("span", { class: "pc-heard", dir: "auto" }, el("small", {}, texts["translate.written"]), item.original) : null;
        return [...(words ? [words] : []), el("span", { class: "pc-translated" }, link(texts[translation.mine ? "translate.translated" : "translate.original"], flip))];
      }
      if (translation.text) return [el("span", { class: "pc-translated" }, `${texts["translate.by_model"]} · `, link(texts["translate.original"], flip))];
      if (translation.known) return [el("span", { class: "pc-translated" }, link(texts["translate.translated"], flip))];
      if (translation.busy) return [el("span", { class: "pc-translated", role: "status" }, texts["translate.busy"])];
      const want = () => {
        state.wanted.add(item.id);
        state.until = 0;
        changed();
        work();
      };
      const problem = translation.problem ? el("span", { class: "pc-error" }, translation.problem) : null;
      return [...(problem ? [problem] : []), el("span", { class: "pc-translated" }, link(texts["translate.show"], want))];
    },
  };
}
