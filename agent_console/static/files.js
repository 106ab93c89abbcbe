// A message's files: pictures and recordings in place, all else as a download.
import { el, icon } from "./common.js";

function sized(bytes, locale) {
  if (!bytes) return "";
  const large = bytes >= 1_000_000;
  const format = { style: "unit", unit: large ? "megabyte" : "kilobyte", unitDisplay: "short", maximumFractionDigits: large ? 1 : 0 };
  return new Intl.NumberFormat(locale, format).format(Math.max(1, bytes / (large ? 1_000_000 : 1_000)));
}

/** Say that the file is gone where the browser could not load it. */
const orGone = (texts) => ({ target }) => {
  (target.closest("a") ?? target).replaceWith(el("span", { class: "pc-files" }, icon("file"), texts["file.gone"]));
};

function content(file, locale, texts) {
  const { kind, url } = file;
  const onerror = orGone(texts);
  if (kind === "image") {
    const picture = el("img", { src: url, alt: file.text || file.name || "", loading: "lazy", onerror });
    return el("a", { href: url, target: "_blank", rel: "noopener noreferrer", title: texts["file.open"] }, picture);
  }
  if (kind === "audio" || kind === "video") return el(kind, { src: url, controls: true, preload: kind === "audio" ? "none" : "metadata", onerror });
  return el(
    "a",
    { class: "pc-document", href: url, download: file.name || true, title: texts["file.download"] },
    icon("file"),
    el("span", {}, file.name || texts["file.download"]),
    el("small", {}, sized(file.size, locale)),
  );
}

/** Return the nodes of all files. */
export function shown(files, locale, texts) {
  return files.map((file) =>
    el(
      "div",
      { class: "pc-file", "data-file": file.kind },
      file.url ? content(file, locale, texts) : null,
      file.error ? el("span", { class: "pc-files" }, file.error) : null,
      file.text ? el("div", { class: "pc-heard", dir: "auto" }, el("small", {}, file.heading), file.text) : null,
    ),
  );
}
