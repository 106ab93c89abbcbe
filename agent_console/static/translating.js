// Whether this agent wants translations: remembered in this browser, the same in all components and tabs.
const bus = new EventTarget();
const key = (me) => `ponte.translate.${me}`;

export function translating(me) {
  try {
    return localStorage.getItem(key(me)) === "1";
  } catch {
    return false;
  }
}

export function setTranslating(me, on) {
  try {
    if (on) localStorage.setItem(key(me), "1");
    else localStorage.removeItem(key(me));
  } catch {
    // The browser's storage is off: it stays as it was.
  }
  bus.dispatchEvent(new Event("changed"));
}

/** Call `changed()` when it is turned on or off, here or in another tab; returns how to stop that. */
export function followTranslating(changed) {
  const other = (event) => event.key?.startsWith("ponte.translate.") && changed();
  bus.addEventListener("changed", changed);
  window.addEventListener("storage", other);
  return () => {
    bus.removeEventListener("changed", changed);
    window.removeEventListener("storage", other);
  };
}
