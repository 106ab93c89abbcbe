// The rail beside every page: where one can go, who one is, and the way out.
import { attend } from "./alerts.js";
import { el, icon } from "./common.js";
import { popup } from "./popup.js";
import * as title from "./title.js";
import { start } from "./wire.js";

const TOLD_MS = 6_000;

/** Tell at the foot of the page, beside the rail or over it. */
function tell(text) {
  const told = el("div", { class: "pc-tip", role: "alert" }, text);
  Object.assign(told.style, { left: "64px", bottom: "64px" });
  document.body.append(told);
  setTimeout(() => told.remove(), TOLD_MS);
}

async function logOut(failed) {
  try {
    // The way out is a redirect; anything else has left the agent logged in.
    const answer = await fetch("/agent/logout", { method: "POST", redirect: "manual" });
    if (answer.type !== "opaqueredirect") throw new Error(`Logging out was answered with ${answer.status}.`);
  } catch {
    tell(failed);
    return;
  }
  window.location.assign("/agent/login");
}

function button(id, label, attributes) {
  return el(
    "button",
    { type: "button", class: `pc-rail-item st-key-${id}`, title: label, ...attributes, icon: null },
    icon(attributes.icon),
    el("span", { class: "pc-rail-label" }, label),
  );
}

const YEAR_S = 365 * 24 * 60 * 60;
// Streamlit keeps its own widgets' theme here; its version is part of the name.
const STREAMLIT = `stActiveTheme-${window.location.pathname}-v2`;
const NAMES = { light: "Light", dark: "Dark" };

function remember(name, value) {
  document.cookie = `${name}=${value}; path=/agent; max-age=${value ? YEAR_S : 0}; samesite=lax`;
}

/** Streamlit draws its widgets in the theme of our own; true when it must load again for it. */
function tellStreamlit(theme) {
  const wanted = JSON.stringify(NAMES[theme] ?? "System");
  try {
    const told = localStorage.getItem(STREAMLIT) ?? JSON.stringify("System");
    if (told === wanted) return false;
    localStorage.setItem(STREAMLIT, wanted);
    return localStorage.getItem(STREAMLIT) === wanted;
  } catch {
    return false;
  }
}

function chooseTheme(theme) {
  remember("ponte_theme", theme);
  tellStreamlit(theme);
  // What is typed is kept in the browser; see drafts.js.
  window.location.reload();
}

function chooseLanguage(locale) {
  remember("ponte_lang", locale);
  const address = new URL(window.location.href);
  address.searchParams.delete("lang");
  window.location.assign(address);
}

function select(name, label, options, chosen, onchange) {
  const box = el(
    "select",
    { class: `st-key-${name}`, onchange: (event) => onchange(event.target.value) },
    ...options.map(({ id, label: text }) => el("option", { value: id, selected: id === chosen }, text)),
  );
  return el("label", { class: "pc-me-choice" }, label, box);
}

function preferences(state) {
  const { me, texts, theme, locale, locales } = state.data;
  const open = button("me", texts["rail.me"], { icon: "theme" });
  const themes = ["", "light", "dark"].map((id) => ({ id, label: texts[`rail.theme.${id || "auto"}`] }));
  const panel = el(
    "div",
    { class: "pc-popup", role: "group", "aria-label": texts["rail.me"] },
    el("p", { class: "pc-me-name", dir: "auto" }, me.name),
    el("p", { class: "pc-me-role" }, me.role),
    select("theme", texts["rail.theme"], themes, theme, chooseTheme),
    select("language", texts["rail.language"], locales, locale, chooseLanguage),
  );
  state.tied?.stop();
  state.tied = popup(open, panel);
  return el("div", { class: "pc-rail-me" }, open, panel);
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
    preferences(state),
    button("logout", texts["app.log_out"], { icon: "out", onclick: () => logOut(texts["rail.log_out_failed"]), title: `${texts["app.log_out"]} (${me.name})` }),
  );
}

const states = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  let state = states.get(parentElement);
  if (!state) {
    state = { nav: el("nav", { class: "pc-rail" }) };
    parentElement.append(state.nav);
    states.set(parentElement, state);
    if (tellStreamlit(data.theme)) window.location.reload();
  }
  state.send = setTriggerValue;
  // Whatever the page: the agent hears of who waits.
  attend(data.texts);
  if (data.places.some((place) => place.on && place.id === "inbox")) title.unfollow();
  else title.follow(() => data);
  start();
  const json = JSON.stringify(data);
  if (state.json !== json) {
    state.json = json;
    state.data = data;
    draw(state);
  }
}
