// Sends what the composers wrote, whatever conversation is open, and tells of what was not sent elsewhere.
import { el, fill, icon } from "./common.js";
import * as outbox from "./outbox.js";

const LOOK = 1_000;

function create(root) {
  const state = { box: el("div", { class: "pc-unsent", role: "status" }) };
  root.append(state.box);
  const timer = setInterval(outbox.push, LOOK);
  const off = outbox.follow(() => draw(state));
  state.stop = () => {
    clearInterval(timer);
    off();
  };
  return state;
}

function notice(state, { conversation, name, why, whole }) {
  const { texts } = state.data;
  return el(
    "div",
    { class: "pc-notice pc-notice-bad" },
    el("span", {}, whole ? why : fill(texts["reply.unsent_to"], { name, why })),
    el("button", { type: "button", class: "pc-link st-key-unsent-open", onclick: () => state.send("open", conversation) }, texts["reply.unsent_open"]),
    el("button", { type: "button", class: "pc-quiet", title: texts["head.dismiss"], onclick: () => outbox.dismiss(conversation) }, icon("close"), el("span", { class: "pc-sr" }, texts["head.dismiss"])),
  );
}

function draw(state) {
  const elsewhere = outbox.problems().filter(({ conversation }) => conversation !== state.data.open);
  state.box.replaceChildren(...elsewhere.map((problem) => notice(state, problem)));
}

export default function sender({ data, parentElement, setTriggerValue }) {
  const first = !parentElement.ponte;
  parentElement.ponte ??= create(parentElement);
  const state = parentElement.ponte;
  state.data = data;
  state.send = (name, value) => setTriggerValue(name, value);
  outbox.connect(data.me, (item) => state.send("send", item));
  if (first) outbox.expire(data.me, (name) => fill(data.texts["reply.unsent_maybe"], { name }));
  outbox.settle(data.outcome);
  outbox.push();
  draw(state);
  return () => state.stop();
}
