// What a page does beyond HTML: it stays true while it is looked at, and draws its charts. Without it everything but that
// works. Parts of the page are rendered by the server; this script only puts them in place.
"use strict";

const stale = document.getElementById("stale");
const silentAfter = 5000; // ms without an event before the page says so

// The zone of the browser, for pages that were not asked for another.
document.cookie = "longtail_zone=" + encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC") + ";path=/console/;samesite=strict;max-age=31536000";

// --- charts

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const strokes = ["--accent", "--good", "--bad"];
const grouped = (n) => (n == null ? "" : String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f"));

function axes() {
  const look = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  return [look, { ...look, size: 70, values: (_, all) => all.map(grouped) }];
}

function chart(at, labels, data, more) {
  const series = labels.map((label, i) => ({
    label, stroke: colour(strokes[i]), width: 2, dash: label === "budget" ? [6, 4] : undefined, points: { show: false },
    value: (_, n) => grouped(n), ...(more.series || {}),
  }));
  const plot = new uPlot({
    width: at.clientWidth, height: 240, series: [{}, ...series], axes: axes(), cursor: { y: false }, ...more.options,
    scales: { y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.08 : 1] } },
  }, data, at);
  new ResizeObserver(() => plot.setSize({ width: at.clientWidth, height: 240 })).observe(at);
  return plot;
}

// The live chart: a point a second, ten minutes at most.
const live = document.getElementById("live");
let lines = null;
let lived = [];

function addPoint(point) {
  if (!live || !point) return;
  if (!lines) {
    const labels = live.dataset.lines.split(",").slice(0, point.length - 1);
    lived = point.map((n) => [n]);
    lines = chart(live, labels, lived, {});
    live.setAttribute("role", "img");
  } else if (point[0] > lived[0][lived[0].length - 1]) {
    point.forEach((n, i) => { lived[i].push(n); if (lived[i].length > 600) lived[i].shift(); });
    lines.setData(lived);
  }
  live.setAttribute("aria-label", live.dataset.lines.split(",").map((label, i) => label + " " + point[i + 1]).join(", "));
}

// The series: counts by time, with the gaps marked on the axis.
const seriesAt = document.getElementById("series");
let bars = null;

function drawGaps(plot, gaps) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = colour("--bad");
  for (const [from, to] of gaps) {
    const x = Math.max(bbox.left, plot.valToPos(from, "x", true));
    const end = Math.min(bbox.left + bbox.width, plot.valToPos(to || Date.now() / 1000, "x", true));
    if (end >= bbox.left && x <= bbox.left + bbox.width) ctx.fillRect(x, bbox.top + bbox.height - 6, Math.max(3, end - x), 6);
  }
  ctx.restore();
}

function drawSeries() {
  const from = document.getElementById("series-data");
  if (!seriesAt || !from) return;
  const points = from.dataset.points.split(" ").filter(Boolean).map((p) => p.split(":").map(Number));
  const gaps = from.dataset.gaps.split(" ").filter(Boolean).map((g) => g.split(":").map(Number));
  const data = [points.map((p) => p[0]), points.map((p) => p[1])];
  seriesAt.setAttribute("role", "img");
  seriesAt.setAttribute("aria-label", "Clicks by time, " + grouped(data[1].reduce((a, b) => a + b, 0)) + " in this range");
  if (bars) { bars.gaps = gaps; bars.setData(data); return; }
  const zone = from.dataset.zone;
  bars = chart(seriesAt, ["clicks"], data, {
    series: { fill: colour("--accent") + "33", paths: uPlot.paths.stepped({ align: 1 }) },
    options: { tzDate: (s) => uPlot.tzDate(new Date(s * 1000), zone), hooks: { draw: [(plot) => drawGaps(plot, plot.gaps || gaps)] } },
  });
}

// --- live parts

let lastAt = Date.now();

const shown = {};

// A part that did not change is left alone, and so is one that holds the focus: nobody loses their place.
function put(parts) {
  for (const [name, html] of Object.entries(parts || {})) {
    const part = document.querySelector(`[data-part="${name}"]`);
    if (!part || shown[name] === html || part.contains(document.activeElement)) continue;
    shown[name] = html;
    const seen = part.querySelector(".scroll")?.scrollLeft || 0;
    part.innerHTML = html;
    const scroll = part.querySelector(".scroll");
    if (scroll && seen) scroll.scrollLeft = seen;
  }
}

function take(event) {
  if (event.trouble) { warn(); return; }
  lastAt = event.at;
  stale.hidden = true;
  put(event.parts);
  addPoint(event.point);
  drawSeries();
}

const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });

function warn() {
  const text = `No answer for ${Math.max(1, Math.round((Date.now() - lastAt) / 1000))} s; figures from ${clock(lastAt)}.`;
  if (stale.textContent !== text) stale.textContent = text;
  stale.hidden = false;
}

const signedOut = () => location.assign("/console/sign-in?next=" + encodeURIComponent(location.pathname + location.search));

// A stream of events; where it is cut three times within a short while, one question every two seconds instead.
let stream = null;
let polling = null;
let cuts = 0;

async function ask() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "application/json" } });
    if (answer.status === 401) return signedOut();
    if (answer.ok) take(await answer.json());
  } catch { warn(); }
}

function poll() {
  if (polling) return;
  polling = setInterval(ask, 2000);
  setTimeout(() => { clearInterval(polling); polling = null; cuts = 0; open(); }, 60000);
}

function open() {
  if (stream || polling || document.hidden) return;
  stream = new EventSource(location.href);
  stream.onmessage = (m) => { cuts = 0; take(JSON.parse(m.data)); };
  stream.addEventListener("signed-out", signedOut);
  stream.onerror = () => {
    shut();
    ask(); // a page whose session is over learns it here
    if (++cuts >= 3) poll(); else setTimeout(open, 1000 * cuts);
  };
}

function shut() {
  stream?.close();
  stream = null;
}

if (document.body.dataset.live) {
  if (live) addPoint(live.dataset.point.split(",").map(Number));
  drawSeries();
  open();
  setInterval(() => { if (!document.hidden && Date.now() - lastAt > silentAfter) warn(); }, 1000);
  document.addEventListener("visibilitychange", () => { if (document.hidden) shut(); else open(); });
  window.addEventListener("pagehide", shut);
}

// --- forms

document.addEventListener("click", (e) => {
  const copy = e.target.closest("[data-copy]");
  if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => { copy.textContent = "Copied"; });
  const button = e.target.closest("[data-confirm]");
  if (button && !window.confirm(button.dataset.confirm)) e.preventDefault();
});

const zones = document.getElementById("zones");
if (zones && Intl.supportedValuesOf) {
  for (const zone of ["UTC", ...Intl.supportedValuesOf("timeZone")]) zones.append(new Option(zone, zone));
}
