// Which part of the image is seen, and how large. Lengths on the screen are CSS pixels.

const MOST = 64; // screen pixels per image pixel
const STEP = 1.4;

export class View {
  /** @param {{width: number, height: number}} image in pixels. */
  constructor(image) {
    this.image = image;
    this.pane = { width: 1, height: 1 }; // what one image has of the screen
    this.zoom = 1; // screen pixels per image pixel
    this.x = image.width / 2; // the point of the image in the middle of the pane
    this.y = image.height / 2;
    this.isFitted = true; // the whole image is seen, whatever the size of the pane
  }

  resize(width, height) {
    this.pane = { width: Math.max(1, width), height: Math.max(1, height) };
    if (this.isFitted) this.fit();
  }

  get fitting() {
    return Math.min(this.pane.width / this.image.width, this.pane.height / this.image.height, MOST);
  }

  fit() {
    this.isFitted = true;
    this.zoom = this.fitting;
    [this.x, this.y] = [this.image.width / 2, this.image.height / 2];
  }

  show({ zoom = this.zoom, x = this.x, y = this.y }) {
    this.isFitted = false;
    this.zoom = clamp(zoom, Math.min(this.fitting, 1) / 2, MOST);
    this.x = clamp(x, 0, this.image.width);
    this.y = clamp(y, 0, this.image.height);
  }

  /** Zoom so that the point of the image at (left, top) of the pane stays there. */
  zoomAt(factor, left = this.pane.width / 2, top = this.pane.height / 2) {
    const before = this.toImage(left, top);
    this.show({ zoom: this.zoom * factor });
    const after = this.toImage(left, top);
    this.show({ x: this.x + before.x - after.x, y: this.y + before.y - after.y });
  }

  zoomIn() { this.zoomAt(STEP); }

  zoomOut() { this.zoomAt(1 / STEP); }

  pan(right, down) {
    this.show({ x: this.x - right / this.zoom, y: this.y - down / this.zoom });
  }

  toImage(left, top) {
    return {
      x: this.x + (left - this.pane.width / 2) / this.zoom,
      y: this.y + (top - this.pane.height / 2) / this.zoom,
    };
  }
}

export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
