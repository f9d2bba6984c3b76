// What a page does beyond HTML: it stays true while it is looked at, and draws its charts. Without it everything but that
// works. Parts of the page are rendered by the server; this script only puts them in place.
"use strict";

const stale = document.getElementById("stale");
const silentAfter = 5000; // ms without an event before the page says so
const dark = matchMedia("(prefers-color-scheme: dark)");

// The zone of the browser, for pages that were not asked for another.
const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
document.cookie = "longtail_zone=" + encodeURIComponent(ownZone) + ";path=/console/;samesite=strict;max-age=31536000";

// --- how figures and times are written, as the server writes them

const grouped = (n) => (n == null ? "" : String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f"));

function clockOf(zone) {
  const as = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
  const second = as({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const minute = as({ hour: "2-digit", minute: "2-digit" });
  const hour = as({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const day = as({ day: "numeric", month: "short" });
  return { second, minute, hour, day };
}

const zone = document.querySelector("[data-zone]")?.dataset.zone || ownZone;
const clock = clockOf(zone);

function span(s) {
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}

// --- charts

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const whole = [1, 2, 5].flatMap((n) => [...Array(13).keys()].map((k) => n * 10 ** k)).sort((a, b) => a - b);
const steps = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600];
const plots = [];

// A tick of the time axis: seconds, minutes or days, as far as they lie apart; midnight is the day's name.
function tick(s, apart) {
  const at = new Date(s * 1000);
  if (apart < 60) return clock.second.format(at);
  const minute = clock.minute.format(at);
  return apart >= 86400 || minute === "00:00" ? clock.day.format(at) : minute;
}

// The legend beside a chart tells the values under the cursor, else the last ones.
function tell(plot) {
  const stamp = (at) => (plot.unit < 60 ? clock.second : plot.unit < 3600 ? clock.minute : plot.unit < 86400 ? clock.hour : clock.day).format(at);
  const at = plot.cursor.idx ?? plot.data[0].length - 1;
  for (const value of plot.told) {
    const n = plot.data[value.dataset.line]?.[at];
    const text = n == null ? "" : value.dataset.line === "0" ? stamp(new Date(n * 1000)) : grouped(n);
    if (value.textContent !== text) value.textContent = text;
  }
}

function chart(at, data, unit, series, range, draw) {
  const line = () => colour("line");
  const look = { stroke: () => colour("soft"), grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 5 }, font: "12px system-ui, sans-serif" };
  const size = () => ({ width: Math.max(160, at.clientWidth), height: 240 });
  const plot = new uPlot({
    ...size(), series: [{}, ...series], legend: { show: false }, cursor: { y: false, drag: { x: false, y: false } }, padding: [12, 28, 0, 0],
    tzDate: (s) => uPlot.tzDate(new Date(s * 1000), zone),
    axes: [
      { ...look, size: 32, space: 76, incrs: steps, values: (_, all, __, ___, apart) => all.map((s) => tick(s, apart)) },
      { ...look, size: 56, incrs: whole, values: (_, all) => all.map(grouped) },
    ],
    scales: { x: { range }, y: { range: (_, low, high) => [0, Math.max(4, high * 1.08)] } },
    hooks: { draw: draw ? [draw] : [], setCursor: [(p) => p.told && tell(p)] },
  }, data, at);
  plot.unit = unit;
  plot.told = at.closest("section").querySelectorAll("[data-line]");
  tell(plot);
  plots.push(plot);
  new ResizeObserver(() => plot.setSize(size())).observe(at);
  return plot;
}

// Axes and lines read their colours when they are drawn.
dark.addEventListener("change", () => plots.forEach((plot) => plot.redraw(true, true)));

const stroke = (name, more) => ({ stroke: () => colour(name), width: 2, points: { show: false }, ...more });
const area = (name) => stroke(name, { fill: () => colour(name) + "26" });
const drawn = { arrived: stroke("arrived"), counted: area("counted"), budget: stroke("budget", { width: 1.5, dash: [6, 5] }) };

// The live chart: a point a second, ten minutes at most, half a minute at least.
const live = document.getElementById("live");
let lines = null;
let lived = [];

function addPoint(point) {
  if (!live || !point) return;
  const names = live.dataset.lines.split(",");
  point = point.slice(0, names.length + 1);
  if (!lines) {
    lived = point.map((n) => [n]);
    lines = chart(live, lived, 1, names.map((name) => drawn[name]), () => [Math.min(lived[0][0], lived[0].at(-1) - 30), lived[0].at(-1)]);
  } else if (point[0] > lived[0].at(-1)) {
    point.forEach((n, i) => { lived[i].push(n); if (lived[i].length > 600) lived[i].shift(); });
    lines.setData(lived);
    tell(lines);
  }
  live.setAttribute("aria-label", names.map((name, i) => name + " " + grouped(point[i + 1])).join(", "));
}

// The series: counts by time, with the gaps marked on the axis.
const seriesAt = document.getElementById("series");
let bars = null;

function drawGaps(plot) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = colour("bad");
  for (const [from, to] of plot.gaps || []) {
    const x = Math.max(bbox.left, plot.valToPos(from, "x", true));
    const end = Math.min(bbox.left + bbox.width, plot.valToPos(to || Date.now() / 1000, "x", true));
    if (end >= bbox.left && x <= bbox.left + bbox.width) ctx.fillRect(x, bbox.top + bbox.height - 6, Math.max(3, end - x), 6);
  }
  ctx.restore();
}

function drawSeries() {
  const from = document.getElementById("series-data");
  if (!seriesAt || !from) return;
  const pairs = (text) => text.split(" ").filter(Boolean).map((p) => p.split(":").map(Number));
  const points = pairs(from.dataset.points);
  if (!points.length) return;
  const unit = points.length > 2 ? points[2][0] - points[1][0] : points.length > 1 ? points[1][0] - points[0][0] : 60;
  if (unit === 3600 && points.length > 2) points[0][0] = points[1][0] - unit; // a day that begins half past has a part of that hour
  const data = [points.map((p) => p[0]), points.map((p) => p[1])];
  seriesAt.setAttribute("aria-label", "Clicks by time, " + grouped(data[1].reduce((a, b) => a + b, 0)) + " in this range");
  if (!bars) {
    const shape = stroke("counted", { width: 0, fill: () => colour("counted"), paths: uPlot.paths.bars({ size: [0.8, 28], align: 1 }) });
    bars = chart(seriesAt, data, unit, [shape], (_, low, high) => [low, high + unit], drawGaps);
  }
  bars.gaps = pairs(from.dataset.gaps);
  bars.setData(data);
  tell(bars);
}

// --- live parts

let lastAt = Date.now(); // when the figures were true
let seenAt = Date.now(); // since when somebody looks

const shown = {};

// A part that did not change is left alone, and so is one that holds the focus: nobody loses their place.
function put(parts) {
  for (const [name, html] of Object.entries(parts || {})) {
    const part = document.querySelector(`[data-part="${name}"]`);
    if (!part || shown[name] === html || (part.contains(document.activeElement) && !document.activeElement.matches(".scroll"))) continue;
    shown[name] = html;
    const was = part.querySelector(".scroll");
    const [left, top, held] = [was?.scrollLeft, was?.scrollTop, was === document.activeElement];
    part.innerHTML = html;
    const scroll = was && part.querySelector(".scroll");
    if (!scroll) continue;
    if (left || top) scroll.scrollTo(left, top);
    if (held) scroll.focus({ preventScroll: true });
  }
}

function take(event) {
  if (event.trouble) return; // the figures grow old
  lastAt = Date.now();
  stale.hidden = true;
  stale.textContent = "";
  put(event.parts);
  addPoint(event.point);
  drawSeries();
}

// Figures that are not true any more say from when they are, and go on ageing.
function warn() {
  const text = `No answer for ${span(Math.max(1, (Date.now() - lastAt) / 1000))}; figures from ${clock.second.format(new Date(lastAt))}.`;
  if (stale.textContent !== text) stale.textContent = text;
  stale.hidden = false;
  for (const old of document.querySelectorAll("[data-ago]")) old.textContent = span(Date.now() / 1000 - old.dataset.ago) + " ago";
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
  } catch { /* the figures grow old */ }
}

function poll() {
  if (polling) return;
  polling = setInterval(() => { if (!document.hidden) ask(); }, 2000);
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
  setInterval(() => { if (!document.hidden && Date.now() - Math.max(lastAt, seenAt) > silentAfter) warn(); }, 1000);
  const seen = () => { seenAt = Date.now(); open(); };
  document.addEventListener("visibilitychange", () => { if (document.hidden) shut(); else seen(); });
  window.addEventListener("pagehide", shut);
  window.addEventListener("pageshow", seen);
}

// --- forms

document.addEventListener("click", (e) => {
  const copy = e.target.closest("[data-copy]");
  if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => { copy.textContent = "Copied"; });
  const button = e.target.closest("[data-confirm]");
  if (button && !window.confirm(button.dataset.confirm)) e.preventDefault();
});

// A form that was sent shows it until the answer is there, and is not sent twice.
document.addEventListener("submit", (e) => e.target.setAttribute("aria-busy", "true"));
window.addEventListener("pageshow", () => document.querySelectorAll("form[aria-busy]").forEach((form) => form.removeAttribute("aria-busy")));

// Whoever chooses a day means the range of days.
document.getElementById("range")?.addEventListener("input", (e) => { if (e.target.type === "date") e.currentTarget.elements.span.value = "days"; });

const zones = document.getElementById("zones");
if (zones && Intl.supportedValuesOf) {
  for (const name of ["UTC", ...Intl.supportedValuesOf("timeZone")]) zones.append(new Option(name, name));
}
