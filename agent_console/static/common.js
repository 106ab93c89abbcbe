// What the console's components share. Text from outside goes into the page as textContent only.

const SVG = "http://www.w3.org/2000/svg";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const PATHS = {
  clock: ["M8 4.2V8l2.4 1.6", "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8Z"],
  check: ["M3 8.6 6.4 12 13 4.6"],
  double: ["M1.2 8.8 4.4 12 10.6 5", "M7 11.2l.8.8L14.4 5"],
  failed: ["M8 4.4v4.4", "M8 11.2v.2", "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8Z"],
  stopped: ["M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8Z", "M3.8 3.8l8.4 8.4"],
  back: ["M10 3 5 8l5 5"],
  down: ["M3.5 6 8 10.5 12.5 6"],
  out: ["M9.5 3H4v10h5.5", "M7 8h7", "M11.5 5.5 14 8l-2.5 2.5"],
  send: ["M2.5 8h6", "M2.5 8 1.6 2.4 14.4 8 1.6 13.6Z"],
  audio: ["M8 1.8a2 2 0 0 1 2 2v3.6a2 2 0 0 1-4 0V3.8a2 2 0 0 1 2-2Z", "M3.8 7.2a4.2 4.2 0 0 0 8.4 0", "M8 11.4v2.8"],
  file: ["M4 1.8h5l3 3v9.4H4Z", "M9 1.8v3h3"],
  pin: ["M8 14.2c3-3.4 4.6-5.7 4.6-7.8A4.6 4.6 0 0 0 3.4 6.4C3.4 8.5 5 10.8 8 14.2Z", "M8 5v2.6"],
  lock: ["M4 7.4h8v6.2H4Z", "M5.6 7.4V5.2a2.4 2.4 0 0 1 4.8 0v2.2"],
  inbox: ["M2 9.2 3.6 3h8.8L14 9.2V13H2Z", "M2 9.2h3.4l1 1.8h3.2l1-1.8H14"],
  floor: ["M5.4 7.4a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4Z", "M1.4 13c.3-2.4 1.8-3.8 4-3.8s3.7 1.4 4 3.8", "M10.4 3.2a2 2 0 0 1 0 4", "M11.4 9.3c1.8.2 2.9 1.5 3.2 3.7"],
  reports: ["M2.4 13.6V2.4", "M2.4 13.6h11.2", "M5.4 11V8", "M8.4 11V4.6", "M11.4 11V6.6"],
  prompts: ["M2.4 3h11.2v8H7l-3 2.6V11H2.4Z", "M5.2 6h5.6", "M5.2 8.2h3.6"],
  office: ["M8 5.6a2.4 2.4 0 1 0 0 4.8 2.4 2.4 0 0 0 0-4.8Z", "M8 1.6v1.8", "M8 12.6v1.8", "M1.6 8h1.8", "M12.6 8h1.8", "M3.5 3.5l1.3 1.3", "M11.2 11.2l1.3 1.3", "M12.5 3.5l-1.3 1.3", "M4.8 11.2l-1.3 1.3"],
  theme: ["M8 2a6 6 0 1 0 6 6 4.6 4.6 0 0 1-6-6Z"],
  close: ["M4 4l8 8", "M12 4l-8 8"],
  attach: ["M12.6 7.4 7.7 12.3a2.9 2.9 0 0 1-4.1-4.1l5.4-5.4a1.9 1.9 0 0 1 2.7 2.7L6.4 10.8a.9.9 0 0 1-1.3-1.3l4.4-4.4"],
  spark: ["M8 1.8 9.5 6.5 14.2 8 9.5 9.5 8 14.2 6.5 9.5 1.8 8 6.5 6.5Z"],
  translate: ["M1.8 4h7", "M5.3 2.4V4c0 2.6-1.4 4.6-3.3 5.6", "M3.4 6.2c.8 1.6 2.4 2.8 4.4 3.4", "M7.6 14l3-7.2 3 7.2", "M8.6 11.6h4"],
  speak: ["M2 6v4h2.4L8 13V3L4.4 6Z", "M10.6 5.6a3.4 3.4 0 0 1 0 4.8", "M12.6 3.8a6 6 0 0 1 0 8.4"],
  quick: ["M9 1.8 3.4 9H8l-1 5.2L12.6 7H8Z"],
  stop: ["M4 4h8v8H4Z"],
  person: ["M8 7.8a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4Z", "M2.8 13.8c.4-2.9 2.4-4.4 5.2-4.4s4.8 1.5 5.2 4.4"],
  search: ["M7 2.4a4.6 4.6 0 1 1 0 9.2 4.6 4.6 0 0 1 0-9.2Z", "M10.4 10.4l3.4 3.4"],
  filter: ["M2 4h12", "M4.2 8h7.6", "M6.4 12h3.2"],
  bell: ["M3.4 11.4h9.2L11.4 9.6V6.8a3.4 3.4 0 0 0-6.8 0v2.8Z", "M6.8 13.4h2.4"],
  bell_off: ["M3.4 11.4h9.2L11.4 9.6V6.8a3.4 3.4 0 0 0-6.8 0v2.8Z", "M6.8 13.4h2.4", "M2.4 2.4l11.2 11.2"],
  keyboard: ["M1.8 4.2h12.4v7.6H1.8Z", "M4.4 6.8h.1", "M7 6.8h.1", "M9.6 6.8h.1", "M11.8 6.8h.1", "M5 9.4h6"],
  flag: ["M3.6 14V2.4", "M3.6 3h8.4l-2 2.9 2 2.9H3.6"],
};

/** Build an element: el("div", {class: "x", onclick: f}, "text", child). */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Build one of the icons; it is decoration, so the words beside it must say the same. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `pc-icon pc-icon-${name}`);
  for (const d of PATHS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/** Fill the {places} of a text. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

/** The form of a plural text for `count`, filled. */
export function number(texts, key, count, locale) {
  const one = new Intl.PluralRules(locale).select(count) === "one";
  return fill(texts[one ? `${key}|one` : key] ?? texts[key], { count });
}

/** Make a container's children those of `items`, reusing an item's node while its JSON is the same. */
export function reconcile(container, items, build) {
  const old = new Map([...container.children].map((node) => [node.dataset.id, node]));
  let place = container.firstElementChild;
  for (const item of items) {
    const json = JSON.stringify(item);
    let node = old.get(item.id);
    if (node && node.ponteJson !== json) {
      const fresh = build(item);
      const focused = node.contains(document.activeElement);
      if (place === node) place = fresh;
      goOn(node, fresh);
      node.replaceWith(fresh);
      if (focused) (fresh.matches("button") ? fresh : fresh.querySelector("button"))?.focus({ preventScroll: true });
      node = fresh;
    }
    node ??= build(item);
    node.dataset.id = item.id;
    node.ponteJson = json;
    old.delete(item.id);
    if (node === place) place = place.nextElementSibling;
    else container.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
}

/** Move what plays from a node to the one that takes its place: within one task it plays on. */
function goOn(node, fresh) {
  for (const player of node.querySelectorAll("audio, video")) {
    fresh.querySelector(`${player.localName}[src="${CSS.escape(player.getAttribute("src"))}"]`)?.replaceWith(player);
  }
}

/** Say that the agent types in a conversation, as often as a key is pressed; `on` false: not any more. */
export function typing(conversation, on = true) {
  document.dispatchEvent(new CustomEvent("ponte:typing", { detail: { conversation, on } }));
}

/** The server's time now, in ms, from a `now` it sent. */
export function clockOf(serverNow) {
  const skew = serverNow - Date.now();
  return () => Date.now() + skew;
}

/** "2 min", "3 h", "4 d": a length of time in the agent's language. */
export function span(ms, locale) {
  const [value, unit] =
    ms >= DAY ? [Math.floor(ms / DAY), "day"] : ms >= HOUR ? [Math.floor(ms / HOUR), "hour"] : [Math.max(0, Math.floor(ms / MINUTE)), "minute"];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short" }).format(value);
}

/** "há 2 min": how long ago. */
export function ago(ms, locale, justNow) {
  if (ms < MINUTE) return justNow;
  const [value, unit] = ms >= DAY ? [ms / DAY, "day"] : ms >= HOUR ? [ms / HOUR, "hour"] : [ms / MINUTE, "minute"];
  const format = new Intl.RelativeTimeFormat(locale, { style: "short", numeric: "always" });
  return format.format(-Math.floor(value), unit).replace(/\.$/, "");
}

export function time(at, locale) {
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" }).format(at);
}

export function full(at, locale) {
  return new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" }).format(at);
}

/** The day of a time, as a key and in words. */
export function day(at, now, locale, today, yesterday) {
  const date = new Date(at);
  const key = date.toDateString();
  if (key === new Date(now).toDateString()) return [key, today];
  if (key === new Date(now - DAY).toDateString()) return [key, yesterday];
  const style = { weekday: "long", day: "numeric", month: "long" };
  if (date.getFullYear() !== new Date(now).getFullYear()) style.year = "numeric";
  return [key, new Intl.DateTimeFormat(locale, style).format(at)];
}

/** Keep texts of running time right: every node with `ponteTick` is asked again once in a while. */
export function ticking(root) {
  const timer = setInterval(() => {
    for (const node of root.querySelectorAll("[data-tick]")) node.ponteTick?.();
  }, 5_000);
  return () => clearInterval(timer);
}

/** An element whose text is computed anew as time passes. */
export function live(tag, attributes, text) {
  const node = el(tag, { ...attributes, "data-tick": true });
  node.ponteTick = () => {
    const now = text(node);
    if (node.textContent !== now) node.textContent = now;
  };
  node.ponteTick();
  return node;
}
