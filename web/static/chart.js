// The chart of a training, drawn by uPlot: loss on the left axis, mean IoU and learning rate on axes of their own.
// The server thins the values, so that peaks stay; a part that is zoomed into is asked for again, in more detail.

import { css, exponent, fetchMetrics, follow, grid, ink, labels, legend, movingAverage, percent, short, thousands } from "./plots.js";

const area = document.getElementById("training");
const box = document.getElementById("chart");
const smoothing = document.getElementById("smoothing");
const logScale = document.getElementById("log-scale");
const zoomOut = document.getElementById("zoom-out");
const table = document.getElementById("chart-values");
const POINTS = 1000;
const ROWS = 25; // of the table
const RETRY = 3000; // milliseconds until a request that failed is made again
const ENDED = ["succeeded", "failed", "cancelled"];

const OFTEN = ["loss", "lr/group0"]; // recorded all the time; only what is new is asked for
const values = { loss: new Map(), "lr/group0": new Map(), ...("evaluations" in area.dataset && { mean_iou: new Map() }) };
let plot = null;
let last = -1;
let zoom = null; // [from, to] in iterations
let again = 0; // the timer of a request that is made once more

// ---- values ----
async function load() {
  const news = await fetchMetrics(area.dataset.metrics, OFTEN, { points: POINTS, ...(last >= 0 && { after: last }) });
  // An evaluation is recorded long after the loss of its iteration, so all of them are asked for.
  const evaluated = values.mean_iou ? await fetchMetrics(area.dataset.metrics, ["mean_iou"], { points: POINTS }) : { metrics: {} };
  if (news === null || evaluated === null) {
    if (!plot) box.firstElementChild.textContent = "The values could not be loaded. Trying again…";
    clearTimeout(again);
    again = setTimeout(load, RETRY);
    return;
  }
  const before = count();
  add(news.metrics);
  add(evaluated.metrics);
  last = Math.max(last, ...OFTEN.flatMap((name) => (news.metrics[name] ?? []).map(([iteration]) => iteration)));
  if (count() !== before) draw();
  else if (!plot) box.firstElementChild.textContent = ENDED.includes(news.state) ? "No data." : "No data yet.";
}

async function loadDetail(from, to) {
  const answer = await fetchMetrics(area.dataset.metrics, OFTEN, { after: Math.floor(from) - 1, until: Math.ceil(to), points: POINTS });
  if (!answer || zoom?.[0] !== from) return;
  add(answer.metrics);
  draw();
}

function add(metrics) {
  for (const [name, series] of Object.entries(values)) {
    for (const [iteration, value] of metrics[name] ?? []) series.set(iteration, value);
  }
}

const count = () => Object.values(values).reduce((sum, series) => sum + series.size, 0);

const iterations = () => [...new Set(Object.values(values).flatMap((series) => [...series.keys()]))].sort((a, b) => a - b);

function columns() {
  const all = iterations();
  const of = (series) => all.map((iteration) => series.get(iteration) ?? null);
  const loss = of(values.loss);
  return [all, loss, ...(isSmoothed() ? [smoothed(loss)] : []), of(values["lr/group0"]), ...(values.mean_iou ? [of(values.mean_iou)] : [])];
}

const isSmoothed = () => Number(smoothing.value) > 0;

function smoothed(loss) {
  const average = movingAverage(Number(smoothing.value));
  return loss.map((value) => (value === null ? null : average(value)));
}

// ---- drawing ----
function draw() {
  const data = columns();
  const kept = zoom;
  if (plot) plot.setData(data, kept === null);
  else {
    box.replaceChildren();
    plot = new uPlot(options(), data, box);
  }
  if (kept) plot.setScale("x", { min: kept[0], max: kept[1] });
  describe();
}

function redrawAll() {
  plot?.destroy();
  plot = null;
  if (count()) draw();
}

// What is left of the box beside the legend, which takes a line of 28 pixels, or on a phone one per series.
const isNarrow = () => box.clientWidth < 480;
function size() {
  const lines = isNarrow() ? Object.keys(values).length + (isSmoothed() ? 2 : 1) : 1;
  return { width: box.clientWidth, height: box.clientHeight - 4 - 28 * lines };
}

function options() {
  const fromZero = (_, low, high) => [Math.min(0, low), (high || 1) * 1.05];
  const decades = (_, low, high) => uPlot.rangeLog(low > 0 ? low : 1e-6, high > 0 ? high : 1, 10, false);
  const points = (chart) => chart.data[0].length < 40;
  const raw = isSmoothed() ? "--chart-loss-raw" : "--chart-loss";
  const right = { stroke: ink, grid: { show: false }, ticks: grid, side: 1 };
  const number = legend((value) => value.toFixed(4));
  return {
    ...size(),
    legend: { live: true },
    cursor: { drag: { x: true, y: false, setScale: true } },
    hooks: { setScale: [(chart, name) => { if (name === "x") zoomed(chart); }] },
    scales: {
      x: { time: false },
      y: logScale.checked ? { distr: 3, range: decades } : { range: fromZero },
      rate: { range: fromZero },
      iou: { range: [0, 1] },
    },
    axes: [
      { stroke: ink, grid, ticks: grid, size: 32, values: labels(thousands) },
      { stroke: ink, grid, ticks: grid, size: 52, values: labels(short) },
      ...(values.mean_iou ? [{ ...right, scale: "iou", size: 56, stroke: () => css("--chart-iou"), values: labels(percent(0)) }] : []),
      { ...right, scale: "rate", size: 62, stroke: () => css("--chart-rate"), values: labels(exponent), show: !(values.mean_iou && isNarrow()) },
    ],
    series: [
      { label: "iteration", value: legend(thousands) },
      { label: "loss", stroke: () => css(raw), width: 2, spanGaps: true, points: { show: points }, value: number },
      ...(isSmoothed() ? [{ label: "smoothed", stroke: () => css("--chart-loss"), width: 2, spanGaps: true, points: { show: false }, value: number }] : []),
      { label: "learning rate", stroke: () => css("--chart-rate"), width: 1.5, dash: [5, 4], scale: "rate", spanGaps: true, points: { show: false }, value: legend((value) => value.toExponential(2)) },
      ...(values.mean_iou ? [{ label: "mean IoU", stroke: () => css("--chart-iou"), width: 2, scale: "iou", spanGaps: true, points: { show: true, size: 7 }, value: legend(percent(1)) }] : []),
    ],
  };
}

function zoomed(chart) {
  const all = chart.data[0];
  const { min, max } = chart.scales.x;
  const isWhole = min == null || (min <= all[0] && max >= all.at(-1));
  const now = isWhole ? null : [min, max];
  zoomOut.hidden = isWhole;
  if (now && now[0] !== zoom?.[0]) {
    zoom = now;
    loadDetail(...now);
  }
  zoom = now;
}

// ---- the same as text ----
function describe() {
  const all = iterations();
  const of = (name) => all.map((iteration) => values[name]?.get(iteration));
  const [loss, rate, iou] = [of("loss"), of("lr/group0"), of("mean_iou")];
  const losses = loss.filter((value) => value !== undefined);
  if (losses.length) {
    box.ariaLabel = `Loss over iterations ${all[0]} to ${all.at(-1)}: first ${losses[0].toFixed(4)}, lowest ${Math.min(...losses).toFixed(4)}, last ${losses.at(-1).toFixed(4)}. The values follow as a table.`;
  }
  if (!table.closest("details").open) return;
  const step = Math.max(1, Math.ceil(all.length / ROWS));
  const chosen = all.map((_, i) => i).filter((i) => (all.length - 1 - i) % step === 0 || iou[i] !== undefined);
  const titles = ["Iteration", "Loss", "Learning rate", ...(values.mean_iou ? ["Mean IoU"] : [])];
  const cells = (i) => [thousands(all[i]), loss[i]?.toFixed(4), rate[i]?.toExponential(2), ...(values.mean_iou ? [iou[i] === undefined ? "" : percent(1)(iou[i])] : [])];
  table.replaceChildren(row("th", titles), ...chosen.map((i) => row("td", cells(i))));
}

function row(tag, texts) {
  const line = document.createElement("tr");
  for (const text of texts) {
    const cell = line.appendChild(document.createElement(tag));
    cell.className = "num";
    cell.textContent = text ?? "";
    if (tag === "th") cell.scope = "col";
  }
  return line;
}

smoothing.addEventListener("input", redrawAll);
logScale.addEventListener("change", redrawAll);
zoomOut.addEventListener("click", () => { zoom = null; draw(); });
table.closest("details").addEventListener("toggle", () => { if (plot) describe(); });
follow(box, () => plot?.setSize(size()), () => plot?.redraw(false, true));
document.addEventListener("htmx:after:swap", load); // the page was brought up to date, so is the chart
load();
