// An item of a list is dragged to another place by its handle. Whoever uses this offers buttons too: nobody has to drag.
"use strict";

// items: () => the items in their order; last: what all of them stay before, or null; dropped: called after a real move
// with the places the item came from and went to, counted from 0.
function makeDraggable({ list, items, item, handle, last = null, dropped }) {
  let before = null;

  // Listened to on the document: an item that moves in the list loses the pointer it had captured.
  const follow = (event) => {
    const next = items().find((other) => {
      const frame = other.getBoundingClientRect();
      return other !== item && event.clientY < frame.top + frame.height / 2;
    });
    list.insertBefore(item, next || last);
  };
  const end = () => {
    document.removeEventListener("pointermove", follow);
    document.removeEventListener("pointerup", drop);
    document.removeEventListener("pointercancel", cancel);
    item.classList.remove("dragged");
  };
  const cancel = () => {
    end();
    for (const other of before) list.insertBefore(other, last);
  };
  const drop = () => {
    end();
    const [from, to] = [before.indexOf(item), items().indexOf(item)];
    if (from !== to) dropped(from, to);
  };

  handle.classList.add("handle");
  handle.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || list.querySelector(".dragged")) return;
    event.preventDefault();
    before = items();
    item.classList.add("dragged");
    document.addEventListener("pointermove", follow);
    document.addEventListener("pointerup", drop);
    document.addEventListener("pointercancel", cancel);
  });
}
