// Keeps what was used last: so many things at least, and always twice as many as one drawing needs, or a large screen
// would drop at each drawing what it needs for the next.

export class Recent {
  #entries = new Map(); // the last used are the last
  #frame = -1;
  #used = 0; // in this frame

  /** @param {number} least how many are kept at least. */
  constructor(least) { this.least = least; }

  /** What is kept under a key, or undefined. `frame` is the number of the drawing that asks. */
  get(key, frame) {
    if (frame !== this.#frame) [this.#frame, this.#used] = [frame, 0];
    this.#used += 1;
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, entry);
    }
    return entry;
  }

  set(key, entry) {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    while (this.#entries.size > Math.max(this.least, 2 * this.#used)) {
      this.#entries.delete(this.#entries.keys().next().value);
    }
  }
}
