// Tiles of layers, loaded as they are wanted. A tile `level/row/column` covers `tile` pixels a side of its level; each
// level has half the pixels of the one before it, and the last one is a single tile.

import { fetchPatiently } from "../patience.js";
import { decodeGreyPng } from "./png.js";
import { Recent } from "./recent.js";

const AT_ONCE = 6; // requests
const KEPT = 150; // tiles of a layer

/** Loads tiles in the order in which they were last wanted, the newest first; what nobody wants any more is dropped. */
export class Loader {
  #waiting = new Map(); // by address: { frame, start }
  #running = 0;
  frame = 0; // counts drawings; whoever wants a tile says so at each

  want(address, start) {
    const known = this.#waiting.get(address);
    if (known) known.frame = this.frame;
    else this.#waiting.set(address, { frame: this.frame, start });
    queueMicrotask(() => this.#next());
  }

  get isBusy() { return this.#running > 0 || this.#waiting.size > 0; }

  #next() {
    while (this.#running < AT_ONCE && this.#waiting.size) {
      const [address, { frame, start }] = [...this.#waiting].reduce((a, b) => (b[1].frame > a[1].frame ? b : a));
      this.#waiting.delete(address);
      if (frame < this.frame - 1) continue;
      this.#running += 1;
      start().finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }
}

/** One layer: an image, or numbers from 0 to 255. */
export class Layer {
  #tiles = new Recent(KEPT); // by place
  #smallest = null; // the tile of the last level, which stands for all that is not loaded yet
  #loading = new Set();

  /**
   * @param {{id: string, title: string, tiles: string, version: string}} described by the server.
   * @param {{width: number, height: number, tile: number}} size of the image.
   * @param {Loader} loader shared by all layers.
   * @param {() => void} changed called whenever a tile has come, or cannot.
   */
  constructor(described, size, loader, changed) {
    Object.assign(this, described);
    this.size = size;
    this.loader = loader;
    this.changed = changed;
    this.error = null; // a sentence
  }

  get isImage() { return this.id === "image"; }

  /** The tile at a place, or null; then it is loaded if `wanted`. */
  tile(level, row, column, wanted = true) {
    if (level === lastLevel(this.size) && this.#smallest) return this.#smallest;
    const place = `${level}/${row}/${column}`;
    const known = this.#tiles.get(place, this.loader.frame);
    if (known) return known;
    if (wanted && !this.error && !this.#loading.has(place) && this.#mayLoad(level)) {
      this.loader.want(`${this.tiles}${place}`, () => this.#load(place));
    }
    return null;
  }

  /** Nothing is asked for before the smallest level is there: the server makes all tiles when the first is wanted. */
  #mayLoad(level) {
    const last = lastLevel(this.size);
    if (level === last || this.#smallest) return true;
    this.tile(last, 0, 0);
    return false;
  }

  async #load(place) {
    this.#loading.add(place);
    try {
      const response = await fetchPatiently(`${this.tiles}${place}?v=${this.version}`);
      if (!response.ok) throw new Error(await sentenceOf(response, this.title));
      const tile = this.isImage
        ? await createImageBitmap(await response.blob())
        : await decodeGreyPng(await response.arrayBuffer());
      if (place === `${lastLevel(this.size)}/0/0`) this.#smallest = tile;
      else this.#tiles.set(place, tile);
    } catch (error) {
      this.error = error.message;
    } finally {
      this.#loading.delete(place);
      this.changed();
    }
  }
}

/** The last level of an image: that of a single tile. */
export function lastLevel({ width, height, tile }) {
  return Math.max(0, Math.ceil(Math.log2(Math.max(width, height) / tile)));
}

/** The level whose pixels are the closest to those of the screen, without being larger. */
export function levelAt(size, scale) {
  return Math.min(lastLevel(size), Math.max(0, Math.floor(Math.log2(1 / scale))));
}

async function sentenceOf(response, title) {
  const isText = response.headers.get("Content-Type")?.startsWith("text/plain");
  return isText ? response.text() : `${title} cannot be loaded: the server answers ${response.status}.`;
}
