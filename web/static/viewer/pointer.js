// Mouse, pen and fingers on the canvas: drag, pinch, wheel, double click; and where the pointer is.

const WHEEL = 0.0015; // of a zoom, per pixel of the wheel
const LINE = 16; // pixels, where a wheel counts in lines

/**
 * @param {HTMLElement} canvas
 * @param {View} view
 * @param {{moved: () => void, hovered: (point: {left: number, top: number} | null) => void,
 *   within: (point: {left: number, top: number}) => {left: number, top: number}}} listener: `within` says where a point of
 *   the canvas is in its pane.
 */
export function listenToPointer(canvas, view, listener) {
  const down = new Map(); // pointers that touch, by id

  const placeOf = (event) => {
    const box = canvas.getBoundingClientRect();
    return { left: event.clientX - box.left, top: event.clientY - box.top };
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, placeOf(event));
    canvas.classList.add("is-dragged");
  });

  canvas.addEventListener("pointermove", (event) => {
    const now = placeOf(event);
    listener.hovered(now);
    const before = down.get(event.pointerId);
    if (!before) return;
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    if (other) pinch(before, now, other);
    else view.pan(now.left - before.left, now.top - before.top);
    down.set(event.pointerId, now);
    listener.moved();
  });

  const pinch = (before, now, other) => {
    const middle = { left: (now.left + other.left) / 2, top: (now.top + other.top) / 2 };
    view.pan((now.left - before.left) / 2, (now.top - before.top) / 2);
    const { left, top } = listener.within(middle);
    view.zoomAt(distance(now, other) / Math.max(1, distance(before, other)), left, top);
  };

  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => {
      down.delete(event.pointerId);
      if (!down.size) canvas.classList.remove("is-dragged");
    });
  }
  canvas.addEventListener("pointerleave", () => listener.hovered(null));

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { left, top } = listener.within(placeOf(event));
    const length = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : LINE);
    view.zoomAt(Math.exp(-length * (event.ctrlKey ? 6 : 1) * WHEEL), left, top); // a pinched touchpad turns little
    listener.moved();
  }, { passive: false });

  canvas.addEventListener("dblclick", (event) => {
    const { left, top } = listener.within(placeOf(event));
    view.zoomAt(event.shiftKey ? 0.5 : 2, left, top);
    listener.moved();
  });
}

function distance(a, b) {
  return Math.hypot(a.left - b.left, a.top - b.top);
}
