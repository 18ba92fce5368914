// Draws the panes: the image, and an overlay on it.

import { lastLevel, levelAt } from "./tiles.js";

const CRISP = 4; // from so many screen pixels per image pixel on, the pixels of the image are seen as squares
const MARKED = 8; // from so many on, the pixel under the pointer has a frame
const above = document.createElement("canvas"); // the overlay before it is laid over the image

/** The panes of a mode: what of the canvas each covers, in CSS pixels, and which choice it shows. */
export function panesOf(state, width, height) {
  const whole = { left: 0, width };
  if (state.mode === "side") {
    const half = width / 2;
    return [
      { shows: state.left, left: 0, width: half, clip: { left: 0, width: half - 1 }, height },
      { shows: state.right, left: half, width: half, clip: { left: half + 1, width: half - 1 }, height },
    ];
  }
  if (state.mode === "swipe") {
    const border = width * state.at;
    return [
      { shows: state.left, ...whole, clip: { left: 0, width: border }, height },
      { shows: state.right, ...whole, clip: { left: border, width: width - border }, height },
    ];
  }
  return [{ shows: state.left, ...whole, clip: whole, height }];
}

/** Draw one pane. */
export function drawPane(context, pane, scene) {
  const { view, image, overlays, state, ratio, stamp } = scene;
  const place = {
    scale: view.zoom * ratio, // device pixels per image pixel
    left: (pane.left + pane.width / 2 - view.x * view.zoom) * ratio,
    top: (pane.height / 2 - view.y * view.zoom) * ratio,
    size: scene.size,
  };
  context.save();
  clipTo(context, pane.clip.left * ratio, 0, pane.clip.width * ratio, pane.height * ratio);
  clipToImage(context, place);
  if (image) {
    context.imageSmoothingEnabled = view.zoom < CRISP;
    context.imageSmoothingQuality = "high";
    drawTiles(context, place, (...where) => image.tile(...where));
  }
  const overlay = overlays.get(pane.shows);
  if (overlay?.paint && state.overlay) {
    drawOverlay(context, place, (...where) => overlay.tile(...where, stamp), image ? state.opacity / 100 : 1);
  }
  if (scene.pointer) drawPointer(context, place, scene.pointer, ratio, scene.pointer.pane !== pane.left);
  context.restore();
}

function clipTo(context, left, top, width, height) {
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
}

function clipToImage(context, { left, top, scale, size }) {
  const [x, y] = [Math.round(left), Math.round(top)];
  clipTo(context, x, y, Math.round(left + size.width * scale) - x, Math.round(top + size.height * scale) - y);
}

/** Tiles may overlap while finer ones come, so the overlay is made beside the image before it is laid on it. */
function drawOverlay(context, place, tileAt, opacity) {
  const { width, height } = context.canvas;
  if (above.width !== width || above.height !== height) Object.assign(above, { width, height });
  const beside = above.getContext("2d");
  beside.clearRect(0, 0, width, height);
  beside.imageSmoothingEnabled = false;
  drawTiles(beside, place, tileAt, true);
  context.globalAlpha = opacity;
  context.imageSmoothingEnabled = false;
  context.drawImage(above, 0, 0);
  context.globalAlpha = 1;
}

/** Draw what is seen, each part from the finest tile that is there. */
function drawTiles(context, place, tileAt, clears = false) {
  const { size } = place;
  const last = lastLevel(size);
  const level = levelAt(size, place.scale);
  const side = size.tile * 2 ** level; // image pixels
  const [firstRow, lastRow] = range(-place.top, context.canvas.height, place.scale * side, size.height / side);
  const [firstColumn, lastColumn] = range(-place.left, context.canvas.width, place.scale * side, size.width / side);
  for (let row = firstRow; row <= lastRow; row += 1) {
    for (let column = firstColumn; column <= lastColumn; column += 1) {
      drawPart(context, place, tileAt, { level, row, column, last, clears });
    }
  }
}

function range(from, length, side, count) {
  return [Math.max(0, Math.floor(from / side)), Math.min(Math.ceil(count) - 1, Math.floor((from + length) / side))];
}

function drawPart(context, place, tileAt, { level, row, column, last, clears }) {
  for (let up = 0; level + up <= last; up += 1) {
    const tile = tileAt(level + up, row >> up, column >> up, up === 0 || level + up === last);
    if (!tile) continue;
    const side = place.size.tile / 2 ** up; // of the part, in pixels of the tile
    const from = { x: (column % 2 ** up) * side, y: (row % 2 ** up) * side };
    const part = { width: Math.min(side, tile.width - from.x), height: Math.min(side, tile.height - from.y) };
    const pixel = place.scale * 2 ** (level + up); // device pixels per pixel of the tile
    const [left, top] = [column, row].map((each) => each * place.size.tile * 2 ** level * place.scale);
    const x = Math.round(place.left + left);
    const y = Math.round(place.top + top);
    const width = Math.round(place.left + left + part.width * pixel) - x;
    const height = Math.round(place.top + top + part.height * pixel) - y;
    if (clears) context.clearRect(x, y, width, height);
    context.drawImage(tile, from.x, from.y, part.width, part.height, x, y, width, height);
    return;
  }
}

/** A frame around the pixel under the pointer when pixels are large, and a cross where it would be in the other pane. */
function drawPointer(context, place, { x, y }, ratio, isOther) {
  const [left, top] = [place.left + Math.floor(x) * place.scale, place.top + Math.floor(y) * place.scale];
  for (const [width, style] of [[3 * ratio, "#000"], [ratio, "#fff"]]) {
    Object.assign(context, { lineWidth: width, strokeStyle: style });
    context.beginPath();
    if (place.scale >= MARKED * ratio) context.rect(left, top, place.scale, place.scale);
    if (isOther) {
      const [middle, level, arm] = [place.left + x * place.scale, place.top + y * place.scale, 7 * ratio];
      context.moveTo(middle - arm, level);
      context.lineTo(middle + arm, level);
      context.moveTo(middle, level - arm);
      context.lineTo(middle, level + arm);
    }
    context.stroke();
  }
}
