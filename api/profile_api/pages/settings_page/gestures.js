// Fingers and the mouse on an element: one moves, two pinch.

const middle = ([a, b = a]) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
const distance = ([a, b]) => Math.hypot(a.x - b.x, a.y - b.y);

// `moved` is told how far, `zoomed` by which factor and where, all in parts of the element's width.
export function followPointers(element, { moved, zoomed }) {
  const down = new Map(); // where each pointer is

  const place = ({ clientX, clientY }) => {
    const { left, top, width } = element.getBoundingClientRect();
    return { x: (clientX - left) / width, y: (clientY - top) / width };
  };
  element.addEventListener("pointerdown", (event) => {
    if (down.size === 2) return;
    element.setPointerCapture(event.pointerId);
    down.set(event.pointerId, place(event));
  });
  element.addEventListener("pointermove", (event) => {
    if (!down.has(event.pointerId)) return;
    const before = [...down.values()];
    down.set(event.pointerId, place(event));
    const now = [...down.values()];
    moved(middle(now).x - middle(before).x, middle(now).y - middle(before).y);
    if (now.length === 2 && distance(before) > 0)
      zoomed(distance(now) / distance(before), middle(now));
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
    element.addEventListener(end, ({ pointerId }) => down.delete(pointerId));
  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomed(Math.exp(-event.deltaY / 500), place(event));
  });
}
