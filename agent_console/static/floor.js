// The floor: the queue with its clocks, and the agents with what they hold.
import { clockOf, el, fill, full, icon, live, reconcile, span, ticking } from "./common.js";

const MINUTE = 60_000;
// A target that is this near is said to be.
const SOON = 2 * MINUTE;

function create(root) {
  const state = {
    title: el("h1", { class: "pc-page-title" }),
    closed: el("p", { class: "pc-floor-closed", role: "status", hidden: true }),
    notice: el("div", { class: "pc-floor-notice", role: "status" }),
    tiles: el("div", { class: "pc-tiles" }),
    queueTitle: el("h2", { id: "pc-floor-queue" }),
    queueTarget: el("span", { class: "pc-target" }),
    queue: el("ul", { class: "pc-cases", "aria-labelledby": "pc-floor-queue" }),
    queueFoot: el("p", { class: "pc-floor-empty" }),
    desksTitle: el("h2", { id: "pc-floor-desks" }),
    desksTarget: el("span", { class: "pc-target" }),
    desks: el("ul", { class: "pc-desks", "aria-labelledby": "pc-floor-desks" }),
    desksFoot: el("p", { class: "pc-floor-empty" }),
    moving: null,
  };
  root.append(
    el(
      "div",
      { class: "pc-floor" },
      el("div", { class: "pc-floor-top" }, state.title, state.tiles),
      state.closed,
      state.notice,
      el(
        "div",
        { class: "pc-floor-parts" },
        el("section", {}, el("div", { class: "pc-floor-head" }, state.queueTitle, state.queueTarget), state.queue, state.queueFoot),
        el("section", {}, el("div", { class: "pc-floor-head" }, state.desksTitle, state.desksTarget), state.desks, state.desksFoot),
      ),
    ),
  );
  state.stop = ticking(root);
  return state;
}

/** How a target stands, in words; the colour and the icon only say it again. */
function clock(state, item) {
  if (!item.due) return null;
  const { locale, texts } = state.data;
  const box = el("span", { class: "pc-due" });
  const words = live("span", {}, () => {
    const left = item.due - state.clock();
    const name = left < 0 ? "late" : left < SOON ? "soon" : "ok";
    if (box.dataset.due !== name) {
      box.dataset.due = name;
      box.firstChild?.replaceWith(icon(name === "late" ? "failed" : "clock"));
    }
    const length = Math.abs(left) < MINUTE ? texts["floor.under_a_minute"] : span(Math.abs(left), locale);
    return fill(texts[`floor.due.${name}`], { time: length });
  });
  box.append(icon(box.dataset.due === "late" ? "failed" : "clock"), words);
  box.title = full(item.due, locale);
  return box;
}

function since(state, item) {
  const { locale, texts } = state.data;
  const key = item.waiting ? "floor.waiting_for" : "floor.held_for";
  return live("span", { class: "pc-since", title: full(item.since, locale) }, () => {
    const passed = Math.max(0, state.clock() - item.since);
    return fill(texts[key], { time: passed < MINUTE ? texts["floor.under_a_minute"] : span(passed, locale) });
  });
}

function unanswered(state, item) {
  if (!item.unanswered) return null;
  const { locale, texts } = state.data;
  return live("span", { class: "pc-chip pc-chip-wait" }, () => {
    const passed = Math.max(0, state.clock() - item.unanswered);
    return fill(texts["floor.unanswered"], { time: passed < MINUTE ? texts["floor.under_a_minute"] : span(passed, locale) });
  });
}

function link(state, id, label, text) {
  return el(
    "a",
    {
      class: "pc-floor-link",
      href: state.data.address + encodeURIComponent(id),
      target: "_self",
      title: label,
      onclick: (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
        event.preventDefault();
        state.send("open", id);
      },
    },
    text,
  );
}

/** The form that gives a conversation to somebody else; one is open at a time. */
function mover(state, item) {
  const { texts, targets } = state.data;
  const chosen = targets.filter((target) => target.id !== item.holderId);
  const select = el("select", { class: "pc-floor-select", "aria-label": fill(texts["floor.assign_of"], { name: item.name }) });
  if (!item.waiting) select.append(el("option", { value: "" }, texts["floor.to_queue"]));
  for (const target of chosen) select.append(el("option", { value: target.id }, target.label));
  select.value = state.moving.to ?? select.options[0]?.value ?? "";
  select.addEventListener("change", () => (state.moving.to = select.value));
  const confirm = () => {
    state.send("assign", { conversation: item.id, to: select.value });
    move(state, null);
  };
  return el(
    "div",
    { class: "pc-floor-form", onkeydown: (event) => event.key === "Escape" && move(state, null) },
    select,
    el("button", { type: "button", class: "pc-floor-button pc-floor-main", onclick: confirm }, texts["floor.assign_confirm"]),
    el("button", { type: "button", class: "pc-floor-button", onclick: () => move(state, null) }, texts["floor.cancel"]),
  );
}

function move(state, id) {
  const before = state.moving?.id;
  state.moving = id ? { id } : null;
  draw(state);
  const node = state.root.querySelector(`[data-case="${CSS.escape(id ?? before ?? "")}"]`);
  (id ? node?.querySelector("select") : node?.querySelector(".pc-floor-move"))?.focus();
}

function caseRow(state, item) {
  const { texts } = state.data;
  const open = state.moving?.id === item.id;
  const able = state.data.targets.some((target) => target.id !== item.holderId) || !item.waiting;
  return el(
    "li",
    { class: "pc-case", "data-case": item.id },
    el(
      "div",
      { class: "pc-case-line" },
      link(state, item.id, fill(texts["floor.listen"], { name: item.name }), item.name),
      item.priority ? el("span", { class: "pc-chip pc-closed" }, item.priority) : null,
      el("span", { class: "pc-chip", title: item.language_name }, item.language),
      clock(state, item),
    ),
    item.why ? el("div", { class: "pc-case-why", title: item.summary || null, dir: "auto" }, item.why) : null,
    el(
      "div",
      { class: "pc-case-line pc-case-foot" },
      since(state, item),
      item.trigger && item.waiting ? el("span", { class: "pc-chip" }, item.trigger) : null,
      unanswered(state, item),
      item.transfers ? el("span", { class: "pc-since" }, item.transfers) : null,
      item.watched ? el("span", { class: "pc-since" }, fill(texts["floor.watched"], { names: item.watched })) : null,
      el(
        "button",
        {
          type: "button",
          class: `pc-floor-button pc-floor-move st-key-assign-${item.id}`,
          "aria-expanded": open ? "true" : "false",
          disabled: !able,
          title: able ? null : texts["floor.nobody"],
          onclick: () => move(state, open ? null : item.id),
        },
        texts["floor.assign"],
      ),
    ),
    open ? mover(state, item) : null,
  );
}

function presence(state, desk) {
  const { locale, texts } = state.data;
  if (!desk.online) return el("span", { class: "pc-presence" }, texts["floor.offline"]);
  return live("span", { class: "pc-presence pc-here", title: full(desk.since, locale) }, () => {
    const passed = Math.max(0, state.clock() - desk.since);
    return fill(texts["floor.online_for"], { time: passed < MINUTE ? texts["floor.under_a_minute"] : span(passed, locale) });
  });
}

function looking(state, desk) {
  if (!desk.on.length) return null;
  const { texts } = state.data;
  const box = el("div", { class: "pc-desk-on" }, `${texts["floor.on"]} `);
  desk.on.forEach((one, n) => {
    if (n) box.append(", ");
    box.append(link(state, one.id, fill(texts["floor.listen"], { name: one.name }), one.name));
    if (one.typing) box.append(` (${texts["floor.typing"]})`);
  });
  return box;
}

function deskRow(state, desk) {
  const cases = el("ul", { class: "pc-cases" }, ...desk.cases.map((item) => caseRow(state, { ...item, holderId: desk.id })));
  return el(
    "li",
    { class: `pc-desk${desk.online || desk.held ? "" : " pc-away"} st-key-desk-${desk.id}` },
    el(
      "div",
      { class: "pc-desk-head" },
      el("span", { class: `pc-dot${desk.online ? " pc-here" : ""}`, "aria-hidden": "true" }),
      el("b", { class: "pc-desk-name" }, desk.name),
      el("span", { class: "pc-desk-role" }, desk.role),
      desk.online || desk.held ? el("span", { class: "pc-desk-load" }, desk.load) : null,
      presence(state, desk),
    ),
    looking(state, desk),
    desk.cases.length ? cases : null,
    desk.snoozed || desk.more ? el("div", { class: "pc-desk-on" }, [desk.snoozed, desk.more].filter(Boolean).join(" · ")) : null,
  );
}

function notice(state) {
  const said = state.data.notice;
  const key = JSON.stringify(said);
  if (state.noticeKey === key) return;
  state.noticeKey = key;
  state.notice.replaceChildren();
  if (!said) return;
  const close = el(
    "button",
    { type: "button", class: "pc-quiet", "aria-label": state.data.texts["floor.dismiss"], onclick: () => state.send("dismiss", true) },
    icon("close"),
  );
  state.notice.append(el("div", { class: `pc-floor-said pc-floor-${said.kind}` }, el("span", {}, said.text), close));
}

/** How many have missed their target: of what is shown as time passes, of the rest as the server counted. */
function late(state) {
  const { queue, desks, late_behind, late_uncounted } = state.data;
  const shown = [...queue, ...desks.flatMap((desk) => desk.cases)].filter((item) => item.due && item.due < state.clock());
  return `${shown.length + late_behind}${late_uncounted ? "+" : ""}`;
}

function tile(state, item) {
  const number = item.id === "late" ? live("b", {}, () => late(state)) : el("b", {}, String(item.value));
  return el("div", { class: `pc-tile pc-tile-${item.id}` }, number, el("span", {}, item.label));
}

function draw(state) {
  const { data } = state;
  const { texts } = data;
  state.title.textContent = texts["floor.title"];
  state.closed.hidden = !data.closed;
  state.closed.textContent = data.closed ?? "";
  notice(state);
  const tiles = [...data.tiles.slice(0, 1), { id: "late", label: texts["floor.tile.late"], value: 0 }, ...data.tiles.slice(1)];
  reconcile(state.tiles, tiles, (item) => tile(state, item));
  state.queueTitle.textContent = texts["floor.queue"];
  state.desksTitle.textContent = texts["floor.team"];
  state.queueTarget.textContent = data.targets_met.wait ? fill(texts["floor.target_wait"], { time: data.targets_met.wait }) : "";
  state.desksTarget.textContent = data.targets_met.reply ? fill(texts["floor.target_reply"], { time: data.targets_met.reply }) : "";
  const open = (item) => ({ ...item, open: state.moving?.id === item.id && data.targets });
  reconcile(state.queue, data.queue.map(open), (item) => caseRow(state, item));
  state.queueFoot.textContent = data.queue.length ? (data.more ?? "") : texts["floor.nobody_waits"];
  reconcile(state.desks, data.desks.map((desk) => ({ ...desk, cases: desk.cases.map(open) })), (desk) => deskRow(state, desk));
  state.desksFoot.textContent = data.desks.length ? "" : texts["floor.no_agents"];
  for (const node of state.root.querySelectorAll("[data-tick]")) node.ponteTick?.();
}

export default function floor({ data, parentElement, setTriggerValue }) {
  parentElement.ponte ??= create(parentElement);
  const state = parentElement.ponte;
  state.root = parentElement;
  state.data = data;
  state.clock = clockOf(data.now);
  state.send = (name, value) => setTriggerValue(name, value);
  draw(state);
  return () => state.stop();
}
