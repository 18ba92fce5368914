// Which colours numbers are shown in: classes, right and wrong, confidence. A colour is one number, as pixels lie in
// memory: alpha, blue, green, red from the highest byte down.

export const RIGHT = "#009e73"; // told apart by the colour-blind, too (Okabe and Ito)
export const WRONG = "#d55e00";
export const IGNORED = "#9aa0a6";
const CLEAR = 0;
const VEIL = (170 << 24) >>> 0; // black that lets a third through
const VIRIDIS = ["#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"];

export const CONFIDENCE = Uint32Array.from({ length: 256 }, (_, value) => {
  const place = (value / 255) * (VIRIDIS.length - 1);
  const first = Math.min(Math.floor(place), VIRIDIS.length - 2);
  return blend(bytesOf(VIRIDIS[first]), bytesOf(VIRIDIS[first + 1]), place - first);
});

/** Which values of a label map are hidden, a flag each; all that is no class goes with the ignore label. */
export function flagsOf(hidden, { names, ignore }) {
  return Uint8Array.from({ length: 256 }, (_, value) => (hidden.has(value < names.length ? value : ignore) ? 1 : 0));
}

/** The colour of each value of a label map. */
export function classColours(hexes, isHidden) {
  return Uint32Array.from(hexes, (hex, value) => (isHidden[value] ? CLEAR : pixelOf(`#${hex}`)));
}

/** The pixels of values by a table of colours. */
export function paintValues(values, table) {
  const pixels = new Uint32Array(values.length);
  for (let at = 0; at < values.length; at += 1) pixels[at] = table[values[at]];
  return pixels;
}

/** The pixels of a comparison with the ground truth, where one of both classes is not hidden. */
export function paintErrors(labels, truth, isHidden, nClasses) {
  const [right, wrong, ignored] = [RIGHT, WRONG, IGNORED].map(pixelOf);
  const pixels = new Uint32Array(labels.length);
  for (let at = 0; at < labels.length; at += 1) {
    const [is, should] = [labels[at], truth[at]];
    if (isHidden[should] && (isHidden[is] || should >= nClasses)) pixels[at] = CLEAR;
    else if (should >= nClasses) pixels[at] = ignored;
    else pixels[at] = is === should ? right : wrong;
  }
  return pixels;
}

/** The pixels of one confusion, the others darkened. `cell` has the true class and the predicted one. */
export function paintConfusion(labels, truth, [should, is]) {
  const lit = pixelOf(should === is ? RIGHT : WRONG);
  const pixels = new Uint32Array(labels.length);
  for (let at = 0; at < labels.length; at += 1) pixels[at] = truth[at] === should && labels[at] === is ? lit : VEIL;
  return pixels;
}

function pixelOf(hex) {
  return blend(bytesOf(hex), bytesOf(hex), 0);
}

function bytesOf(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

function blend(first, second, share) {
  const [red, green, blue] = first.map((value, band) => Math.round(value + share * (second[band] - value)));
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
