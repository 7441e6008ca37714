// What the stream does not tell and has to be asked for: delivery of alerts, what is building up, who watches.

import { $, MARKS, UNITS, ahead, clockTime, duration, make, now, place, prune, text } from "./base.js";

const ASK_MS = 15000;
// A new alert: its messages are on their way after this long.
const SOON_MS = 3000;
// Answers older than this are said to be old.
const UNSURE_MS = 60000;

const deliveries = new Map(); // alert id -> what became of its messages
const runs = new Map(); // rule and subject -> elements of what is building up
let building = [];
let asked = -Infinity; // when we last asked
let answered = null; // when all of it was last answered, at first when we began to ask
let session = 0;

// `get` fetches JSON with the token of the session.
export async function ask(get) {
  if (performance.now() - asked < ASK_MS) return false;
  asked = performance.now();
  answered ??= asked;
  const mine = session;
  try {
    const found = new Map();
    let after = "";
    do {
      const page = await get(`/api/v1/alerts?state=active,recovering&limit=1000${after && `&after=${encodeURIComponent(after)}`}`);
      for (const alert of page.items) found.set(alert.alertId, alert.delivery);
      after = page.next ?? "";
    } while (after);
    const pending = await get("/api/v1/alerts/pending");
    const watching = await get("/api/v1/watch");
    if (session !== mine) return false;
    deliveries.clear();
    for (const [id, delivery] of found) deliveries.set(id, delivery);
    building = pending.items;
    drawWatch(watching.calendars);
    answered = performance.now();
  } catch (error) {
    console.warn("delivery:", error.message);
  }
  return session === mine;
}

export function askSoon() {
  asked = Math.min(asked, performance.now() - ASK_MS + SOON_MS);
}

export function forget() {
  session += 1;
  deliveries.clear();
  building = [];
  prune(runs, new Map());
  asked = -Infinity;
  answered = null;
  $("unwatched").hidden = true;
}

// Hours without anybody are said before an alert falls into them.
function drawWatch(calendars) {
  const closed = calendars.filter((calendar) => !calendar.open);
  const opens = (calendar) =>
    `${calendar.calendar} ${calendar.until ? `opens ${ahead(Date.parse(calendar.until))}` : "is closed until further notice"}`;
  const nobody = closed.length === calendars.length;
  $("unwatched").hidden = closed.length === 0;
  text($("unwatched"), `⚠ ${nobody ? "Nobody watches now" : "Not watched now"}: ${closed.map(opens).join("; ")}`);
}

// What of an alert has not reached anybody, in words; empty when there is nothing to say.
export function undelivered(alert) {
  const told = deliveries.get(alert.alertId);
  if (!told) return "";
  const list = [];
  if (told.unrouted) list.push("no route: nobody is told");
  const closed = told.notWatchedUntil;
  if (closed) list.push(closed.until ? `not watched until ${ahead(Date.parse(closed.until))}` : "not watched until further notice");
  const counts = [];
  if (told.pending) counts.push(`${told.pending} waiting`);
  if (told.dead) counts.push(`${told.dead} failed`);
  if (counts.length) list.push(counts.join(", ") + (told.lastError ? `: ${told.lastError}` : ""));
  return list.join(" · ");
}

function run(key) {
  const element = make("li", "alert run");
  const head = element.appendChild(make("header"));
  const parts = { element, mark: head.appendChild(make("span", "mark")), subject: head.appendChild(make("span", "bed")) };
  parts.message = element.appendChild(make("p"));
  parts.facts = element.appendChild(make("p", "facts"));
  runs.set(key, parts);
  return parts;
}

// Not yet alerts: conditions that hold, not for as long as their rule asks.
export function drawRuns(subjectOf) {
  const keyed = new Map(building.map((one) => [`${one.ruleId} ${one.subject}`, one]));
  prune(runs, keyed);
  [...keyed].forEach(([key, one], index) => {
    const parts = runs.get(key) ?? run(key);
    parts.element.dataset.priority = one.priority;
    text(parts.mark, `${MARKS[one.priority]} ${one.priority}`);
    text(parts.subject, subjectOf(one));
    text(parts.message, one.title);
    const due = Date.parse(one.due);
    const then = due > now() ? `an alert at ${ahead(due)} if it goes on` : "an alert with the next reading";
    text(parts.facts, `${Number(one.value.toFixed(2))} ${UNITS[one.unit] ?? one.unit} · since ${clockTime(Date.parse(one.since))} · ${then}`);
    place($("runs"), parts.element, index);
  });
  $("building").hidden = keyed.size === 0;
  const old = answered !== null && performance.now() - answered > UNSURE_MS;
  $("unsure").hidden = !old;
  if (old) text($("unsure"), `Delivery not known for ${duration(performance.now() - answered)}`);
}
