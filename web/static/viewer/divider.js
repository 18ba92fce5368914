// The border between both halves of the swipe: dragged, or moved by arrow keys.

import { clamp } from "./view.js";

const STEP = 0.02;

/**
 * @param {HTMLElement} divider lies over the canvas.
 * @param {HTMLElement} stage what it is moved across.
 * @param {{at: number}} state
 * @param {() => void} changed
 */
export function listenToDivider(divider, stage, state, changed) {
  const move = (at) => {
    state.at = clamp(at, 0, 1);
    changed();
  };
  divider.addEventListener("pointerdown", (event) => {
    divider.setPointerCapture(event.pointerId);
    event.preventDefault();
    divider.focus();
  });
  divider.addEventListener("pointermove", (event) => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const box = stage.getBoundingClientRect();
    move((event.clientX - box.left) / box.width);
  });
  divider.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -STEP, ArrowRight: STEP, Home: -1, End: 1 };
    if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // elsewhere these keys turn to another image
    move(state.at + steps[event.key]);
  });
}

/** Put the border where it is. */
export function placeDivider(divider, state) {
  divider.hidden = state.mode !== "swipe";
  divider.style.left = `${100 * state.at}%`;
  divider.setAttribute("aria-valuenow", Math.round(100 * state.at));
}
