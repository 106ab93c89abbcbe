// A file beside the text: looked at before it is sent, by the rules that WhatsApp has for each type.
import { upload } from "./asking.js";
import { el, fill, icon } from "./common.js";
import { newKey } from "./outbox.js";

const ENDINGS = {
  jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp", mp4: "video/mp4", ogg: "audio/ogg", oga: "audio/ogg", opus: "audio/ogg",
  amr: "audio/amr", "3gp": "audio/3gpp", aac: "audio/aac", mp3: "audio/mpeg", pdf: "application/pdf", doc: "application/msword",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document", xls: "application/vnd.ms-excel",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ppt: "application/vnd.ms-powerpoint",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
};

function sized(bytes, locale) {
  const large = bytes >= 1_000_000;
  const format = { style: "unit", unit: large ? "megabyte" : "kilobyte", unitDisplay: "short", maximumFractionDigits: large ? 1 : 0 };
  return new Intl.NumberFormat(locale, format).format(Math.max(1, bytes / (large ? 1_000_000 : 1_000)));
}

/** Why a file cannot be sent, or null. */
function wrong(file, { limits, texts, locale }) {
  const ending = file.name.split(".").pop().toLowerCase();
  const most = limits[file.type.split(";")[0].toLowerCase()] ?? limits[ENDINGS[ending]];
  if (!most) return fill(texts["attach.type"], { name: file.name });
  if (!file.size) return fill(texts["attach.empty"], { name: file.name });
  if (file.size > most) return fill(texts["attach.large"], { name: file.name, size: sized(file.size, locale), most: sized(most, locale) });
  return null;
}

/** Build the place of the chosen file. `context()` gives {conversation, limits, locale, texts}. */
export function attachments(context, changed, failed) {
  const state = { file: null, sending: false };
  const input = el("input", { type: "file", class: "pc-sr", tabindex: "-1", "aria-hidden": "true" });
  const box = el("div", { class: "pc-attached", hidden: true });
  input.addEventListener("change", () => {
    take(input.files[0]);
    input.value = "";
  });

  function take(file) {
    if (!file || state.sending) return false;
    const why = wrong(file, context());
    if (why) {
      failed(why);
      return false;
    }
    state.file = file;
    state.key = newKey();
    draw();
    return true;
  }

  function drop() {
    state.file = null;
    draw();
  }

  function draw() {
    const { texts, locale } = context();
    box.hidden = !state.file;
    box.replaceChildren();
    if (state.file) {
      const remove = el("button", { type: "button", class: "pc-quiet", disabled: state.sending, title: texts["attach.remove"], onclick: drop }, icon("close"), el("span", { class: "pc-sr" }, texts["attach.remove"]));
      const word = state.sending ? el("span", { role: "status" }, texts["attach.sending"]) : null;
      box.append(icon("file"), el("b", { dir: "auto" }, state.file.name), el("small", {}, sized(state.file.size, locale)), ...(word ? [word] : []), remove);
    }
    changed();
  }

  /** Send the file with a caption; tells whether it went. */
  async function send(caption) {
    const { conversation } = context();
    state.sending = true;
    draw();
    try {
      await upload("write/file", { conversation, key: state.key, caption }, state.file, state.file.name, context());
      state.file = null;
      return true;
    } catch (refused) {
      failed(refused.message);
      return false;
    } finally {
      state.sending = false;
      draw();
    }
  }

  return {
    box,
    input,
    take,
    send,
    leave: drop,
    pick: () => {
      input.accept = Object.keys(context().limits).join(",");
      input.click();
    },
    has: () => state.file !== null,
    sending: () => state.sending,
  };
}
