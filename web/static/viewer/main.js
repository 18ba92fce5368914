// The viewer: one canvas on which an image lies under label maps, and the controls around it.

import { readAddress, writeAddress } from "./address.js";
import { listenToDivider } from "./divider.js";
import { drawPane, panesOf } from "./draw.js";
import { lettersAreOn, listenToKeys, switchLetters } from "./keys.js";
import { overlaysOf } from "./overlay.js";
import { updatePanel } from "./panel.js";
import { listenToPointer } from "./pointer.js";
import { sentenceOf, valuesAt, writeReadout } from "./readout.js";
import { Layer, Loader } from "./tiles.js";
import { clamp, View } from "./view.js";

const byId = (id) => document.getElementById(id);
const root = byId("viewer");
const canvas = byId("canvas");
const data = JSON.parse(root.dataset.view);
const size = { width: data.width, height: data.height, tile: data.tile };
const COLOURS = "viewer-colours"; // the reader's last choice
const WAIT = 250; // milliseconds until the address is written, and until it is said that something is loading

const loader = new Loader();
const view = new View(size);
const layers = data.layers.map((each) => new Layer(each, size, loader, () => changed()));
const usual = usualState();
const state = { ...usual, off: new Set() };
const overlays = overlaysOf(layers, data, state);
const scene = {
  size, view, layers, overlays, state, ratio: 1, stamp: "", pointer: null,
  image: layers.find((layer) => layer.isImage) ?? null,
};
let point = null; // of the pointer on the canvas
let isDrawn = true;

function usualState() {
  const ids = layers.map((layer) => layer.id);
  const first = ids.includes(data.first) ? data.first : "a";
  const asked = data.cell && ids.includes("a") && ids.includes("truth") ? "confusion" : first; // whose pixels led here
  const left = ids.includes("a") ? asked : ids.includes(data.usual) ? data.usual : ids[0];
  const right = ["truth", "b", "crf", "image"].find((id) => ids.includes(id) && id !== first) ?? left;
  const opacity = Number(byId("opacity").value);
  const colours = localStorage.getItem(COLOURS) ?? "colours";
  return { mode: "single", left, right, at: 0.5, opacity, overlay: true, off: new Set(), colours };
}

// ---- what is seen ----
function changed() {
  if (!isDrawn) return;
  isDrawn = false;
  requestAnimationFrame(draw);
}

function draw() {
  isDrawn = true;
  loader.frame += 1;
  fitCanvas();
  const context = canvas.getContext("2d");
  const panes = panesNow();
  view.resize(panes[0].width, panes[0].height);
  scene.stamp = `${state.colours} ${[...state.off].join(",")}`;
  scene.pointer = pointerIn(panes);
  context.clearRect(0, 0, canvas.width, canvas.height);
  for (const pane of panes) drawPane(context, pane, scene);
  data.shown = state.colours;
  writeReadout(byId("readout"), valuesAt(scene.pointer, scene), data);
  updatePanel(state, view, data, overlays);
  saveSoon();
}

/** A pixel of the canvas is one of the screen, also after the window has moved to another screen. */
function fitCanvas() {
  scene.ratio = devicePixelRatio;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((each) => Math.round(each * scene.ratio));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
}

const panesNow = () => panesOf(state, canvas.clientWidth, canvas.clientHeight);

function paneAt(left, panes = panesNow()) {
  return panes.findLast((pane) => left >= pane.clip.left) ?? panes[0];
}

function pointerIn(panes) {
  if (!point) return null;
  const pane = paneAt(point.left, panes);
  return { ...view.toImage(point.left - pane.left, point.top), pane: pane.left };
}

canvas.parentElement.style.setProperty("--aspect", size.width / size.height);
new ResizeObserver(changed).observe(canvas);

setInterval(() => { byId("stage-busy").hidden = !loader.isBusy; }, WAIT);

// ---- the address ----
let saving = 0;
function saveSoon() {
  clearTimeout(saving);
  saving = setTimeout(() => {
    const hash = writeAddress(state, usual, view);
    if (hash !== location.hash) history.replaceState(null, "", `${location.pathname}${location.search}${hash}`);
    for (const link of document.querySelectorAll("a[rel=prev], a[rel=next]")) link.hash = writeAddress(state, usual);
  }, WAIT);
}

function openAddress() {
  const read = readAddress(location.hash);
  Object.assign(state, usual, { off: new Set() }, read);
  for (const side of ["left", "right"]) if (!overlays.has(state[side])) state[side] = usual[side];
  if (!["single", "swipe", "side"].includes(state.mode)) state.mode = usual.mode;
  if (!["colours", "distinct"].includes(state.colours)) state.colours = usual.colours;
  [state.at, state.opacity] = [clamp(state.at, 0, 1), clamp(state.opacity, 0, 100)];
  showOpacity();
  view.fit();
  if (read.zoom) view.show(read);
  changed();
}
addEventListener("hashchange", openAddress);

// ---- what buttons and keys do ----
const actions = {
  "zoom-in": () => view.zoomIn(),
  "zoom-out": () => view.zoomOut(),
  fit: () => view.fit(),
  "full-size": () => view.show({ zoom: 1 }),
  swipe: () => { state.mode = state.mode === "swipe" ? "single" : "swipe"; },
  side: () => { state.mode = state.mode === "side" ? "single" : "side"; },
  overlay: () => { state.overlay = !state.overlay; },
  colours: () => {
    state.colours = state.colours === "distinct" ? "colours" : "distinct";
    localStorage.setItem(COLOURS, state.colours);
  },
  "all-classes": () => state.off.clear(),
  fainter: () => setOpacity(state.opacity - 10),
  stronger: () => setOpacity(state.opacity + 10),
  help: () => byId("help").showModal(),
  say: () => { byId("said").textContent = sentenceOf(valuesAt(scene.pointer ?? view, scene), data); },
  "full-screen": () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen()),
};

function act(name) {
  actions[name]();
  changed();
}

function choose(number, isRight) {
  const button = document.querySelectorAll('[data-side="left"][data-show]')[number - 1];
  if (!button) return;
  if (isRight && state.mode === "single") state.mode = "swipe";
  state[isRight ? "right" : "left"] = button.dataset.show;
  state.overlay = true;
  changed();
}

function setOpacity(percent) {
  state.opacity = clamp(percent, 0, 100);
  localStorage.setItem("mask-opacity", state.opacity);
  showOpacity();
}

function showOpacity() {
  byId("opacity").value = state.opacity;
  document.querySelector("output[for=opacity]").value = `${state.opacity}\u202f%`;
}

function isolate(index) {
  const others = [...document.querySelectorAll("[data-class]")].map((row) => Number(row.dataset.class));
  others.splice(others.indexOf(index), 1);
  const isAlone = !state.off.has(index) && others.every((each) => state.off.has(each));
  state.off = new Set(isAlone ? [] : others);
}

root.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { mode, show, side, isolate: only, switch: switched, do: action } = button.dataset;
  if (mode) state.mode = mode;
  if (show) Object.assign(state, { [side]: show, overlay: true });
  if (only) isolate(Number(only));
  if (switched && !state.off.delete(Number(switched))) state.off.add(Number(switched));
  if (action) actions[action]();
  changed();
});

byId("opacity").addEventListener("input", (event) => {
  state.opacity = Number(event.target.value);
  changed();
});

byId("letters").checked = lettersAreOn();
byId("letters").addEventListener("change", (event) => switchLetters(event.target.checked));
byId("partner")?.addEventListener("change", (event) => {
  const form = new URLSearchParams(new FormData(event.target.form));
  location.assign(`${location.pathname}?${form}${writeAddress(state, usual, view)}`);
});

listenToKeys(act, choose, (right, down) => {
  view.pan(right, down);
  changed();
});
listenToDivider(byId("divider"), canvas, state, changed);
listenToPointer(canvas, view, {
  moved: changed,
  hovered: (place) => {
    point = place;
    changed();
  },
  within: ({ left, top }) => ({ left: left - paneAt(left).left, top }),
});
openAddress();
