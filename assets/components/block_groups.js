// Many blocks: groups of one output size, side by side where there is room, foldable where there is not.
drawings.down = ["M6 9.5l6 6 6-6"];
drawings.dash = ["M6 12h12"];

const groupStates = { none: "false", some: "mixed", all: "true" };

// Blocks a line when at most `room` fit: lines of equal length rather than a full one and a rest.
const across = (blocks, room) => Math.ceil(blocks / Math.ceil(blocks / room));

const makeSwitch = () => {
  const all = make("button", "all");
  all.type = "button";
  // A checkbox and not a switch: only that role has a third state for "some of them".
  all.setAttribute("role", "checkbox");
  const knob = make("span", "knob");
  knob.append(draw("ice", "ice"), draw("dash", "dash"), draw("fire", "fire"));
  const track = make("span", "rail");
  track.append(knob);
  all.append(track);
  return all;
};

const makeGroup = (group, tiles, last) => {
  const node = make("div", group.open ? "group" : "group folded");
  node.setAttribute("role", "group");
  for (const room of [5, 7, 9]) {
    node.style.setProperty(`--of${room}`, across(tiles.length, room));
    // Beside two lines of tiles, a neighbour's single one would hang in the air.
    node.classList.toggle(`alone-of${room}`, tiles.length > room && !last);
  }
  const fold = make("button", "fold");
  fold.type = "button";
  fold.append(draw("down"), make("span", "size"), make("span", "summary"));
  const heading = make("div", "heading");
  heading.append(make("span", "size"), make("span", "many"));
  const line = make("div", "line");
  line.append(fold, heading);
  if (tiles.length > 1) line.append(makeSwitch());
  const members = make("div", "members");
  members.append(...tiles);
  node.append(line, members);
  return node;
};

// What is in no group (the head) stays beside the last group, never on a line of its own.
const withEnd = (groups, rest) => {
  if (!groups.length) return rest;
  const end = make("div", "end");
  end.append(groups.at(-1), ...rest);
  return [...groups.slice(0, -1), end];
};

const fillGroup = (node, group, locked) => {
  node.querySelectorAll(".size").forEach((size) => setText(size, group.size));
  setText(node.querySelector(".many"), group.many);
  setAttribute(node, "aria-label", group.label);
  const all = node.querySelector(".all");
  if (!all) return;
  setAttribute(all, "aria-label", group.all);
  all.disabled = locked;
};

const switchesIn = (node) => [...node.querySelectorAll("[data-block]")];

const showGroup = (node, group, learning) => {
  const tiles = switchesIn(node);
  const learn = tiles.filter((tile) => learning.has(tile.dataset.block)).length;
  const now = learn === 0 ? "none" : learn === tiles.length ? "all" : "some";
  setText(node.querySelector(".summary"), group.summaries[learn]);
  node.classList.toggle("warm", learn > 0);
  setAttribute(node.querySelector(".fold"), "aria-expanded", !node.classList.contains("folded"));
  const all = node.querySelector(".all");
  if (all) setAttribute(all, "aria-checked", groupStates[now]);
};

// Some or none learning: all shall learn; all learning: none shall.
const turnGroup = (node, learning) => {
  const names = switchesIn(node).map((tile) => tile.dataset.block);
  const thaw = names.some((name) => !learning.has(name));
  names.forEach((name) => (thaw ? learning.add(name) : learning.delete(name)));
};

// A folded group hides its tiles only where the map is narrow.
const isHidden = (tile) => !tile || tile.offsetParent === null;
