const show = (root, data) => {
  const find = (name) => root.querySelector(name);
  showMark(find(".strip"), find(".mark"), data.state);
  find(".strip").classList.toggle("cold", data.cold);
  setParts(find(".title"), data.title);
  setText(find(".detail"), data.detail);
  setText(find(".share"), data.figure);
  showShare(find(".track"), data.share, data.spoken);
  setAttribute(find(".track"), "aria-label", data.label);
};

export default function ({ data, parentElement, setTriggerValue }) {
  show(parentElement, data);
  const open = parentElement.querySelector(".open");
  setText(open, data.open);
  setAttribute(open, "href", data.href);
  // A plain click stays in this session; a click that asks for another tab is the browser's.
  open.onclick = (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    setTriggerValue("open", true);
  };
  followRun(parentElement, data, setTriggerValue, (fresh) => {
    show(parentElement, fresh.strip);
    return { turn: fresh.strip.turn, after: Infinity };
  });
}
