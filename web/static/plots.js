// What all charts have in common: colours of the page, numbers as the page writes them, and values from the API.

export const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const thousands = (value) => value.toLocaleString("en").replaceAll(",", "\u202f");
export const percent = (digits) => (value) => `${(100 * value).toFixed(digits)}\u202f%`;
export const short = (value) => Number(value.toPrecision(3)).toString();
export const gigabytes = (value) => (value < 1e9 ? `${Math.round(value / 1e6)} MB` : `${(value / 1e9).toFixed(1)} GB`);
export const exponent = (value) => (value === 0 ? "0" : value.toExponential(1));
export const seconds = (value) => {
  if (value < 120) return `${value} s`;
  if (value < 7200) return `${short(value / 60)} min`;
  return `${short(value / 3600)} h`;
};

export const ink = () => css("--bs-secondary-color");
export const grid = { stroke: () => css("--line"), width: 1 };
export const labels = (format) => (_, values) => values.map((value) => (value === null ? "" : format(value)));
export const legend = (format) => (_, value) => (value == null ? "–" : format(value));

// An exponential moving average, of which each value weighs `weight` of the next one; the first values are not pulled
// towards zero. Takes one value after the other and gives their average.
export function movingAverage(weight) {
  let [sum, total] = [0, 0];
  return (value) => {
    sum = weight * sum + (1 - weight) * value;
    total = weight * total + (1 - weight);
    return sum / total;
  };
}

// Ask for metrics; null if the server does not answer, or refuses.
export function fetchMetrics(address, names, query = {}) {
  return fetchJson(`${address}?${new URLSearchParams([...names.map((name) => ["name", name]), ...Object.entries(query)])}`);
}

// Ask for JSON; null if the server does not answer, or refuses.
export async function fetchJson(address) {
  try {
    const response = await fetch(address);
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

// Draw again whenever the box or the scheme of colours changes.
export function follow(box, resize, redraw) {
  new ResizeObserver(resize).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTimeout(redraw));
}
