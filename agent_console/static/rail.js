// The rail beside every page: where one can go, who one is, and the way out.
import { attend } from "./alerts.js";
import { el, icon } from "./common.js";
import { start } from "./wire.js";

async function logOut() {
  await fetch("/agent/logout", { method: "POST", redirect: "manual" });
  window.location.assign("/agent/login");
}

function button(id, label, attributes) {
  return el(
    "button",
    { type: "button", class: `pc-rail-item st-key-${id}`, title: label, ...attributes },
    icon(attributes.icon),
    el("span", { class: "pc-rail-label" }, label),
  );
}

function draw(state) {
  const { label, places, me, texts } = state.data;
  state.nav.setAttribute("aria-label", label);
  state.nav.replaceChildren(
    ...places.map((place) =>
      button(`place-${place.id}`, place.label, {
        icon: place.id,
        "aria-current": place.on ? "page" : null,
        onclick: () => state.send("go", place.id),
      }),
    ),
    el("span", { class: "pc-rail-space" }),
    button("logout", `${texts["app.log_out"]} (${me.name})`, { icon: "out", onclick: logOut }),
  );
}

const states = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  let state = states.get(parentElement);
  if (!state) {
    state = { nav: el("nav", { class: "pc-rail" }) };
    parentElement.append(state.nav);
    states.set(parentElement, state);
  }
  state.send = setTriggerValue;
  // Whatever the page: the agent hears of who waits.
  attend(data.texts);
  start();
  const json = JSON.stringify(data);
  if (state.json !== json) {
    state.json = json;
    state.data = data;
    draw(state);
  }
}
