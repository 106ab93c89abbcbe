// Sound and desktop notification for what calls for the agent. Each can be muted; of an agent's tabs one speaks.
import { looksAt, on } from "./wire.js";

const KEY = "ponte.alerts";
const STANDARD = { sound_waiting: true, sound_answer: true, desktop_waiting: false, desktop_answer: false, words: false };
// A tab that shows the conversation takes the alert at once and stays silent; the others give it that time.
const GIVE_WAY = 150;
const NO_SOUND_YET = 400;
const HELD = 4_000;
// Two rising notes for a new customer, one for an answer.
const NOTES = { waiting: [[660, 0], [880, 0.16]], answer: [[740, 0]] };
const LOUDNESS = 0.09;

let texts = {};
let audio = null;
// Chrome on Android has notifications, but not for a page: making one throws.
let refused = false;

export function preferences() {
  try {
    return { ...STANDARD, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return { ...STANDARD };
  }
}

export function prefer(name, value) {
  localStorage.setItem(KEY, JSON.stringify({ ...preferences(), [name]: value }));
}

export const muted = () => Object.entries(preferences()).every(([name, on]) => name === "words" || !on);

/** "granted", "denied", "default", or "unsupported": whether the browser lets notifications through. */
export const permission = () => ("Notification" in window && window.isSecureContext && !refused ? Notification.permission : "unsupported");

/** Listen for alerts; `words` are the page's texts. */
export function attend(words) {
  const first = !texts["alert.waiting"];
  texts = words;
  if (!first) return;
  on("alert", take);
  // Browsers let a page sound only after the person touched it.
  for (const event of ["pointerdown", "keydown"]) document.addEventListener(event, wake, { passive: true });
}

function wake() {
  audio ??= new AudioContext();
  if (audio.state === "suspended") audio.resume();
}

async function take(alert) {
  const seen = looksAt(alert.id);
  if (!seen) await wait(GIVE_WAY + (audio?.state === "running" ? 0 : NO_SOUND_YET));
  if (!navigator.locks) {
    act(alert, seen); // without a secure address tabs cannot agree
    return;
  }
  navigator.locks.request(`ponte.alert.${alert.key}`, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    act(alert, seen);
    await wait(HELD);
  });
}

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

function act(alert, seen) {
  const chosen = preferences();
  const kind = alert.kind === "waiting" ? "waiting" : "answer";
  const sounds = !seen && chosen[`sound_${kind}`];
  if (sounds) sound(kind);
  const shows = !seen && chosen[`desktop_${kind}`] && permission() === "granted" && notify(alert, chosen.words);
  document.dispatchEvent(new CustomEvent("ponte:alert", { detail: { ...alert, seen, sounds, shows } }));
}

export function sound(kind) {
  wake();
  for (const [pitch, after] of NOTES[kind]) {
    const begin = audio.currentTime + after;
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0, begin);
    volume.gain.linearRampToValueAtTime(LOUDNESS, begin + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, begin + 0.35);
    tone.connect(volume).connect(audio.destination);
    tone.start(begin);
    tone.stop(begin + 0.4);
  }
}

/** Show it on the desktop; tells whether the browser did. */
function notify(alert, words) {
  const told = texts[`alert.${alert.kind}`];
  const title = alert.kind === "waiting" ? told : alert.name;
  const body = alert.kind === "waiting" ? alert.name : told;
  let shown;
  try {
    shown = new Notification(title, { body: words && alert.text ? `${body}\n${alert.text}` : body, tag: alert.key });
  } catch {
    refused = true;
    return false;
  }
  shown.onclick = () => {
    window.focus();
    // The inbox opens it in its place; any other page makes way for the inbox.
    const there = document.dispatchEvent(new CustomEvent("ponte:open", { detail: alert.id, cancelable: true }));
    if (there) window.location.assign(`/agent/?p=inbox&c=${encodeURIComponent(alert.id)}`);
    shown.close();
  };
  return true;
}
