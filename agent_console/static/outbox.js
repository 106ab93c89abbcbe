// What the composer sent and the server has not confirmed: sent again with the same key until it is.
const AGAIN = 6_000;
const STALE = 60_000;

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const place = (conversation) => `ponte.out.${conversation}`;

/** The waiting list of one conversation. `send(item)` hands an item to the server. */
export class Outbox {
  constructor(send) {
    this.items = [];
    this.send = send;
  }

  /** Another conversation; returns what was on the way so long ago that the agent should decide anew. */
  enter(conversation, stored) {
    this.conversation = conversation;
    const found = JSON.parse(sessionStorage.getItem(place(conversation)) ?? "[]");
    const old = (item) => item.mode === "note" || Date.now() - item.at > STALE;
    this.items = found.filter((item) => !old(item)).map((item) => ({ ...item, sent: 0 }));
    this.save();
    return found.filter((item) => old(item) && !stored.includes(item.key));
  }

  add(item) {
    this.items.push({ ...item, at: Date.now(), sent: 0 });
    this.save();
    this.push();
  }

  /** Send the first of the list; again when no answer came. */
  push() {
    const head = this.items[0];
    if (!head || Date.now() - head.sent < AGAIN) return;
    head.sent = Date.now();
    this.send({ ...head, conversation: this.conversation });
  }

  /** Drop what the server has; returns the item that it refused. */
  settle(outcome, stored) {
    let refused = null;
    const waiting = this.items.filter((item) => {
      const answered = outcome?.key === item.key;
      if (answered && !outcome.ok) refused = item;
      return !answered && !stored.includes(item.key);
    });
    const shorter = waiting.length !== this.items.length;
    this.items = waiting;
    if (shorter) {
      this.save();
      this.push();
    }
    return refused;
  }

  save() {
    if (this.items.length) sessionStorage.setItem(place(this.conversation), JSON.stringify(this.items));
    else sessionStorage.removeItem(place(this.conversation));
  }
}
