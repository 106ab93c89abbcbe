// The head of the open conversation: who it is, how it stands, why it came here.
import { ago, clockOf, el, fill, full, icon, live, span, ticking } from "./common.js";
import { forms } from "./forms.js";
import { known } from "./known.js";
import { mend } from "./reasons.js";

const SOON = 2 * 3_600_000;

function create(root) {
  const state = { box: el("div", { class: "pc-head" }), folded: new Map() };
  root.append(state.box);
  state.forms = forms(() => state.data);
  state.actions = mend(() => state.data.denied);
  const still = ticking(root);
  state.stop = () => {
    still();
    state.forms.stop();
    state.actions.stop();
  };
  return state;
}

function windowChip(state) {
  const { texts, locale, window_expires: expires, status } = state.data;
  if (status === "RESOLVED") return null;
  if (expires === null) return el("span", { class: "pc-chip" }, texts["head.window_none"]);
  return live("span", { class: "pc-chip pc-window", title: full(expires, locale) }, (node) => {
    const left = expires - state.clock();
    node.classList.toggle("pc-soon", left > 0 && left < SOON);
    node.classList.toggle("pc-closed", left <= 0);
    return left > 0 ? fill(texts["head.window_open"], { time: span(left, locale) }) : texts["head.window_closed"];
  });
}

function statusChip(state) {
  const { status, status_label: label, waiting_since: since, texts, locale } = state.data;
  if (since === null) return el("span", { class: `pc-chip pc-chip-${status}` }, label);
  return live("span", { class: "pc-chip pc-chip-wait", title: full(since, locale) }, () => {
    const passed = state.clock() - since;
    return passed < 60_000 ? label : `${label} · ${ago(passed, locale, texts["app.just_now"])}`;
  });
}

/** Why it came here: open while somebody is to take it, one line afterwards, and as the agent left it. */
function handoff(state) {
  const { handoff: card, texts, id, locale, status } = state.data;
  if (!card) return null;
  const open = state.folded.get(id) ?? (status === "AWAITING_AGENT" && window.innerWidth >= 768);
  const summary = el(
    "summary",
    { title: full(card.at, locale) },
    el("b", {}, texts["head.handoff"]),
    el("span", { class: "pc-chip pc-chip-wait" }, card.trigger),
    el("span", { class: "pc-fold-reason", dir: "auto" }, card.reason),
    el("span", { class: "pc-score" }, card.score),
  );
  const details = el(
    "details",
    { class: "pc-handoff st-key-handoff", open },
    summary,
    el(
      "dl",
      {},
      el("dt", {}, texts["head.reason"]),
      el("dd", { class: "pc-reason", dir: "auto" }, card.reason),
      card.summary ? el("dt", {}, texts["head.summary"]) : null,
      card.summary ? el("dd", { class: "pc-handoff-summary", dir: "auto" }, card.summary) : null,
    ),
  );
  details.append(known(state, id));
  summary.addEventListener("click", () => state.folded.set(id, !details.open));
  return details;
}

function notice(state) {
  const { notice: said, texts } = state.data;
  if (!said) return null;
  return el(
    "div",
    { class: `pc-notice pc-notice-${said.kind} st-key-notice`, role: said.kind === "bad" ? "alert" : "status" },
    el("span", {}, said.text),
    el(
      "button",
      { type: "button", class: "pc-quiet", title: texts["head.dismiss"], onclick: () => state.send("dismiss", true) },
      icon("close"),
      el("span", { class: "pc-sr" }, texts["head.dismiss"]),
    ),
  );
}

export default function head({ data, parentElement, setTriggerValue }) {
  parentElement.ponte ??= create(parentElement);
  const state = parentElement.ponte;
  state.send = (name, value) => setTriggerValue(name, value);
  state.clock = clockOf(data.now);
  state.data = data;
  state.forms.settle(data.finished);
  state.actions.look();
  const key = JSON.stringify({ ...data, now: 0 });
  if (state.key === key) {
    for (const node of state.box.querySelectorAll("[data-tick]")) node.ponteTick?.();
    return () => state.stop();
  }
  state.key = key;
  state.box.replaceChildren(
    el(
      "div",
      { class: "pc-who" },
      el(
        "button",
        { type: "button", class: "pc-quiet pc-back st-key-back", title: data.texts["head.back"], onclick: () => state.send("back", true) },
        icon("back"),
        el("span", { class: "pc-sr" }, data.texts["head.back"]),
      ),
      el("h1", { dir: "auto" }, data.name),
      data.number === data.name ? "" : el("span", { class: "pc-number" }, data.number),
      el("span", { class: "pc-number" }, data.language),
      el(
        "button",
        { type: "button", class: "pc-quiet pc-person-open st-key-person-open", title: data.texts["head.person"], onclick: () => document.dispatchEvent(new CustomEvent("ponte:person")) },
        icon("person"),
        el("span", { class: "pc-sr" }, data.texts["head.person"]),
      ),
    ),
    el("div", { class: "pc-chips" }, statusChip(state), windowChip(state), data.opted_out_at ? el("span", { class: "pc-chip pc-closed" }, data.texts["head.opted_out"]) : "", data.disposition ? el("span", { class: "pc-chip" }, data.disposition) : ""),
    handoff(state) ?? "",
    notice(state) ?? "",
  );
  return () => state.stop();
}
