// The part of the address after "#" holds what is seen, so that it can be sent to somebody or opened again.

const NUMBERS = ["zoom", "x", "y", "at", "opacity"];
const TEXTS = ["left", "right", "mode", "colours"];

/** Read what an address says; what it leaves out is left out. */
export function readAddress(hash) {
  const given = new URLSearchParams(hash.slice(1));
  const read = {};
  for (const name of NUMBERS) {
    const number = Number.parseFloat(given.get(name));
    if (Number.isFinite(number)) read[name] = number;
  }
  for (const name of TEXTS) if (given.has(name)) read[name] = given.get(name);
  if (given.has("off")) read.off = new Set(given.get("off").split(",").map(Number).filter(Number.isInteger));
  if (given.has("overlay")) read.overlay = given.get("overlay") !== "0";
  return read;
}

/** Write an address; `usual` is what an address without a word means. */
export function writeAddress(state, usual, view) {
  const said = new URLSearchParams();
  for (const name of ["mode", "left", "right", "colours", "opacity"]) {
    if (state[name] !== usual[name]) said.set(name, state[name]);
  }
  if (state.mode === "swipe") said.set("at", rounded(state.at, 3));
  if (state.off.size) said.set("off", [...state.off].sort((a, b) => a - b).join(","));
  if (!state.overlay) said.set("overlay", "0");
  if (view && !view.isFitted) {
    said.set("zoom", rounded(view.zoom, 4));
    said.set("x", rounded(view.x, 2));
    said.set("y", rounded(view.y, 2));
  }
  return said.size ? `#${said.toString().replaceAll("%2C", ",")}` : "";
}

function rounded(number, digits) {
  return String(Number(number.toFixed(digits)));
}
