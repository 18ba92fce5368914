// The chart of a training: loss on the left axis, learning rate on the right one, drawn by uPlot.

const box = document.getElementById("chart");
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const series = { loss: new Map(), rate: new Map() };
let plot = null;
let last = -1;

async function load() {
  const query = new URLSearchParams([["name", "loss"], ["name", "lr/group0"]]);
  if (last >= 0) query.set("after", last);
  const response = await fetch(`${box.dataset.metrics}?${query}`);
  if (!response.ok) return;
  const { metrics } = await response.json();
  for (const [iteration, value] of metrics.loss ?? []) series.loss.set(iteration, value);
  for (const [iteration, value] of metrics["lr/group0"] ?? []) series.rate.set(iteration, value);
  const seen = Math.max(-1, ...series.loss.keys(), ...series.rate.keys());
  if (seen > last) {
    last = seen;
    draw();
  }
}

function columns() {
  const iterations = [...new Set([...series.loss.keys(), ...series.rate.keys()])].sort((a, b) => a - b);
  return [iterations, iterations.map((i) => series.loss.get(i) ?? null), iterations.map((i) => series.rate.get(i) ?? null)];
}

function draw() {
  if (plot) {
    plot.setData(columns());
    return;
  }
  box.replaceChildren();
  plot = new uPlot(options(), columns(), box);
}

// What is left of the box beside the legend, which takes two lines on a phone.
function size() {
  return { width: box.clientWidth, height: box.clientHeight - (box.clientWidth < 480 ? 60 : 32) };
}

function options() {
  const ink = () => css("--bs-secondary-color");
  const grid = { stroke: () => css("--line"), width: 1 };
  const points = (chart) => chart.data[0].length < 40;
  const short = (_, values) => values.map((value) => (value === null ? "" : Number(value.toPrecision(3)).toString()));
  const exponent = (_, values) => values.map((value) => (value === null ? "" : value === 0 ? "0" : value.toExponential(1)));
  return {
    ...size(),
    legend: { live: true },
    cursor: { drag: { x: false, y: false } },
    scales: { x: { time: false }, y: { range: (_, low, high) => [Math.min(0, low), (high || 1) * 1.05] }, rate: { range: (_, low, high) => [0, (high || 1) * 1.05] } },
    axes: [
      { stroke: ink, grid, ticks: grid, size: 32 },
      { stroke: ink, grid, ticks: grid, size: 48, values: short },
      { stroke: ink, grid: { show: false }, ticks: grid, size: 60, side: 1, scale: "rate", values: exponent },
    ],
    series: [
      { label: "iteration", value: (_, value) => value ?? "–" },
      { label: "loss", stroke: () => css("--chart-loss"), width: 2, points: { show: points }, value: (_, value) => (value === null ? "–" : value.toFixed(4)) },
      { label: "learning rate", stroke: () => css("--chart-rate"), width: 1.5, dash: [5, 4], scale: "rate", points: { show: false }, value: (_, value) => (value === null ? "–" : value.toExponential(2)) },
    ],
  };
}

new ResizeObserver(() => plot?.setSize(size())).observe(box);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTimeout(() => plot?.redraw(false, true)));
document.addEventListener("htmx:after:swap", load); // the page was brought up to date, so is the chart
load();
