// The chart of a training, drawn by uPlot: loss on the left axis; on the right one the mean IoU of the evaluations in
// between if there are to be any, else the learning rate.

const box = document.getElementById("chart");
const hasEvaluations = "evaluations" in box.dataset;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const series = { loss: new Map(), "lr/group0": new Map(), ...(hasEvaluations && { mean_iou: new Map() }) }; // value by iteration
let plot = null;
let last = -1;

async function load() {
  const query = new URLSearchParams([...Object.keys(series).map((name) => ["name", name]), ["points", 1000]]);
  if (last >= 0) query.set("after", last);
  const response = await fetch(`${box.dataset.metrics}?${query}`);
  if (!response.ok) return;
  const { metrics } = await response.json();
  for (const [name, values] of Object.entries(series)) {
    for (const [iteration, value] of metrics[name] ?? []) values.set(iteration, value);
  }
  const seen = Math.max(-1, ...iterations());
  if (seen > last) {
    last = seen;
    draw();
  }
}

function iterations() {
  return [...new Set(Object.values(series).flatMap((values) => [...values.keys()]))].sort((a, b) => a - b);
}

function columns() {
  const all = iterations();
  return [all, ...Object.values(series).map((values) => all.map((iteration) => values.get(iteration) ?? null))];
}

function draw() {
  if (plot) {
    plot.setData(columns());
    return;
  }
  box.replaceChildren();
  plot = new uPlot(options(), columns(), box);
}

// What is left of the box beside the legend, which takes a line of 28 pixels, or on a phone one per series.
function size() {
  const lines = box.clientWidth < 480 ? Object.keys(series).length : 1;
  return { width: box.clientWidth, height: box.clientHeight - 4 - 28 * lines };
}

function options() {
  const ink = () => css("--bs-secondary-color");
  const grid = { stroke: () => css("--line"), width: 1 };
  const fromZero = (_, low, high) => [Math.min(0, low), (high || 1) * 1.05];
  const points = (chart) => chart.data[0].length < 40;
  const labels = (format) => (_, values) => values.map((value) => (value === null ? "" : format(value)));
  const legend = (format) => (_, value) => (value === null ? "–" : format(value));
  const short = (value) => Number(value.toPrecision(3)).toString();
  const thousands = (value) => value.toLocaleString("en").replaceAll(",", "\u202f"); // as the rest of the page has it
  const exponent = (value) => (value === 0 ? "0" : value.toExponential(1));
  const percent = (digits) => (value) => `${(100 * value).toFixed(digits)} %`;
  const right = hasEvaluations ? { scale: "iou", values: labels(percent(0)) } : { scale: "rate", values: labels(exponent) };
  const lines = [
    { label: "loss", stroke: () => css("--chart-loss"), width: 2, points: { show: points }, value: legend((value) => value.toFixed(4)) },
    { label: "learning rate", stroke: () => css("--chart-rate"), width: 1.5, dash: [5, 4], scale: "rate", points: { show: false }, value: legend((value) => value.toExponential(2)) },
    { label: "mean IoU", stroke: () => css("--chart-iou"), width: 2, scale: "iou", points: { show: true, size: 7 }, value: legend(percent(1)) },
  ];
  return {
    ...size(),
    legend: { live: true },
    cursor: { drag: { x: false, y: false } },
    scales: { x: { time: false }, y: { range: fromZero }, rate: { range: fromZero }, iou: { range: [0, 1] } },
    axes: [
      { stroke: ink, grid, ticks: grid, size: 32, values: labels(thousands) },
      { stroke: ink, grid, ticks: grid, size: 48, values: labels(short) },
      { stroke: ink, grid: { show: false }, ticks: grid, size: 60, side: 1, ...right },
    ],
    series: [
      { label: "iteration", value: (_, value) => (value == null ? "–" : thousands(value)) },
      ...lines.slice(0, Object.keys(series).length).map((line) => ({ ...line, spanGaps: true })), // measured at different iterations
    ],
  };
}

new ResizeObserver(() => plot?.setSize(size())).observe(box);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTimeout(() => plot?.redraw(false, true)));
document.addEventListener("htmx:after:swap", load); // the page was brought up to date, so is the chart
load();
