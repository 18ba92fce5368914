// What is under the pointer: in writing always, aloud only when asked.

import { levelAt } from "./tiles.js";

/** The values of all layers at a point of the image, as far as they are loaded; null outside of it. */
export function valuesAt(point, scene) {
  const { size, layers, view, ratio } = scene;
  if (!point || point.x < 0 || point.y < 0 || point.x >= size.width || point.y >= size.height) return null;
  const level = levelAt(size, view.zoom * ratio);
  const [x, y] = [Math.floor(point.x) >> level, Math.floor(point.y) >> level];
  const [column, row] = [x, y].map((each) => Math.floor(each / size.tile));
  const found = [];
  for (const layer of layers.filter((each) => !each.isImage)) {
    const tile = layer.tile(level, row, column);
    if (tile) found.push({ layer, value: tile.values[(y - row * size.tile) * tile.width + x - column * size.tile] });
  }
  // Of a level one pixel in so many is known, and that one is named.
  return { x: x << level, y: y << level, found };
}

/** Words for values: "Prediction: road". */
function wordsOf({ layer, value }, data) {
  if (layer.id === "confidence") return { title: layer.title, text: (value / 255).toFixed(2), colour: null };
  const text = data.names[value] ?? (value === data.ignore ? "ignored" : `no class (${value})`);
  return { title: layer.title, text, colour: `#${data[data.shown][value]}` };
}

/** Write into the line below the image. */
export function writeReadout(element, values, data) {
  if (!values) {
    element.replaceChildren();
    return;
  }
  const parts = values.found.map((each) => wordsOf(each, data));
  element.replaceChildren(span("readout-at", `${values.x}, ${values.y}`), ...parts.map(entry));
}

/** A sentence for people who hear the page. */
export function sentenceOf(values, data) {
  if (!values) return "Outside of the image.";
  const parts = values.found.map((each) => wordsOf(each, data)).map(({ title, text }) => `${title}: ${text}`);
  return `Column ${values.x}, row ${values.y}. ${parts.join(". ")}.`;
}

function entry({ title, text, colour }) {
  const whole = span("readout-entry", "");
  if (colour) whole.append(swatch(colour));
  whole.append(span("readout-title", title), ` ${text}`);
  return whole;
}

function swatch(colour) {
  const icon = document.querySelector("svg.swatch").cloneNode(true);
  icon.setAttribute("color", colour);
  return icon;
}

function span(name, text) {
  return Object.assign(document.createElement("span"), { className: name, textContent: text });
}
