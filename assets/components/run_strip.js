export default function ({ data, parentElement, setTriggerValue }) {
  const find = (name) => parentElement.querySelector(name);
  showMark(find(".strip"), find(".mark"), data.state);
  find(".strip").classList.toggle("cold", data.cold);
  setParts(find(".title"), data.title);
  setText(find(".detail"), data.detail);
  setText(find(".share"), data.figure);
  showShare(find(".track"), data.share, data.spoken);
  setAttribute(find(".track"), "aria-label", data.label);
  const open = find(".open");
  setText(open, data.open);
  setAttribute(open, "href", data.href);
  // A plain click stays in this session; a click that asks for another tab is the browser's.
  open.onclick = (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    setTriggerValue("open", true);
  };
}
