// A button that cannot be used now says why: with a pointer over it, when it gets the focus, and when it is pressed.
import { el } from "./common.js";

const EDGE = 8;
const SHOWN = 6_000;
const OFF = '[aria-disabled="true"][data-why]';

const tip = el("div", { class: "pc-tip", role: "status", hidden: true });
const state = { timer: null };

/** Turn a button on (`why` null) or off with a reason; `word` is what it tells while it is on. */
export function allow(button, why, word = "") {
  if (why) {
    button.setAttribute("aria-disabled", "true");
    button.dataset.why = why;
  } else {
    button.removeAttribute("aria-disabled");
    delete button.dataset.why;
  }
  const title = why || word;
  if (title) button.title = title;
  else button.removeAttribute("title");
}

function show(button) {
  clearTimeout(state.timer);
  // A dialog's own layer hides what is not in it.
  (button.closest("dialog") ?? document.body).append(tip);
  tip.textContent = button.dataset.why;
  tip.hidden = false;
  const at = button.getBoundingClientRect();
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(EDGE, Math.min(at.left, window.innerWidth - width - EDGE))}px`;
  tip.style.top = `${at.bottom + height + EDGE < window.innerHeight ? at.bottom + 4 : at.top - height - 4}px`;
  state.timer = setTimeout(hide, SHOWN);
}

function hide() {
  tip.hidden = true;
}

/** Before every handler of the button itself, so that none runs. */
function press(event) {
  const button = event.target instanceof Element ? event.target.closest(OFF) : null;
  if (!button) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  show(button);
}

document.addEventListener("click", press, true);
document.addEventListener("pointerdown", hide, true);
document.addEventListener("focusout", hide);
document.addEventListener("focusin", ({ target }) => target.matches(OFF) && target.matches(":focus-visible") && show(target));
document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
document.addEventListener("scroll", hide, { capture: true, passive: true });

/**
 * Give the buttons that Streamlit drew off the same reasons: `reasons()` has them by the button's key. Streamlit's
 * own `disabled` would take them from keyboard and touch; it still keeps them from doing anything.
 */
export function mend(reasons) {
  const look = () => {
    for (const [key, why] of Object.entries(reasons())) {
      const button = document.querySelector(`.st-key-actions .st-key-${key} button`);
      if (!button || (button.dataset.why ?? "") === (why ?? "") && !(why && button.disabled)) continue;
      if (why) button.disabled = false;
      allow(button, why);
    }
  };
  const watch = new MutationObserver(look);
  watch.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["disabled"] });
  return { look, stop: () => watch.disconnect() };
}
