// The one connection of a browser tab to the server, whatever page it shows: what changed, who is here, what
// calls for the agent; and, the other way, what the tab shows and whether somebody types in it.

const AGAIN = 2_000;
const SETTLE = 150;
// The server counts a key press as typing for 6 s.
const TYPING_EVERY = 3_000;

const bus = new EventTarget();
const wire = { tab: name(), last: 0, source: null, open: false, looking: null, told: undefined, typedAt: 0, skew: 0, me: "", agents: [] };

function name() {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return [...bytes].map((byte) => byte.toString(36).padStart(2, "0")).join("");
}

/** Call `handler(detail)` on "changed", "present", "alert", "open" (true or false); returns how to stop that. */
export function on(event, handler) {
  const listen = ({ detail }) => handler(detail);
  bus.addEventListener(event, listen);
  return () => bus.removeEventListener(event, listen);
}

function say(event, detail) {
  bus.dispatchEvent(new CustomEvent(event, { detail }));
}

/** Have the page look again at once: this tab changed what no event tells of. */
export const lookAgain = () => say("changed", {});

/** Open the connection, once a tab. */
export function start() {
  if (wire.source) return;
  connect();
  document.addEventListener("visibilitychange", settle);
  document.addEventListener("ponte:typing", ({ detail }) => typing(detail));
}

export const isOpen = () => wire.open;

function connect() {
  const source = new EventSource(`/agent/events?tab=${wire.tab}${wire.last ? `&since=${wire.last}` : ""}`);
  wire.source = source;
  const listen = (event, handle) =>
    source.addEventListener(event, (message) => {
      wire.last = Number(message.lastEventId) || wire.last;
      handle(JSON.parse(message.data));
    });
  listen("hello", () => {
    wire.told = undefined;
    opened(true);
    say("changed", {});
    settle();
  });
  listen("changed", (data) => say("changed", data));
  listen("present", (data) => {
    wire.skew = data.now - Date.now();
    wire.me = data.me;
    wire.agents = data.agents;
    say("present", data);
  });
  listen("alert", (data) => say("alert", data));
  listen("ended", leave);
  source.addEventListener("error", () => {
    opened(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(again, AGAIN);
  });
}

function opened(open) {
  if (wire.open === open) return;
  wire.open = open;
  document.documentElement.dataset.wire = open ? "open" : "closed";
  say("open", open);
}

/** The server refused the stream: because nobody is logged in any more, or because it is not up yet. */
async function again() {
  try {
    const answer = await fetch("/agent/_stcore/health", { cache: "no-store" });
    if (answer.status === 401) {
      leave();
      return;
    }
  } catch {
    // No server yet: the next try tells.
  }
  connect();
}

function leave() {
  wire.source.close();
  const query = new URLSearchParams(window.location.search);
  query.set("ended", "1");
  window.location.assign(`/agent/login?${query}`);
}

/** Say which conversation is open in this tab; null for none. */
export function look(conversation) {
  wire.looking = conversation;
  clearTimeout(wire.settling);
  wire.settling = setTimeout(settle, SETTLE);
}

/** Whether the agent has this conversation before their eyes, in this tab. */
export function looksAt(conversation) {
  return wire.looking === conversation && document.visibilityState === "visible";
}

function settle() {
  const shown = document.visibilityState === "visible" ? wire.looking : null;
  if (shown !== wire.told) tell(shown, false);
}

function typing({ conversation, on: begun }) {
  if (conversation !== wire.looking) return;
  const now = Date.now();
  if (begun && now - wire.typedAt < TYPING_EVERY) return;
  if (!begun && wire.typedAt === 0) return;
  wire.typedAt = begun ? now : 0;
  tell(conversation, begun);
}

async function tell(conversation, begun) {
  if (!wire.open) return; // told anew with the next "hello"
  wire.told = conversation;
  try {
    const answer = await fetch(`/agent/presence?tab=${wire.tab}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ conversation, typing: begun }),
    });
    if (answer.ok) return;
  } catch {
    // No server at the moment: told again, as where it refused.
  }
  wire.told = undefined;
  setTimeout(settle, AGAIN);
}

/** The other agents in a conversation: {typing: [names], looking: [names]}. */
export function others(conversation) {
  const now = Date.now() + wire.skew;
  const here = wire.agents.filter((agent) => agent.id !== wire.me && agent.looking.includes(conversation));
  const types = (agent) => (agent.typing[conversation] ?? 0) > now;
  return { typing: here.filter(types).map((agent) => agent.name), looking: here.filter((agent) => !types(agent)).map((agent) => agent.name) };
}
