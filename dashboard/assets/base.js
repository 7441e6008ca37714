// What every part of the screen uses: elements, times, words.

export const $ = (id) => document.getElementById(id);
export const PRIORITIES = ["high", "medium", "low", "info"];
export const MARKS = { high: "★★★", medium: "★★", low: "★", info: "i" };
export const UNITS = { "mm[Hg]": "mmHg", Cel: "°C", "[degF]": "°F", "/min": "/min", "%": "%" };

// Server clock minus ours, ms.
let offset = 0;
export const now = () => Date.now() + offset;
export const setNow = (ms) => { offset = ms - Date.now(); };

export const text = (element, value) => { if (element.textContent !== value) element.textContent = value; };
export const make = (tag, className, content) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (content !== undefined) element.textContent = content;
  return element;
};
export const clockTime = (ms) => {
  const date = new Date(ms);
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  return now() - ms > 20 * 3600e3 ? `${date.toLocaleDateString([], { day: "numeric", month: "short" })} ${time}` : time;
};
// A time to come: the clock today, the weekday within a week, else the date.
export const ahead = (ms) => {
  const date = new Date(ms);
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  if (date.toDateString() === new Date(now()).toDateString()) return time;
  const day = ms - now() < 6 * 86400e3 ? { weekday: "short" } : { day: "numeric", month: "short" };
  return `${date.toLocaleDateString([], day)} ${time}`;
};
export const duration = (ms) => {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} days`;
};

// Moves an element only when it is elsewhere, so that focus and hover survive a redraw.
export const place = (list, element, index) => {
  if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
};
export const prune = (map, keep) => {
  for (const [id, parts] of map) if (!keep.has(id)) map.delete(id) && parts.element.remove();
};
