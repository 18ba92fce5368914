// Small charts of what a job uses of its machine: by seconds since it started.

import { css, fetchMetrics, follow, gigabytes, grid, ink, labels, percent, seconds, short } from "./plots.js";

const section = document.getElementById("resources");
const FORMATS = { cpu: short, memory: gigabytes, gpu: percent(0), gpu_memory: gigabytes };
const STEPS = [1, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800]; // seconds
const RETRY = 3000; // milliseconds until a request that failed is made again
const plots = {};
const known = {}; // what was loaded: [second, value] pairs by name
let last = -1; // second of the newest of them; only what is later is asked for
let again = 0; // the timer of a request that is made once more

async function load() {
  const names = Object.keys(FORMATS).map((name) => `resource/${name}`);
  const asked = last;
  const answer = await fetchMetrics(section.dataset.metrics, names, { points: 720, ...(asked >= 0 && { after: asked }) });
  clearTimeout(again);
  if (!answer) again = setTimeout(load, RETRY);
  if (!answer || asked !== last) return; // an answer to the same question came first
  for (const name of Object.keys(FORMATS)) {
    const news = answer.metrics[`resource/${name}`] ?? [];
    known[name] = [...(known[name] ?? []), ...news];
    last = Math.max(last, ...news.map(([second]) => second));
    if (news.length) show(name, known[name]);
  }
}

function show(name, values) {
  const figure = section.querySelector(`[data-resource="${name}"]`);
  const box = figure.querySelector(".small-chart");
  section.hidden = figure.hidden = false;
  const data = [values.map(([at]) => at), values.map(([, value]) => value)];
  const most = FORMATS[name](Math.max(...data[1]));
  figure.querySelector("output").value = `${FORMATS[name](data[1].at(-1))}, at most ${most}`;
  box.ariaLabel = figure.querySelector("figcaption").textContent.trim();
  if (plots[name]) plots[name].setData(data);
  else {
    plots[name] = new uPlot(options(name, box), data, box);
    follow(box, () => plots[name].setSize(size(box)), () => plots[name].redraw(false, true));
  }
}

const size = (box) => ({ width: box.clientWidth, height: box.clientHeight });

function options(name, box) {
  const top = name === "gpu" ? 1 : null;
  const axis = { stroke: ink, grid, ticks: { show: false }, font: "11px system-ui" };
  return {
    ...size(box),
    legend: { show: false },
    cursor: { show: false },
    padding: [6, 16, 0, 0],
    scales: { x: { time: false }, y: { range: (_, __, high) => [0, top ?? (high || 1) * 1.1] } },
    axes: [
      { ...axis, size: 22, space: 70, incrs: STEPS, values: labels(seconds) },
      { ...axis, size: 54, space: 26, values: labels(FORMATS[name]) },
    ],
    series: [{}, { stroke: () => css("--accent"), width: 1.5, fill: () => css("--chart-fill"), points: { show: false } }],
  };
}

document.addEventListener("htmx:after:swap", load);
load();
