// The ward screen: a snapshot and changes from /api/v1/stream, drawn as tiles and alerts.
// A number never appears without its unit and age; an old one is dimmed, then replaced by a dash.

import { $, MARKS, PRIORITIES, UNITS, ahead, clockTime, duration, make, now, place, prune, setNow, text } from "./base.js";
import { ask, askSoon, drawRuns, forget, undelivered } from "./told.js";

const TOKEN = "wardline.token";
// The server sends a heartbeat a second: this much silence means the line is dead.
const SILENCE_MS = 3000;
const REORDER_MS = 5000;
// What a tile shows: LOINC codes, and which source goes first while it is current.
const VITALS = [
  { key: "hr", label: "HR", name: "Heart rate", codes: ["8867-4"], first: /ECG/ },
  { key: "spo2", label: "SpO₂", name: "Oxygen saturation", codes: ["2708-6", "59408-5"], first: /OXIM/ },
  { key: "rr", label: "RR", name: "Respiratory rate", codes: ["9279-1"], first: /^MDC_RESP_RATE$|TTHOR/ },
  { key: "bp", label: "BP", name: "Blood pressure", codes: ["8480-6"], first: /ART|ABP/, lower: "8462-4" },
  { key: "temp", label: "Temp", name: "Temperature", codes: ["8310-5"], first: /BODY/ },
];

let token = sessionStorage.getItem(TOKEN);
let role = "read";
let lastHeard = 0;
let tried = 0;
let lastEventId = null;
let lostSince = null;
let aborter = null;
let ordered = 0;
const people = new Map(); // patient id -> {name, bed}
const values = new Map(); // patient id -> Map(metric -> value)
const alerts = new Map(); // alert id -> alert
const tiles = new Map(); // patient id -> elements
const cards = new Map(); // alert id -> elements
const announced = new Set();

async function call(path, options = {}) {
  const headers = { Authorization: `Bearer ${token}`, ...options.headers };
  const response = await fetch(path, { ...options, headers, cache: "no-store" });
  if (response.status === 401) {
    leave("This token is not valid, or no longer.");
    throw new Error("signed out");
  }
  return response;
}

// --- live stream ---

async function follow() {
  let wait = 500;
  while (token) {
    const mine = token;
    try {
      aborter = new AbortController();
      tried = performance.now();
      const headers = lastEventId ? { "Last-Event-ID": lastEventId } : {};
      const response = await call("/api/v1/stream", { headers, signal: aborter.signal });
      if (!response.ok) throw new Error(`stream: ${response.status}`);
      heard();
      wait = 500;
      await read(response.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch (error) {
      if (token !== mine) return;
      console.warn("stream:", error.message);
    }
    if (token !== mine) return;
    await new Promise((done) => setTimeout(done, wait));
    wait = Math.min(wait * 2, 8000);
  }
}

async function read(reader) {
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    const events = buffer.split("\n\n");
    buffer = events.pop();
    for (const event of events) take(event);
  }
}

function take(event) {
  const fields = {};
  for (const line of event.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
  }
  if (!fields.data) return;
  const data = JSON.parse(fields.data);
  setNow(Date.parse(data.now));
  heard();
  if (fields.event === "end") {
    if (data.reason === "token") leave("This token is no longer valid.");
    return;
  }
  if (fields.event === "beat") return;
  if (fields.id) lastEventId = fields.id;
  if (fields.event === "snapshot") {
    values.clear();
    alerts.clear();
  }
  for (const value of data.values) {
    if (!values.has(value.patientId)) values.set(value.patientId, new Map());
    values.get(value.patientId).set(value.metric, { ...value, at: Date.parse(value.effective) });
  }
  for (const alert of data.alerts) {
    if (alert.state === "resolved") alerts.delete(alert.alertId);
    else alerts.set(alert.alertId, alert);
    if (fields.event !== "snapshot") askSoon();
  }
  if ([...values.keys()].some((id) => !people.has(id))) meet();
  draw();
}

function heard() {
  lastHeard = performance.now();
  if (lostSince !== null) {
    lostSince = null;
    $("lost").hidden = true;
    document.body.classList.remove("is-lost");
    text($("told"), "Connection restored");
  }
  text($("link"), "live");
}

function watch() {
  if (!token || performance.now() - lastHeard < SILENCE_MS) return;
  if (lostSince === null) {
    lostSince = now();
    document.body.classList.add("is-lost");
    $("lost").hidden = false;
    text($("link"), "no connection");
  }
  // A silent line is dropped and opened anew.
  if (aborter && performance.now() - tried > SILENCE_MS) aborter.abort();
  text($("lost"), `Connection lost at ${clockTime(lostSince)}. What you see is not current. Check the bedside monitors.`);
}

// --- what the stream does not tell ---

async function askRest() {
  if (!token) return;
  const get = async (path) => {
    const response = await call(path);
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response.json();
  };
  if (await ask(get)) draw();
}

// --- names and beds ---

let meeting = 0;
async function meet() {
  if (performance.now() - meeting < 10000 && meeting) return;
  meeting = performance.now();
  let after = "";
  do {
    const response = await call(`/api/v1/patients?limit=1000${after && `&after=${encodeURIComponent(after)}`}`);
    if (!response.ok) return;
    const page = await response.json();
    for (const one of page.items) people.set(one.id, one);
    after = page.next ?? "";
  } while (after);
  for (const id of values.keys()) if (!people.has(id)) people.set(id, {}); // not in the registry: do not ask again
  draw();
}
const nameOf = (id) => people.get(id)?.name ?? id;
const bedOf = (id) => (people.get(id)?.bed ? `Bed ${people.get(id).bed}` : "");

// --- tiles ---

function pick(found, vital) {
  const fits = [...found.values()].filter((value) => vital.codes.includes(value.code));
  const current = fits.filter((value) => now() - value.at <= 2000 * value.expectedSeconds);
  const preferred = current.filter((value) => vital.first.test(value.metric));
  const from = [preferred, current, fits].find((list) => list.length) ?? [];
  return from.reduce((best, value) => (!best || value.at > best.at ? value : best), null);
}

function number(value) {
  if (value.value === null) return value.valueText ?? "–";
  return value.value.toFixed(Math.max(0, Math.min(value.decimals ?? 1, 3)));
}

function vitalState(found, vital) {
  const value = pick(found, vital);
  if (!value) return { state: "none", value: "–", unit: "", age: "no reading" };
  const age = now() - value.at;
  if (age > 5000 * value.expectedSeconds) return { state: "gone", value: "–", unit: "", age: `last ${clockTime(value.at)}` };
  let shown = number(value);
  if (vital.lower) {
    const lower = found.get(value.metric.replace(/SYS$/, "DIA"));
    const same = lower && lower.code === vital.lower && Math.abs(lower.at - value.at) < 1500;
    shown += `/${same ? number(lower) : "–"}`;
  }
  const doubt = value.quality ? ` · ${value.quality}` : "";
  const absent = value.value === null && value.dataAbsentReason ? ` · ${value.dataAbsentReason}` : "";
  const late = age > 2000 * value.expectedSeconds;
  const unit = value.value === null ? "" : UNITS[value.unit] ?? value.unit ?? "";
  return { state: late ? "late" : "now", value: shown, unit, age: `${duration(age)} ago${doubt}${absent}` };
}

function tile(id) {
  const element = make("li", "tile");
  const who = element.appendChild(make("div", "who"));
  const parts = { element, name: who.appendChild(make("h3")), bed: who.appendChild(make("span", "bed")), vitals: {} };
  const list = element.appendChild(make("dl", "vitals"));
  for (const vital of VITALS) {
    const cell = list.appendChild(make("div", vital.lower ? "vital wide" : "vital"));
    const term = cell.appendChild(make("dt", "", vital.label));
    term.title = vital.name;
    const data = cell.appendChild(make("dd"));
    parts.vitals[vital.key] = {
      cell,
      value: data.appendChild(make("span", "value")),
      unit: data.appendChild(make("span", "unit")),
      age: data.appendChild(make("span", "age")),
    };
  }
  const strip = element.appendChild(make("p", "strip"));
  parts.strip = strip;
  parts.mark = strip.appendChild(make("span", "mark"));
  parts.message = strip.appendChild(make("span"));
  tiles.set(id, parts);
  return parts;
}

const urgency = (alert) => PRIORITIES.indexOf(alert.priority) + (alert.acknowledgedAt || silenced(alert) ? 10 : 0);
const silenced = (alert) => alert.silencedUntil && Date.parse(alert.silencedUntil) > now();
const byUrgency = (a, b) => urgency(a) - urgency(b) || Date.parse(b.onset) - Date.parse(a.onset);
const alertsOf = (id) => [...alerts.values()].filter((alert) => alert.subject === `Patient/${id}`).sort(byUrgency);

function drawTiles() {
  const ids = [...values.keys()];
  const worst = new Map(ids.map((id) => [id, alertsOf(id)[0]]));
  for (const id of ids) {
    const parts = tiles.get(id) ?? tile(id);
    const found = values.get(id);
    text(parts.name, nameOf(id));
    text(parts.bed, bedOf(id));
    for (const vital of VITALS) {
      const cell = parts.vitals[vital.key];
      const state = vitalState(found, vital);
      cell.cell.dataset.state = state.state;
      text(cell.value, state.value);
      text(cell.unit, state.unit);
      text(cell.age, state.age);
    }
    const alert = worst.get(id);
    parts.strip.hidden = !alert;
    parts.element.dataset.priority = alert && !alert.acknowledgedAt ? alert.priority : "";
    parts.strip.dataset.priority = alert?.priority ?? "";
    if (alert) {
      text(parts.mark, `${MARKS[alert.priority]} ${alert.priority}`);
      text(parts.message, alert.message + (alert.acknowledgedAt ? " (acknowledged)" : ""));
    }
  }
  prune(tiles, values);
  const missing = ids.some((id) => !tiles.get(id).element.isConnected);
  // A tile never jumps away from under a pointer or the focus, and tiles do not dance.
  const calm = performance.now() - ordered > REORDER_MS && !$("grid").matches(":hover, :focus-within");
  if (missing || calm) {
    ordered = performance.now();
    const rank = (id) => (worst.get(id) ? urgency(worst.get(id)) : 20);
    const label = (id) => `${people.get(id)?.bed ?? "~"} ${nameOf(id)}`;
    ids.sort((a, b) => rank(a) - rank(b) || label(a).localeCompare(label(b), undefined, { numeric: true }));
    ids.forEach((id, index) => {
      const element = tiles.get(id).element;
      place($("grid"), element, index);
    });
  }
  $("empty").hidden = ids.length > 0;
}

// --- alerts ---

function card(id) {
  const element = make("li", "alert");
  const head = element.appendChild(make("header"));
  const parts = { element, mark: head.appendChild(make("span", "mark")), subject: head.appendChild(make("span", "bed")) };
  parts.message = element.appendChild(make("p"));
  parts.facts = element.appendChild(make("p", "facts"));
  parts.undelivered = element.appendChild(make("p", "undelivered"));
  parts.button = element.appendChild(make("button", "", "Acknowledge"));
  parts.button.type = "button";
  parts.button.addEventListener("click", () => acknowledge(id));
  cards.set(id, parts);
  return parts;
}

function facts(alert) {
  const since = Date.parse(alert.onset);
  const list = [`since ${clockTime(since)} (${Math.max(0, Math.floor((now() - since) / 60e3))} min)`];
  if (alert.latched) list.push("over, stays until acknowledged");
  else if (alert.state === "recovering") list.push("recovering");
  if (alert.repeats) list.push(`came back ${alert.repeats}×`);
  if (alert.limitSource && alert.limitSource !== "rule") list.push(`${alert.limitSource}'s limit ${limitOf(alert)}`);
  if (alert.escalationLevel) list.push(`escalated ${alert.escalationLevel}×`);
  if (silenced(alert)) {
    const until = Date.parse(alert.silencedUntil);
    const by = alert.silencedBy ? ` by ${alert.silencedBy}` : "";
    list.push(`silenced${by} until ${ahead(until)}, ${duration(until - now())} left`);
  }
  if (alert.acknowledgedAt) list.push(`acknowledged by ${alert.acknowledgedBy} at ${clockTime(Date.parse(alert.acknowledgedAt))}`);
  return list.join(" · ");
}

const limitOf = (alert) => {
  const ends = [alert.limitLow, alert.limitHigh].filter((limit) => limit !== null).map((limit) => Number(limit.toFixed(2)));
  return `${ends.join("–")} ${UNITS[alert.unit] ?? alert.unit ?? ""}`.trim();
};
const subjectOf = (one) => {
  const patient = one.subject.startsWith("Patient/") ? one.subject.slice(8) : null;
  return patient ? [nameOf(patient), bedOf(patient)].filter(Boolean).join(" · ") : one.subject.replace("/", " ");
};

function fill(list, found) {
  found.forEach((alert, index) => {
    const parts = cards.get(alert.alertId) ?? card(alert.alertId);
    const subject = subjectOf(alert);
    const behind = undelivered(alert);
    parts.element.dataset.priority = alert.priority;
    parts.element.classList.toggle("quieted", urgency(alert) >= 10);
    text(parts.mark, `${MARKS[alert.priority]} ${alert.priority}`);
    text(parts.subject, subject);
    text(parts.message, alert.message);
    text(parts.facts, facts(alert));
    text(parts.undelivered, behind);
    parts.undelivered.hidden = !behind;
    parts.button.hidden = Boolean(alert.acknowledgedAt) || role === "read";
    parts.button.setAttribute("aria-label", `Acknowledge: ${alert.message}, ${subject}`);
    place(list, parts.element, index);
  });
}

function drawAlerts() {
  const all = [...alerts.values()].sort(byUrgency);
  const physiological = all.filter((alert) => alert.class === "physiological");
  const technical = all.filter((alert) => alert.class !== "physiological");
  prune(cards, alerts);
  fill($("patient-alerts"), physiological);
  fill($("device-alerts"), technical);
  $("technical").hidden = technical.length === 0;
  $("calm").hidden = physiological.length > 0;
  const open = all.filter((alert) => !alert.acknowledgedAt);
  text($("count"), open.length ? `${open.length} to acknowledge` : "");
  const counts = PRIORITIES.slice(0, 3).map((p) => [open.filter((alert) => alert.priority === p).length, p]);
  const shown = counts.filter(([n]) => n).map(([n, p]) => `${n} ${p}`).join(", ") || "none";
  text($("summary"), `${values.size} patient${values.size === 1 ? "" : "s"} · alerts: ${shown}`);
  document.title = open.length ? `(${open.length}) Wardline` : "Wardline";
  const news = open.filter((alert) => alert.priority === "high" && !announced.has(alert.alertId));
  for (const alert of news) announced.add(alert.alertId);
  if (news.length === 1) text($("spoken"), `High priority: ${news[0].message}`);
  else if (news.length) text($("spoken"), `${news.length} new high priority alerts`);
}

async function acknowledge(id) {
  const body = JSON.stringify({});
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body };
  try {
    const response = await call(`/api/v1/alerts/${encodeURIComponent(id)}/acknowledge`, options);
    if (!response.ok) throw new Error((await response.json()).detail);
    const alert = await response.json();
    if (alerts.has(id)) alerts.set(id, alert);
    text($("told"), "Acknowledged");
    text($("failed"), "");
  } catch (error) {
    text($("failed"), `Not acknowledged: ${error.message}`);
  }
  draw();
}

// --- frame ---

function draw() {
  if (!token || $("ward").hidden) return;
  drawTiles();
  drawAlerts();
  drawRuns(subjectOf);
}

function leave(why = "") {
  token = null;
  sessionStorage.removeItem(TOKEN);
  if (aborter) aborter.abort();
  for (const map of [values, alerts, people, announced]) map.clear();
  prune(tiles, values);
  prune(cards, alerts);
  forget();
  lastEventId = null;
  lostSince = null;
  meeting = 0;
  $("lost").hidden = true;
  document.body.classList.remove("is-lost");
  for (const id of ["ward", "leave", "link"]) $(id).hidden = true;
  $("login").hidden = false;
  text($("summary"), "");
  text($("refused"), why);
  document.title = "Wardline";
  $("token").focus();
}

async function enter() {
  let me;
  try {
    const response = await call("/api/v1/me");
    me = await response.json();
    if (!response.ok) throw new Error(me.detail);
  } catch (error) {
    if (token) leave(`The server did not answer: ${error.message}`);
    return;
  }
  role = me.role;
  sessionStorage.setItem(TOKEN, token);
  $("login").hidden = true;
  for (const id of ["ward", "leave", "link"]) $(id).hidden = false;
  $("leave").textContent = `Sign out ${me.name}`;
  lastHeard = performance.now();
  meet();
  follow();
  askRest();
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  $("token").value = "";
  enter();
});
$("leave").addEventListener("click", () => leave());

const themes = ["auto", "dark", "light"];
function theme(name) {
  document.documentElement.dataset.theme = name;
  $("theme").textContent = `Theme: ${name}`;
  localStorage.setItem("wardline.theme", name);
}
theme(themes.includes(localStorage.getItem("wardline.theme")) ? localStorage.getItem("wardline.theme") : "auto");
$("theme").addEventListener("click", () => theme(themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length]));

$("queries").textContent = `# Latest heart rates as FHIR
curl -H "Authorization: Bearer $WARDLINE_TOKEN" \\
  "${location.origin}/fhir/R4/Observation?code=8867-4&_count=10"

# Open alerts
curl -H "Authorization: Bearer $WARDLINE_TOKEN" "${location.origin}/api/v1/alerts?state=active"

# SQL
curl -H "Authorization: Bearer $WARDLINE_TOKEN" -H "Content-Type: application/json" ${location.origin}/api/v1/sql \\
  -d '{"query": "SELECT patient_id, mdc, value, unit, effective FROM latest LIMIT 20"}'`;

setInterval(() => {
  watch();
  askRest();
  draw();
  text($("clock"), new Date(now()).toLocaleTimeString([], { hour12: false }));
}, 1000);
setInterval(() => token && meet(), 300000);

if (token) enter();
else leave();
