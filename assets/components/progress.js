const show = (root, data) => {
  const find = (name) => root.querySelector(name);
  showMark(find(".progress"), find(".mark"), data.state);
  find(".progress").classList.toggle("cold", data.cold);
  setParts(find(".headline"), data.headline);
  setText(find(".pill"), data.pill);
  find(".pill").classList.toggle("ice", data.all_frozen);
  setParts(find(".left"), data.left);
  showShare(find(".track"), data.share, data.spoken);
  setAttribute(find(".track"), "aria-label", data.label);
  setText(find(".first"), data.below_left);
  setText(find(".second"), data.below_right);
};

export default function ({ data, parentElement, setTriggerValue }) {
  show(parentElement, data);
  followRun(parentElement, data, setTriggerValue, (fresh) => {
    show(parentElement, fresh.progress);
    return { turn: fresh.turn, after: fresh.words_ms };
  });
}
