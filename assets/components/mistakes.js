const states = new WeakMap();
const wrong = "wrong label";
const keys = { w: wrong, b: "bad image", k: "keep" };

// On a picture is said that its file is gone, where Python knows of that; and in its place that it did not
// come, whatever was in the way.
const describe = (picture) => {
  if (picture.matches(".gone, .missing")) {
    setAttribute(picture, "aria-description", picture.querySelector("span").textContent);
  } else picture.removeAttribute("aria-description");
};

const makePicture = () => {
  const picture = make("button", "picture");
  picture.type = "button";
  const image = make("img");
  image.loading = "lazy";
  image.alt = "";
  for (const kind of ["load", "error"]) {
    image.addEventListener(kind, () => {
      picture.classList.toggle("missing", kind === "error");
      describe(picture);
    });
  }
  picture.append(image, make("span"));
  return picture;
};

const fillPicture = (picture, photo, words, label) => {
  const image = picture.querySelector("img");
  // What was in the way may be over: the same address is asked for anew.
  if (picture.matches(".missing")) image.src = photo.thumb;
  else setAttribute(image, "src", photo.thumb);
  picture.classList.toggle("gone", photo.gone !== "");
  setText(picture.querySelector("span"), photo.gone || words.missing);
  setAttribute(picture, "aria-label", `${words.open}: ${label}`);
  describe(picture);
};

const makeCompanion = (companion) => {
  const node = make("figure", "companion");
  node.dataset.image = companion.image;
  node.append(makePicture(), make("figcaption"));
  return node;
};

const makePhoto = (photo, words) => {
  const node = make("li", "photo");
  node.dataset.image = photo.image;
  const picture = makePicture();
  const truth = make("label", "truth");
  truth.append(make("span"), make("select"));
  const frame = make("div", "frame");
  frame.append(picture, truth);
  const marks = make("div", "marks");
  marks.setAttribute("role", "group");
  words.verdicts.forEach(([verdict, short, long]) => {
    const button = make("button", verdict.split(" ")[0], short);
    button.type = "button";
    button.dataset.verdict = verdict;
    button.title = long;
    marks.append(button);
  });
  const companions = make("div", "companions");
  companions.append(...photo.companions.map(makeCompanion));
  node.append(frame, companions, make("p", "said"), make("p", "is"), marks);
  return node;
};

const fillPhoto = (node, photo, words) => {
  fillPicture(node.querySelector(".picture"), photo, words, photo.label);
  node.querySelectorAll(".companion").forEach((each, place) => {
    const companion = photo.companions[place];
    const said = companion.said.map(([text]) => text).join("");
    setParts(each.querySelector("figcaption"), companion.said);
    fillPicture(each.querySelector(".picture"), companion, words, `${said}. ${words.beside}: ${photo.label}`);
  });
  setParts(node.querySelector(".said"), photo.said);
  setText(node.querySelector(".is"), photo.is);
  setText(node.querySelector(".truth span"), words.truth);
  setAttribute(node.querySelector(".marks"), "aria-label", `${words.mark}: ${photo.label}`);
};

// The list of classes may be long, so a photo has it only once it is needed. What was said comes first, and
// is not chosen before a person has done that.
const fillClasses = (select, photo, classes, choose) => {
  const wanted = JSON.stringify([photo.at, photo.instead, classes]);
  if (select.dataset.filled === wanted) return;
  select.dataset.filled = wanted;
  const others = classes.map((_name, at) => at).filter((at) => at !== photo.at && at !== photo.instead);
  select.replaceChildren(
    ...[-1, photo.instead, ...others].map((at) => {
      const option = make("option", "", at < 0 ? choose : classes[at]);
      option.value = String(at);
      option.disabled = at < 0;
      return option;
    }),
  );
};

// A wrong label is kept once it is said what is right; until then it is only shown.
const markOf = (state, image) => {
  if (state.asking.has(image)) return [wrong, -1];
  const waiting = state.waiting.get(image);
  return waiting ? waiting.mark : state.marks[image] ?? null;
};

const show = (state) => {
  state.nodes.forEach((node, place) => {
    const photo = state.photos[place];
    const mark = markOf(state, photo.image);
    const [verdict, label] = mark ?? ["", -1];
    setAttribute(node, "data-mark", verdict);
    const select = node.querySelector("select");
    if (verdict === wrong) {
      fillClasses(select, photo, state.classes, state.words.choose);
      select.value = String(label);
      setAttribute(select, "aria-label", state.words.truth);
    }
    const here = place === state.at;
    for (const button of node.querySelectorAll("button, select")) button.tabIndex = here ? 0 : -1;
    for (const button of node.querySelectorAll(".marks button")) {
      setAttribute(button, "aria-pressed", button.dataset.verdict === verdict);
    }
  });
};

// What Python has not answered yet is told again with each choice: of two quick ones none is lost.
const say = (state, image, mark) => {
  state.choices += 1;
  state.asking.delete(image);
  state.waiting.set(image, { mark, count: state.choices });
  show(state);
  const marks = [...state.waiting].map(([path, each]) => [path, each.mark]);
  state.tell("choice", { value: { of: state.of, marks }, count: state.choices });
};

const toggle = (state, photo, verdict) => {
  const again = markOf(state, photo.image)?.[0] === verdict;
  say(state, photo.image, again || verdict === wrong ? null : [verdict, -1]);
  if (verdict !== wrong || again) return;
  state.asking.add(photo.image);
  show(state);
};

const columns = (nodes) => {
  const second = nodes.findIndex((node) => node.offsetTop > nodes[0].offsetTop);
  return second < 1 ? nodes.length : second;
};

const walk = (state, key) => {
  const wide = columns(state.nodes);
  const down = { ArrowDown: wide, ArrowUp: -wide }[key];
  const last = state.nodes.length - 1;
  const to = down === undefined ? stepTo(key, state.at, last + 1, false) : state.at + down;
  if (to === null) return false;
  if (to < 0 || to > last) return true;
  state.at = to;
  show(state);
  state.nodes[to].querySelector(".picture").focus();
  return true;
};

const photoAt = (state, event) => {
  const place = state.nodes.indexOf(event.target.closest(".photo"));
  if (place >= 0) state.at = place;
  return state.photos[place];
};

const listen = (state, list) => {
  list.onclick = (event) => {
    const photo = photoAt(state, event);
    const button = event.target.closest("button");
    if (!photo || !button) return;
    if (button.matches(".picture")) state.open("open", button.closest("[data-image]").dataset.image);
    else toggle(state, photo, button.dataset.verdict);
    show(state);
  };
  list.onchange = (event) => {
    const photo = photoAt(state, event);
    if (photo && event.target.matches("select")) say(state, photo.image, [wrong, Number(event.target.value)]);
  };
  list.onkeydown = (event) => {
    const photo = photoAt(state, event);
    if (!photo || event.target.matches("select") || event.altKey || event.ctrlKey || event.metaKey) return;
    const verdict = keys[event.key.toLowerCase()];
    if (verdict) toggle(state, photo, verdict);
    else if (!walk(state, event.key)) return;
    event.preventDefault();
  };
};

const build = (state, list, data) => {
  const images = (photo) => [photo, ...photo.companions].map((each) => each.image);
  const shape = JSON.stringify([data.of, data.photos.map(images)]);
  if (state.shape === shape) return;
  state.shape = shape;
  state.at = 0;
  state.nodes = data.photos.map((photo) => makePhoto(photo, data.words));
  list.replaceChildren(...state.nodes);
  list.classList.toggle("compared", data.photos.some((photo) => photo.companions.length > 0));
};

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const list = parentElement.querySelector(".photos");
  let state = states.get(parentElement);
  if (!state) {
    state = { choices: data.seen, waiting: new Map(), asking: new Set(), nodes: [] };
    states.set(parentElement, state);
    listen(state, list);
  }
  Object.assign(state, { tell: setStateValue, open: setTriggerValue, photos: data.photos });
  Object.assign(state, { classes: data.classes, words: data.words, marks: data.marks });
  if (state.of !== data.of) [state.waiting, state.asking].forEach((each) => each.clear());
  state.of = data.of;
  state.choices = Math.max(state.choices, data.seen);
  for (const [image, each] of state.waiting) if (each.count <= data.seen) state.waiting.delete(image);
  build(state, list, data);
  data.photos.forEach((photo, place) => fillPhoto(state.nodes[place], photo, data.words));
  setAttribute(list, "aria-label", data.words.list);
  setText(parentElement.querySelector(".keys"), data.words.keys);
  show(state);
}
