// Rules can be dragged by their number to another place. Without this file, and with a keyboard, the buttons move them.
"use strict";

for (const list of document.querySelectorAll("[data-reorder]")) {
  const rules = () => [...list.querySelectorAll("[data-rule]")];
  if (rules().length < 2) continue;
  for (const rule of rules()) {
    makeDraggable({
      list,
      items: rules,
      item: rule,
      handle: rule.querySelector(".rule-number"),
      last: list.querySelector(".fixed"),
      dropped: (from, to) => {
        const form = rule.querySelector("[data-place]");
        form.elements.place.value = to + 1;
        form.requestSubmit(); // asks what it would change; nothing is moved yet
      },
    });
  }
}
