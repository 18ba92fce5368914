// What is laid over the image: tiles of layers, painted. Painted tiles are kept until the colours change.

import { CONFIDENCE, classColours, flagsOf, paintConfusion, paintErrors, paintValues } from "./colours.js";
import { Recent } from "./recent.js";

const KEPT = 80; // painted tiles of an overlay; 1 MB each

/** One choice of what to see: label maps, where they are right, or confidence. */
export class Overlay {
  #painted = new Recent(KEPT); // by place: { canvas, stamp }

  /**
   * @param {string} id of the choice, such as "a" or "errors-a".
   * @param {Layer[]} layers that it is painted from.
   * @param {(values: Uint8Array[]) => Uint32Array} paint makes pixels of them.
   */
  constructor(id, layers, paint) {
    Object.assign(this, { id, layers, paint });
  }

  get error() { return this.layers.find((layer) => layer.error)?.error ?? null; }

  /** The painted tile at a place, or null while its layers are loaded. `stamp` stands for the colours. */
  tile(level, row, column, wanted, stamp) {
    const tiles = this.layers.map((layer) => layer.tile(level, row, column, wanted));
    if (tiles.some((tile) => tile === null)) return null;
    const place = `${level}/${row}/${column}`;
    const known = this.#painted.get(place, this.layers[0].loader.frame);
    if (known?.stamp === stamp) return known.canvas;
    const canvas = asCanvas(this.paint(tiles.map((tile) => tile.values)), tiles[0], known?.canvas);
    this.#painted.set(place, { canvas, stamp });
    return canvas;
  }
}

/** All choices that the layers of an image allow, by id. `state` says at each drawing which classes are hidden. */
export function overlaysOf(layers, data, state) {
  const overlays = new Map();
  const add = (id, parts, paint) => overlays.set(id, new Overlay(id, parts, paint));
  const isHidden = () => flagsOf(state.off, data);
  const byClass = ([values]) => paintValues(values, classColours(data[state.colours], isHidden()));
  const truth = layers.find((layer) => layer.id === "truth");
  for (const layer of layers) {
    if (layer.isImage) add("image", [], null);
    else if (layer.id === "confidence") add(layer.id, [layer], ([values]) => paintValues(values, CONFIDENCE));
    else add(layer.id, [layer], byClass);
    if (truth && ["a", "b", "crf"].includes(layer.id)) {
      const compare = ([labels, right]) => paintErrors(labels, right, isHidden(), data.names.length);
      add(`errors-${layer.id}`, [layer, truth], compare);
    }
  }
  const own = layers.find((layer) => layer.id === "a");
  if (data.cell && own && truth) add("confusion", [own, truth], ([labels, right]) => paintConfusion(labels, right, data.cell));
  return overlays;
}

function asCanvas(pixels, { width, height }, used) {
  const canvas = used ?? Object.assign(document.createElement("canvas"), { width, height });
  const bytes = new Uint8ClampedArray(pixels.buffer);
  canvas.getContext("2d").putImageData(new ImageData(bytes, width, height), 0, 0);
  return canvas;
}
