// Conveniences only: every page is read, and every act done, without this file.
"use strict";

// A form that says what it will do asks before it does it.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// Pieces of a page that a stream of the server keeps fresh: data-live is the stream's address. Each message has
// elements that listen for "live" ask for themselves anew, at most twice a second.
for (const element of document.querySelectorAll("[data-live]")) {
  const stream = new EventSource(element.dataset.live);
  let waiting = false;
  const refresh = () => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => { waiting = false; htmx.trigger(element, "live"); }, 500);
  };
  stream.onmessage = refresh;
  for (const name of (element.dataset.liveEvents || "").split(" ").filter(Boolean)) stream.addEventListener(name, refresh);
  addEventListener("pagehide", () => stream.close());
}

// A chart over time: data-chart is JSON of uPlot's data and of names of series; a table beside it says the same.
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
for (const element of document.querySelectorAll("[data-chart]")) {
  if (!window.uPlot) break;
  const { data, series, bands } = JSON.parse(element.dataset.chart);
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
  const colours = ["--link", "--adopted", "--candidate", "--error"].map(colour);
  const options = {
    width: element.clientWidth || 600, height: 220, scales: { x: { time: true } }, axes: [{ ...axis }, { ...axis }],
    cursor: { drag: { x: false, y: false } },
    series: [{}, ...series.map((one, index) => ({
      label: one.label, stroke: one.quiet ? "transparent" : colours[(one.colour ?? index) % colours.length], width: one.quiet ? 0 : 2,
      points: { show: !one.quiet && data[0].length < 60 },
    }))],
    bands: (bands || []).map(([high, low, index]) => ({ series: [high, low], fill: colours[(index ?? 0) % colours.length] + "33" })),
  };
  const drawn = new uPlot(options, data, element);
  new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height: 220 })).observe(element);
}
