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

// When each was mounted last, and for which turn the page was asked to draw itself anew since.
const mounted = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const mount = { at: performance.now(), asked: null };
  mounted.set(parentElement, mount);
  show(parentElement, data);
  listen(parentElement, data.live, (fresh) => {
    show(parentElement, fresh.progress);
    const old = fresh.turn !== data.turn || performance.now() - mount.at > fresh.words_ms;
    if (!old || mount.asked === fresh.turn || mounted.get(parentElement) !== mount) return;
    mount.asked = fresh.turn;
    setTriggerValue("turn", fresh.turn);
  });
}
