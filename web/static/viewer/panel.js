// The controls around the canvas show what is seen.

import { placeDivider } from "./divider.js";

const all = (selector) => document.querySelectorAll(selector);
const byId = (id) => document.getElementById(id);

/** Show the state in every control. */
export function updatePanel(state, view, data, overlays) {
  for (const button of all("[data-mode]")) press(button, button.dataset.mode === state.mode);
  for (const button of all("[data-show]")) press(button, state[button.dataset.side] === button.dataset.show);
  for (const element of all("[data-only-two]")) element.hidden = state.mode === "single";
  press(byId("overlay-switch"), state.overlay);
  press(byId("colours-switch"), state.colours === "distinct");
  byId("zoom").textContent = `${Math.round(100 * view.zoom)}\u202f%`;
  placeDivider(byId("divider"), state);
  updateClasses(state, data);
  updateTitles(state, overlays);
}

function updateClasses(state, data) {
  const rows = [...all("[data-class]")];
  const seen = rows.filter((row) => !state.off.has(Number(row.dataset.class)));
  for (const row of rows) {
    const index = Number(row.dataset.class);
    row.classList.toggle("is-off", state.off.has(index));
    press(row.querySelector("[data-switch]"), !state.off.has(index));
    press(row.querySelector("[data-isolate]"), seen.length === 1 && seen[0] === row && rows.length > 1);
    row.querySelector("svg.swatch").setAttribute("color", `#${data[state.colours][index]}`);
  }
  byId("all-classes").disabled = state.off.size === 0;
}

function updateTitles(state, overlays) {
  const shown = state.mode === "single" ? [state.left] : [state.left, state.right];
  for (const side of ["left", "right"]) {
    const title = document.querySelector(`.stage-title-${side}`);
    title.hidden = side === "right" && state.mode === "single";
    title.textContent = titleOf(state[side]);
  }
  byId("key-errors").hidden = !shown.some((id) => id.startsWith("errors"));
  byId("key-confidence").hidden = !shown.includes("confidence");
  const errors = shown.map((id) => overlays.get(id)?.error).filter(Boolean);
  byId("stage-error").hidden = errors.length === 0;
  byId("stage-error").textContent = [...new Set(errors)].join(" ");
}

function titleOf(id) {
  return document.querySelector(`[data-show="${CSS.escape(id)}"]`)?.dataset.title ?? "";
}

function press(button, on) {
  button?.setAttribute("aria-pressed", String(on));
}
