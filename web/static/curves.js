// The curves of several trainings over one another, drawn by uPlot: one chart of the loss, with the learning rate on an axis
// of its own, and one of the mean IoU; both show the same iterations.

import { css, exponent, fetchMetrics, follow, grid, ink, labels, movingAverage, percent, short, thousands } from "./plots.js";

const box = document.getElementById("curves");
const control = (name) => box.querySelector(`[data-${name}]`);
const POINTS = 1500; // of a curve; more than a screen has pixels
const RELOAD = 10_000; // milliseconds, while a training runs
const METRICS = ["loss", "lr/group0", "mean_iou"];
const SHOWN = { loss: (value) => value.toPrecision(4), "lr/group0": (value) => value.toExponential(2), mean_iou: percent(1) };
const ROWS = 12; // of the table
const ENDED = ["succeeded", "failed", "cancelled"];

const jobs = [...box.querySelectorAll("[data-job]")].map((item, place) => ({
  item,
  name: `Job ${item.dataset.job}`,
  colour: `--curve-${place % 8}`,
  dash: place < 8 ? [] : [2 + 2 * Math.floor(place / 8), 3], // colours repeat, dashes tell them apart
  metrics: {},
}));
let range = null; // of iterations that are zoomed into; null: all
let plots = [];

// ---- data ----
async function load() {
  const part = range && { after: Math.max(0, Math.floor(range.min) - 1), until: Math.ceil(range.max) };
  await Promise.all(jobs.map(async (job) => {
    const found = await fetchMetrics(job.item.dataset.metrics, METRICS, { points: POINTS, ...part });
    if (!found) return;
    job.metrics = found.metrics;
    job.state = found.state;
    job.item.querySelector("[data-state]").textContent = Object.keys(job.metrics).length ? job.state : `${job.state}, no metrics`;
  }));
  draw();
}

async function keepLoading() {
  if (!document.hidden) await load();
  if (jobs.some((job) => !ENDED.includes(job.state))) setTimeout(keepLoading, RELOAD); // or its state is not known yet
}

function lastIteration() {
  return Math.max(1, ...jobs.flatMap((job) => Object.values(job.metrics)).map((pairs) => pairs.at(-1)[0]));
}

function curve(job, name) {
  const pairs = (job.metrics[name] ?? []).filter(([, value]) => value !== null); // no number: the loss has exploded
  if (name !== "loss") return pairs;
  const average = movingAverage(Number(control("smoothing").value));
  return pairs.map(([iteration, value]) => [iteration, average(value)]);
}

// ---- charts ----
function draw() {
  plots.forEach((plot) => plot.destroy());
  plots = [...box.querySelectorAll(".curve")].map(drawChart).filter(Boolean);
  jobs.forEach((job) => { job.item.querySelector("svg").style.color = css(job.colour); });
  control("reset").hidden = !range;
  fillTable();
}

function drawChart(place) {
  const isLoss = place.dataset.curve === "loss";
  const names = isLoss ? ["loss", ...(control("rate").checked ? ["lr/group0"] : [])] : ["mean_iou"];
  const lines = names.flatMap((name) => jobs.map((job) => ({ job, name, pairs: curve(job, name) }))).filter(({ pairs }) => pairs.length);
  place.replaceChildren();
  if (!lines.length) {
    const isKnown = jobs.every((job) => job.state);
    place.textContent = isKnown ? "No data." : "The values could not be loaded. Trying again…";
    return null;
  }
  const data = uPlot.join(lines.map(({ pairs }) => [pairs.map(([x]) => x), pairs.map(([, y]) => y)]));
  return new uPlot(options(place, isLoss, lines), data, place);
}

function options(place, isLoss, lines) {
  const isLog = isLoss && control("log").checked;
  const axis = (scale, format, side) => ({ scale, side, stroke: ink, grid: side === 1 ? { show: false } : grid, ticks: grid, size: 62, values: labels(format) });
  return {
    width: place.clientWidth,
    height: place.clientHeight,
    legend: { show: false },
    cursor: { sync: { key: "curves" }, drag: { x: true, y: false }, points: { size: 6 } },
    hooks: { setSelect: [zoom], setCursor: [(plot) => readOut(plot, lines)], ready: [(plot) => plot.over.addEventListener("dblclick", showAll)] },
    scales: {
      x: { time: false, range: () => [range?.min ?? 0, range?.max ?? lastIteration()] },
      loss: { distr: isLog ? 3 : 1 },
      rate: { range: (_, low, high) => [0, (high || 1) * 1.05] },
      mean_iou: { range: (_, low, high) => [Math.max(0, low - 0.02), Math.min(1, high + 0.02)] },
    },
    axes: [
      { stroke: ink, grid, ticks: grid, size: 32, values: labels(thousands) },
      isLoss ? axis("loss", short, 3) : axis("mean_iou", percent(0), 3),
      control("rate").checked && !isLoss ? { side: 1, size: 62, scale: "mean_iou", ticks: { show: false }, grid: { show: false }, values: () => [] } : null, // as wide as the other chart
      isLoss && lines.some(({ name }) => name === "lr/group0") ? axis("rate", exponent, 1) : null,
    ].filter(Boolean),
    series: [
      {},
      ...lines.map(({ job, name }) => ({
        label: `${job.name} ${name}`,
        scale: name === "lr/group0" ? "rate" : name,
        stroke: () => css(job.colour),
        width: name === "lr/group0" ? 1 : 2,
        dash: name === "lr/group0" ? [6, 4] : job.dash,
        points: { show: name === "mean_iou", size: 6 },
        spanGaps: true, // the jobs have values at different iterations
      })),
    ],
  };
}

// Beside the name of each job: its value at the iteration under the pointer.
function readOut(plot, lines) {
  const at = plot.cursor.idx;
  for (const job of jobs) {
    const texts = lines.flatMap((line, place) => {
      if (line.job !== job || at === null || at === undefined) return [];
      const value = before(plot.data[place + 1], at);
      return value === null ? [] : [SHOWN[line.name](value)];
    });
    if (plot.cursor.event) job.item.querySelector("[data-state]").textContent = texts.join(" · ") || job.state;
  }
}

function before(values, at) {
  for (let place = at; place >= 0; place -= 1) if (values[place] !== null && values[place] !== undefined) return values[place];
  return null;
}

function zoom(plot) {
  if (plot.select.width < 4) return;
  range = { min: plot.posToVal(plot.select.left, "x"), max: plot.posToVal(plot.select.left + plot.select.width, "x") };
  load(); // with as many values of this part alone
}

function showAll() {
  if (!range) return;
  range = null;
  load();
}

// ---- the same as a table: values at iterations of equal distances ----
function fillTable() {
  const last = range?.max ?? lastIteration();
  const first = range?.min ?? 0;
  const iterations = [...Array(ROWS).keys()].map((row) => Math.round(first + ((last - first) * (row + 1)) / ROWS));
  const cell = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
  const head = document.createElement("tr");
  const names = ["loss", "mean_iou"].filter((name) => jobs.some((job) => curve(job, name).length));
  const columns = jobs.flatMap((job) => names.map((name) => ({ job, name, pairs: curve(job, name) })));
  head.append(cell("th", "Iteration"), ...columns.map(({ job, name }) => cell("th", `${job.name}, ${name === "loss" ? "loss" : "mean IoU"}`)));
  head.querySelectorAll("th").forEach((each) => { each.scope = "col"; });
  const rows = iterations.map((iteration) => {
    const row = document.createElement("tr");
    const values = columns.map(({ name, pairs }) => {
      const value = pairs.findLast(([at]) => at <= iteration)?.[1];
      return value === undefined ? "–" : SHOWN[name](value);
    });
    row.append(Object.assign(cell("th", thousands(iteration)), { scope: "row" }), ...values.map((value) => cell("td", value)));
    return row;
  });
  const [thead, tbody] = [document.createElement("thead"), document.createElement("tbody")];
  thead.append(head);
  tbody.append(...rows);
  control("values").replaceChildren(thead, tbody);
}

for (const name of ["smoothing", "log", "rate"]) control(name).addEventListener("input", draw);
control("reset").addEventListener("click", showAll);
const fit = (plot) => plot.setSize({ width: plot.root.parentElement.clientWidth, height: plot.root.parentElement.clientHeight });
follow(box, () => plots.forEach(fit), draw);
keepLoading();
