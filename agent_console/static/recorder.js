// A voice reply: recorded here, listened to, and then sent or thrown away.
import { upload } from "./asking.js";
import { el, icon } from "./common.js";
import { newKey } from "./outbox.js";

const LONGEST = 5 * 60_000;
const FORMS = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4", "audio/webm"];

const clock = (ms) => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}`;

/** Build the recorder. `context()` gives {conversation, locale, texts}; `changed()` is called with each step. */
export function recorder(context, changed) {
  const state = { step: "off", box: el("div", { class: "pc-recorder", role: "group", hidden: true }) };
  const texts = () => context().texts;
  const button = (name, word, onclick, cls = "") =>
    el("button", { type: "button", class: `pc-tool pc-tool-wide ${cls}`, onclick }, icon(name), el("span", {}, word));

  function show(step, ...children) {
    state.step = step;
    state.box.hidden = step === "off";
    state.box.setAttribute("aria-label", texts()["voice.record"]);
    state.box.replaceChildren(...children);
    changed();
  }

  function release() {
    clearInterval(state.timer);
    for (const track of state.stream?.getTracks() ?? []) track.stop();
    state.stream = null;
    if (state.url) URL.revokeObjectURL(state.url);
    state.url = null;
  }

  function cancel() {
    state.recorder && (state.recorder.onstop = null);
    if (state.recorder?.state === "recording") state.recorder.stop();
    release();
    show("off");
  }

  function fail(text) {
    release();
    show("failed", el("span", { class: "pc-error", role: "alert" }, text), button("close", texts()["voice.close"], cancel));
  }

  async function start() {
    if (state.step === "recording" || state.step === "asking") return;
    release();
    state.home = context().conversation;
    if (!navigator.mediaDevices?.getUserMedia || typeof MediaRecorder === "undefined") {
      fail(texts()["voice.unsupported"]);
      return;
    }
    show("asking", el("span", { role: "status" }, texts()["voice.asking"]));
    try {
      state.stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (error) {
      const missing = error.name === "NotFoundError" || error.name === "DevicesNotFoundError";
      fail(texts()[missing ? "voice.no_microphone" : "voice.refused"]);
      return;
    }
    if (state.step !== "asking") {
      release(); // cancelled while the browser asked
      return;
    }
    record();
  }

  function record() {
    const mimeType = FORMS.find((form) => MediaRecorder.isTypeSupported(form));
    state.recorder = new MediaRecorder(state.stream, mimeType ? { mimeType } : {});
    const parts = [];
    const begun = Date.now();
    state.recorder.ondataavailable = ({ data }) => data.size && parts.push(data);
    state.recorder.onstop = () => {
      const recording = new Blob(parts, { type: state.recorder.mimeType });
      const length = Date.now() - begun;
      release();
      if (recording.size) preview(recording, length);
      else fail(texts()["voice.empty"]);
    };
    state.recorder.start(1_000);
    const time = el("span", { class: "pc-recording", role: "timer" }, clock(0));
    show(
      "recording",
      el("span", { class: "pc-rec-dot", "aria-hidden": "true" }),
      el("span", { role: "status" }, texts()["voice.recording"]),
      time,
      button("stop", texts()["voice.stop"], () => state.recorder.stop(), "st-key-voice-stop"),
      button("close", texts()["voice.cancel"], cancel),
    );
    state.box.querySelector("button").focus();
    state.timer = setInterval(() => {
      const passed = Date.now() - begun;
      time.textContent = `${clock(passed)} / ${clock(LONGEST)}`;
      if (passed >= LONGEST && state.recorder.state === "recording") state.recorder.stop();
    }, 500);
  }

  function preview(recording, length) {
    state.url = URL.createObjectURL(recording);
    const key = newKey();
    const error = el("span", { class: "pc-error", role: "alert", hidden: true });
    const send = button("send", texts()["voice.send"], submit, "pc-primary st-key-voice-send");
    const drop = button("close", texts()["voice.discard"], cancel);
    async function submit() {
      send.disabled = drop.disabled = true;
      error.hidden = true;
      try {
        await upload("write/voice", { conversation: state.home, key }, recording, "voice", context());
        cancel();
      } catch (refused) {
        error.textContent = `${refused.message} ${texts()["voice.kept"]}`;
        error.hidden = false;
        send.disabled = drop.disabled = false;
      }
    }
    show("preview", el("audio", { src: state.url, controls: true, "aria-label": texts()["voice.preview"] }), el("span", {}, clock(length)), send, drop, error);
    send.focus();
  }

  return { box: state.box, start, cancel, busy: () => state.step !== "off", leave: () => state.step !== "off" && cancel() };
}
