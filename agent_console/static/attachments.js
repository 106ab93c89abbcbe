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

// By agent and conversation: a chosen file waits until it is sent or dropped, whatever is open meanwhile.
const chosen = new Map();

/** Build the place of the chosen file. `context()` gives {me, conversation, limits, locale, texts}. */
export function attachments(context, changed, failed) {
  const input = el("input", { type: "file", class: "pc-sr", tabindex: "-1", "aria-hidden": "true" });
  const box = el("div", { class: "pc-attached", hidden: true });
  const place = () => `${context().me}/${context().conversation}`;
  const here = () => chosen.get(place());
  input.addEventListener("change", () => {
    take(input.files[0]);
    input.value = "";
  });

  function take(file) {
    if (!file || here()?.sending) return false;
    const why = wrong(file, context());
    if (why) {
      failed(why);
      return false;
    }
    chosen.set(place(), { file, key: newKey(), sending: false });
    draw();
    return true;
  }

  function drop() {
    chosen.delete(place());
    draw();
  }

  function draw() {
    const { texts, locale } = context();
    const item = here();
    box.hidden = !item;
    box.replaceChildren();
    if (item) {
      const remove = el("button", { type: "button", class: "pc-quiet", disabled: item.sending, title: texts["attach.remove"], onclick: drop }, icon("close"), el("span", { class: "pc-sr" }, texts["attach.remove"]));
      const word = item.sending ? el("span", { role: "status" }, texts["attach.sending"]) : null;
      box.append(icon("file"), el("b", { dir: "auto" }, item.file.name), el("small", {}, sized(item.file.size, locale)), ...(word ? [word] : []), remove);
    }
    changed();
  }

  /** Send the file with a caption; returns why it did not go, or null. Another conversation may be open then. */
  async function send(caption) {
    const from = place();
    const item = here();
    item.sending = true;
    draw();
    try {
      await upload("write/file", { conversation: context().conversation, key: item.key, caption }, item.file, item.file.name, context());
      chosen.delete(from);
      return null;
    } catch (refused) {
      return refused.message;
    } finally {
      item.sending = false;
      draw();
    }
  }

  return {
    box,
    input,
    take,
    send,
    /** Another conversation: its own file, if one was chosen there. */
    enter: draw,
    pick: () => {
      input.accept = Object.keys(context().limits).join(",");
      input.click();
    },
    has: () => here() !== undefined,
    sending: () => here()?.sending === true,
  };
}
