// Confusion matrices, drawn on a canvas from JSON: only the cells in view, so that 182 classes cost no more than 20.
// The canvas stands still while its box scrolls, and so do the names of the classes at its left and upper edges.

import { css, fetchJson, follow, percent, thousands } from "./plots.js";

const NAMES_FROM = 9; // pixels of a cell, for names to fit beside it
const VALUES_FROM = 28; // for its value to fit into it

class Matrix {
  constructor(box, { labels, counts, orders }) {
    this.box = box;
    this.labels = labels;
    this.counts = counts;
    this.orders = { ...orders, labels: labels.map((_, index) => index) };
    this.order = this.orders.labels;
    this.unit = "true";
    this.rows = counts.map((row) => row.reduce((sum, value) => sum + value, 0));
    this.columns = labels.map((_, index) => counts.reduce((sum, row) => sum + row[index], 0));
    this.largest = counts.reduce((most, row) => Math.max(most, ...row), 1);
    this.at = null; // place of the cell under the pointer, or under the keyboard's mark: { row, column }
    this.view = box.querySelector(".matrix-view");
    this.space = box.querySelector(".matrix-space");
    this.canvas = box.querySelector("canvas");
    this.readout = box.querySelector(".matrix-readout");
    this.zoom = box.querySelector("[data-zoom]");
    this.listen();
    this.fit();
  }

  // ---- what the controls do ----
  listen() {
    const on = (target, event, act) => target.addEventListener(event, act);
    on(this.view, "scroll", () => this.draw());
    on(this.view, "pointermove", (event) => this.point(this.cellOf(event)));
    on(this.view, "pointerleave", () => this.point(null));
    on(this.view, "click", (event) => this.tap(this.cellOf(event), event.pointerType));
    on(this.view, "keydown", (event) => this.press(event));
    on(this.view, "wheel", (event) => { if (event.ctrlKey) { event.preventDefault(); this.resize(this.cell * (event.deltaY < 0 ? 1.2 : 1 / 1.2)); } });
    on(this.zoom, "input", () => this.resize(Number(this.zoom.value)));
    on(this.box.querySelector("[data-order]"), "change", (event) => { this.order = this.orders[event.target.value]; this.draw(); });
    on(this.box.querySelector("[data-unit]"), "change", (event) => { this.unit = event.target.value; this.draw(); });
    on(this.box.querySelector("[data-find]"), "input", (event) => this.find(event.target.value));
    this.box.querySelector("datalist").replaceChildren(...this.labels.map((label) => new Option(label)));
    follow(this.view, () => this.draw(), () => this.draw());
  }

  press(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (event.key === "Enter") this.open(this.at);
    if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [down, right] = this.at ? steps[event.key] : [0, 0];
    const inside = (place) => Math.min(Math.max(place, 0), this.labels.length - 1);
    this.reveal({ row: inside((this.at?.row ?? 0) + down), column: inside((this.at?.column ?? 0) + right) });
  }

  find(text) {
    const wanted = text.trim().toLowerCase();
    const labels = this.order.map((index) => this.labels[index].toLowerCase());
    const exact = labels.indexOf(wanted);
    const place = exact >= 0 ? exact : labels.findIndex((label) => wanted && label.includes(wanted));
    if (place >= 0) this.reveal({ row: place, column: place });
  }

  // A finger has no pointer that shows a cell before it is chosen: the first tap shows it, the second one opens it.
  tap(at, pointer) {
    const isShown = at && at.row === this.tapped?.row && at.column === this.tapped.column;
    this.tapped = at;
    if (pointer === "touch" && !isShown) this.point(at);
    else this.open(at);
  }

  open(at) {
    if (!at || !this.box.dataset.images) return;
    const query = new URLSearchParams({ true: this.order[at.row], predicted: this.order[at.column], sort: "-pixels" });
    location.assign(`${this.box.dataset.images}?${query}`);
  }

  // ---- sizes and places ----
  fit() {
    const narrow = this.view.clientWidth < 480;
    this.left = narrow ? 84 : 132;
    this.top = narrow ? 70 : 96;
    this.space.style.height = "100vh"; // more than the box may show, so that its height says how much that is
    const room = Math.min(this.view.clientWidth - this.left, this.view.clientHeight - this.top) - 16;
    this.resize(room / this.labels.length);
  }

  resize(cell) {
    const before = this.cell;
    this.cell = Math.min(Math.max(cell, Number(this.zoom.min)), Number(this.zoom.max));
    this.zoom.value = this.cell;
    const side = this.cell * this.labels.length;
    this.space.style.width = `${this.left + side + 40}px`; // names of columns lean over to the right
    this.space.style.height = `${this.top + side + 2}px`;
    if (before) {
      this.view.scrollLeft *= this.cell / before;
      this.view.scrollTop *= this.cell / before;
    }
    this.draw();
  }

  cellOf(event) {
    const edge = this.view.getBoundingClientRect();
    const x = event.clientX - edge.left - this.left;
    const y = event.clientY - edge.top - this.top;
    const column = Math.floor((x + this.view.scrollLeft) / this.cell);
    const row = Math.floor((y + this.view.scrollTop) / this.cell);
    const n = this.labels.length;
    return x >= 0 && y >= 0 && row < n && column < n ? { row, column } : null;
  }

  reveal(at) {
    const shift = (place, scroll, room) => Math.min(Math.max(scroll, (place + 1) * this.cell - room), place * this.cell);
    this.view.scrollLeft = shift(at.column, this.view.scrollLeft, this.view.clientWidth - this.left);
    this.view.scrollTop = shift(at.row, this.view.scrollTop, this.view.clientHeight - this.top);
    this.point(at);
  }

  point(at) {
    this.at = at;
    if (at) this.readout.textContent = this.sentence(at);
    this.draw();
  }

  sentence({ row, column }) {
    const [t, p] = [this.order[row], this.order[column]];
    const pixels = this.counts[t][p];
    const share = this.rows[t] ? percent(1)(pixels / this.rows[t]) : "–";
    const whole = `${share} of all ${this.labels[t]}, ${thousands(pixels)} pixels`;
    return t === p ? `${this.labels[t]} recognized: ${whole}` : `${this.labels[t]} taken for ${this.labels[p]}: ${whole}`;
  }

  // The pixels of which those of a cell are a share.
  whole(t, p) { return this.unit === "true" ? this.rows[t] : this.columns[p]; }

  // From 0 to 1: how strongly a cell is coloured.
  strength(t, p) {
    const pixels = this.counts[t][p];
    if (this.unit === "pixels") return Math.log1p(pixels) / Math.log1p(this.largest);
    const whole = this.whole(t, p);
    return whole ? Math.sqrt(pixels / whole) : 0;
  }

  value(t, p) {
    const pixels = this.counts[t][p];
    if (this.unit === "pixels") return Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 2 }).format(pixels);
    const whole = this.whole(t, p);
    const rounded = whole ? Math.round((100 * pixels) / whole) : 0;
    return rounded ? `${rounded}` : "";
  }

  // ---- drawing ----
  draw() {
    const scale = devicePixelRatio || 1;
    const [width, height] = [this.view.clientWidth, this.view.clientHeight];
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    pen.font = `${Math.min(12, Math.max(9, this.cell - 1))}px ${getComputedStyle(document.body).fontFamily}`;
    const inView = (scroll, room) => [
      Math.max(0, Math.floor(scroll / this.cell)),
      Math.min(this.labels.length, Math.ceil((scroll + room) / this.cell)),
    ];
    const rows = inView(this.view.scrollTop, height - this.top);
    const columns = inView(this.view.scrollLeft, width - this.left);
    pen.save();
    pen.beginPath();
    pen.rect(this.left, this.top, width, height);
    pen.clip();
    this.drawCells(pen, rows, columns);
    pen.restore();
    this.drawNames(pen, rows, columns);
  }

  x(column) { return this.left + column * this.cell - this.view.scrollLeft; }

  y(row) { return this.top + row * this.cell - this.view.scrollTop; }

  drawCells(pen, rows, columns) {
    const colours = [css("--gain"), css("--loss")].map((rgb) => rgb.split(" ").join(","));
    const ink = css("--bs-body-color");
    const strong = css("--ink-on-strong");
    const n = this.labels.length;
    pen.fillStyle = css("--ground");
    pen.fillRect(this.x(0), this.y(0), n * this.cell, n * this.cell);
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    const gap = this.cell >= 8 ? 1 : 0;
    for (let row = rows[0]; row < rows[1]; row += 1) {
      for (let column = columns[0]; column < columns[1]; column += 1) {
        const [t, p] = [this.order[row], this.order[column]];
        if (!this.counts[t][p]) continue;
        const strength = this.strength(t, p);
        pen.fillStyle = `rgba(${colours[t === p ? 0 : 1]},${strength.toFixed(3)})`;
        pen.fillRect(this.x(column), this.y(row), this.cell - gap, this.cell - gap);
        if (this.cell >= VALUES_FROM) {
          pen.fillStyle = strength > 0.6 ? strong : ink;
          pen.fillText(this.value(t, p), this.x(column) + this.cell / 2, this.y(row) + this.cell / 2);
        }
      }
    }
    if (this.at) {
      pen.strokeStyle = ink;
      pen.lineWidth = 1;
      pen.globalAlpha = 0.35;
      pen.strokeRect(this.x(0), this.y(this.at.row) - 0.5, n * this.cell, this.cell);
      pen.strokeRect(this.x(this.at.column) - 0.5, this.y(0), this.cell, n * this.cell);
      pen.globalAlpha = 1;
      pen.lineWidth = 2;
      pen.strokeRect(this.x(this.at.column) - 1, this.y(this.at.row) - 1, this.cell + 1, this.cell + 1);
    }
  }

  // The names beside the cells in view; if there is no room for all, those of the cell under the pointer.
  drawNames(pen, rows, columns) {
    const all = this.cell >= NAMES_FROM;
    const places = ([first, end], one) =>
      all ? [...Array(Math.max(0, end - first)).keys()].map((place) => first + place) : one === undefined ? [] : [one];
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (const row of places(rows, this.at?.row)) {
      const y = this.y(row) + this.cell / 2;
      if (y < this.top) continue;
      this.write(pen, this.labels[this.order[row]], row === this.at?.row, this.left - 6, y, this.left - 10);
    }
    pen.textAlign = "left";
    for (const column of places(columns, this.at?.column)) {
      const x = this.x(column) + this.cell / 2;
      if (x < this.left) continue;
      pen.save();
      pen.translate(x, this.top - 6);
      pen.rotate(-Math.PI / 3.6);
      this.write(pen, this.labels[this.order[column]], column === this.at?.column, 0, 0, (this.top - 12) * 1.3);
      pen.restore();
    }
  }

  write(pen, label, marked, x, y, room) {
    pen.fillStyle = css(marked ? "--bs-body-color" : "--bs-secondary-color");
    let text = label;
    while (text.length > 1 && pen.measureText(`${text}…`).width > room) text = text.slice(0, -1);
    pen.fillText(text === label ? label : `${text}…`, x, y);
  }
}

const known = new WeakSet(); // boxes whose matrices are drawn, or on their way
async function show() {
  for (const box of document.querySelectorAll(".matrix")) {
    if (known.has(box)) continue;
    known.add(box);
    const matrix = await fetchJson(box.dataset.address);
    if (matrix) new Matrix(box, matrix);
    else box.querySelector(".matrix-readout").textContent = "The confusion matrix could not be loaded.";
  }
}

document.addEventListener("htmx:after:swap", show); // a job may have ended while it was watched
show();
