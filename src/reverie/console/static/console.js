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
  stream.onopen = stream.onmessage = refresh; // something may have come before it was open
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

// Completion of expressions: data-complete is on a field whose list has conditions. After "and", "or" or "not" they are
// offered behind what is written already, since a browser completes whole values alone.
for (const field of document.querySelectorAll("input[data-complete]")) {
  const conditions = [...field.list.options].map((option) => option.value);
  let before = "";
  field.addEventListener("input", () => {
    const written = (field.value.match(/^.*(?:\b(?:and|or|not)\s+|\(\s*)/i) || [""])[0];
    if (written === before) return;
    before = written;
    field.list.replaceChildren(...conditions.map((condition) => new Option("", written + condition)));
  });
}

// data-copy is the address that a button copies, made whole.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(new URL(button.dataset.copy, location.href).href);
    button.textContent = "Copied";
  });
}

// An event that a link names, and that is not in this range of a long session: the range that has it.
const named = /^#event-(\d+)$/.exec(location.hash);
if (named && document.querySelector("#entries[data-first]") && !document.querySelector(location.hash)) {
  const there = new URL(location.href);
  if (there.searchParams.get("event") !== named[1]) {
    there.searchParams.delete("first");
    there.searchParams.set("event", named[1]);
    location.replace(there);
  }
}

// data-key is the key that presses a button, where nothing is being written.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.closest("input, textarea, select")) return;
  const button = [...document.querySelectorAll("button[data-key]")].find((one) => one.dataset.key === event.key.toLowerCase());
  if (!button) return;
  event.preventDefault();
  button.click();
});
