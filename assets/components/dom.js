// Small helpers that every component's script starts with. Words reach the page as text nodes only.
const make = (tag, className = "", text = null) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== null) node.textContent = text;
  return node;
};

const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

// parts: [[text, strong], ...]
const setParts = (node, parts) => {
  const wanted = JSON.stringify(parts ?? []);
  if (node.dataset.parts === wanted) return;
  node.dataset.parts = wanted;
  node.replaceChildren(...(parts ?? []).map(([text, strong]) => make(strong ? "strong" : "span", "", text)));
};

const setAttribute = (node, name, value) => {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
};

const drawings = {
  ice: ["M12 2.5v19M3.77 7.25l16.46 9.5M3.77 16.75l16.46-9.5",
        "M9.7 3.7l2.3 2.3 2.3-2.3M9.7 20.3l2.3-2.3 2.3 2.3M3.6 10.2l3.1-.9-.8-3.1M20.4 13.8l-3.1.9.8 3.1M3.6 13.8l3.1.9-.8 3.1M20.4 10.2l-3.1-.9.8-3.1"],
  fire: ["M12.2 2.8c.3 2.9-1.2 4.6-3 6.4-1.9 1.9-3.7 3.7-3.7 6.3 0 3.5 2.9 6 6.5 6s6.5-2.5 6.5-6c0-2.7-1.3-4.7-2.9-6.3-.3 1.3-.9 2.1-2 2.7.5-3.3-.1-6.8-1.4-9.1z",
         "M12 21.5c-1.8 0-3-1.2-3-2.9 0-1.8 1.5-2.5 3-4.3 1.5 1.8 3 2.5 3 4.3 0 1.7-1.2 2.9-3 2.9z"],
  check: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", "M8.2 12.2l2.7 2.7 5-5.3"],
  alert: ["M12 3.5l9.5 16.5h-19z", "M12 10v4.5M12 17v.2"],
  stop: ["M6.5 6.5h11v11h-11z"],
  pause: ["M9 6v12M15 6v12"],
  clock: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", "M12 7.5v5l3.3 2"],
};

const draw = (name, className = "") => {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon ${className}`.trim());
  for (const line of drawings[name]) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", line);
    svg.append(path);
  }
  return svg;
};

// The item an arrow, Home or End key leads to from `at`, or null for any other key.
const stepTo = (key, at, count, wrap) => {
  const last = count - 1;
  if (key === "Home") return 0;
  if (key === "End") return last;
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
  if (by === undefined) return null;
  const next = at + by;
  return wrap ? (next + count) % count : Math.min(last, Math.max(0, next));
};

// A person's choices are numbered. What Python sends carries the number of the last choice it has
// seen: a lower one than ours is an answer to an older click, and must not undo the newer ones.
const isStale = (state, data) => (data.seen ?? 0) < state.choices;
