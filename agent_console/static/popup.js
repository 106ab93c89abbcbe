// A small panel that a button opens and closes; Escape and a click elsewhere close it too.

const EDGE = 8;

/** Tie `button` to `panel`; returns {close, stop}. */
export function popup(button, panel, opened = () => {}) {
  const show = (open) => {
    if (open === !panel.hidden) return;
    panel.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (!open) return;
    opened();
    // Within the screen, wherever its button is.
    panel.style.translate = "";
    const { left, right } = panel.getBoundingClientRect();
    const over = Math.max(0, right - window.innerWidth + EDGE) || Math.min(0, left - EDGE);
    if (over) panel.style.translate = `${-over}px 0`;
  };
  const elsewhere = (event) => {
    if (!panel.hidden && !panel.contains(event.target) && !button.contains(event.target)) show(false);
  };
  const escape = (event) => {
    if (event.key !== "Escape" || panel.hidden) return;
    event.stopPropagation();
    show(false);
    button.focus();
  };
  panel.hidden = true;
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-haspopup", "true");
  button.addEventListener("click", () => show(panel.hidden));
  document.addEventListener("pointerdown", elsewhere);
  panel.addEventListener("keydown", escape);
  button.addEventListener("keydown", escape);
  return { close: () => show(false), stop: () => document.removeEventListener("pointerdown", elsewhere) };
}
