// What a message carries beside its text and files, each kind drawn by a function of its own.
// All texts are written as text; links come from the server, which builds or checks them.
import { el, icon } from "./common.js";

const link = (url, ...children) => el("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);

function quote({ who, text }) {
  return el("blockquote", { class: "pc-quote" }, who ? el("b", {}, who) : null, el("span", { dir: "auto" }, text));
}

function place({ label, address, point, url, open }) {
  return el(
    "span",
    { class: "pc-card pc-place" },
    label ? el("b", { dir: "auto" }, label) : null,
    address ? el("span", { dir: "auto" }, address) : null,
    point ? el("span", { class: "pc-point" }, point) : null,
    url ? link(url, open) : null,
  );
}

function contact({ name, phones, emails }) {
  const lines = [...phones, ...emails].map((line) => el("span", { class: "pc-point" }, line));
  return el("span", { class: "pc-card pc-contact" }, el("b", { dir: "auto" }, name), ...lines);
}

function choice({ text, description }) {
  return el(
    "span",
    { class: "pc-choice" },
    icon("check"),
    el("span", { dir: "auto" }, text),
    description ? el("small", { dir: "auto" }, description) : null,
  );
}

function referral({ text, url, open }) {
  return el("span", { class: "pc-aside" }, el("span", { dir: "auto" }, text), url ? link(url, open) : null);
}

function unknown({ type, fields }) {
  const lines = fields.map((line) => el("span", { class: "pc-point", dir: "auto" }, line));
  return el("span", { class: "pc-card pc-unknown" }, el("b", {}, type), ...lines);
}

/** What stands above the text: marks, the advertisement, and what is quoted. */
export function above({ marks = [], referral: advertisement, quote: quoted }) {
  return [
    ...marks.map((mark) => el("span", { class: "pc-aside pc-mark" }, mark)),
    advertisement ? referral(advertisement) : null,
    quoted ? quote(quoted) : null,
  ];
}

/** What stands where the text would: a place, contacts, the chosen option, an unknown type. */
export function within(parts) {
  return [
    parts.place ? place(parts.place) : null,
    ...(parts.contacts ?? []).map(contact),
    parts.choice ? choice(parts.choice) : null,
    parts.unknown ? unknown(parts.unknown) : null,
  ];
}
