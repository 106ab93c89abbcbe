// A voice reply: recorded here, listened to, and then sent or thrown away.
import { upload } from "./asking.js";
import { el, icon } from "./common.js";
import { newKey } from "./outbox.js";

const LONGEST = 5 * 60_000;
const FORMS = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4", "audio/webm"];

const clock = (ms) => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}`;

// By agent and conversation: a recording waits until it is sent or thrown away, whatever is open meanwhile.
const kept = new Map();

/**
 * Build the recorder. `context()` gives {me, conversation, locale, texts}; `changed()` is called with each step,
 * `unsent(conversation, why)` when a recording did not go and its conversation is not open any more.
 */
export function recorder(context, changed, unsent) {
  const state = { step: "off", box: el("div", { class: "pc-recorder", role: "group", hidden: true }) };
  const texts = () => context().texts;
  const place = () => `${context().me}/${context().conversation}`;
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
    if (state.recorder) state.recorder.onstop = null;
    if (state.recorder?.state === "recording") state.recorder.stop();
    kept.delete(place());
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
    if (!navigator.mediaDevices?.getUserMedia || typeof MediaRecorder === "undefined") {
      fail(texts()["voice.unsupported"]);
      return;
    }
    show("asking", el("span", { role: "status" }, texts()["voice.asking"]));
    try {
      state.stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (error) {
      const missing = error.name === "NotFoundError" || error.name === "DevicesNotFoundError";
      if (state.step === "asking") fail(texts()[missing ? "voice.no_microphone" : "voice.refused"]);
      return;
    }
    if (state.step !== "asking") {
      release(); // cancelled, or left, while the browser asked
      return;
    }
    record();
  }

  function record() {
    const mimeType = FORMS.find((form) => MediaRecorder.isTypeSupported(form));
    const machine = new MediaRecorder(state.stream, mimeType ? { mimeType } : {});
    const home = { place: place(), conversation: context().conversation };
    const parts = [];
    const begun = Date.now();
    state.recorder = machine;
    machine.ondataavailable = ({ data }) => data.size && parts.push(data);
    machine.onstop = () => {
      const blob = new Blob(parts, { type: machine.mimeType });
      if (blob.size) kept.set(home.place, { ...home, blob, length: Date.now() - begun, key: newKey() });
      if (home.place !== place()) return;
      release();
      if (blob.size) preview().focus();
      else fail(texts()["voice.empty"]);
    };
    machine.start(1_000);
    const time = el("span", { class: "pc-recording", role: "timer" }, clock(0));
    show(
      "recording",
      el("span", { class: "pc-rec-dot", "aria-hidden": "true" }),
      el("span", { role: "status" }, texts()["voice.recording"]),
      time,
      button("stop", texts()["voice.stop"], () => machine.stop(), "st-key-voice-stop"),
      button("close", texts()["voice.cancel"], cancel),
    );
    state.box.querySelector("button").focus();
    state.timer = setInterval(() => {
      const passed = Date.now() - begun;
      time.textContent = `${clock(passed)} / ${clock(LONGEST)}`;
      if (passed >= LONGEST && machine.state === "recording") machine.stop();
    }, 500);
  }

  /** Show the recording of the open conversation; returns the button that sends it. */
  function preview() {
    const item = kept.get(place());
    state.url = URL.createObjectURL(item.blob);
    const send = button("send", texts()["voice.send"], () => submit(item), "pc-primary st-key-voice-send");
    const drop = button("close", texts()["voice.discard"], cancel);
    send.disabled = drop.disabled = item.sending === true;
    const error = el("span", { class: "pc-error", role: "alert", hidden: !item.problem }, item.problem ?? "");
    show("preview", el("audio", { src: state.url, controls: true, "aria-label": texts()["voice.preview"] }), el("span", {}, clock(item.length)), send, drop, error);
    return send;
  }

  async function submit(item) {
    item.sending = true;
    item.problem = null;
    again(item);
    try {
      await upload("write/voice", { conversation: item.conversation, key: item.key }, item.blob, "voice", context());
      kept.delete(item.place);
    } catch (refused) {
      item.problem = `${refused.message} ${texts()["voice.kept"]}`;
      if (item.place !== place()) unsent(item.conversation, refused.message);
    }
    item.sending = false;
    again(item);
  }

  /** Draw what came of a recording, if its conversation is open. */
  function again(item) {
    if (item.place === place()) enter();
  }

  /** Another conversation: its own recording, if one waits there. */
  function enter() {
    release();
    if (kept.has(place())) preview();
    else show("off");
  }

  /** The conversation is left: what is being recorded ends here, and waits. */
  function leave() {
    clearInterval(state.timer);
    if (state.recorder?.state === "recording") state.recorder.stop();
    release();
    state.step = "off";
  }

  return { box: state.box, start, enter, leave, busy: () => state.step !== "off" };
}
