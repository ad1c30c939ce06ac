// Rules can be dragged by their number to another place. Without this file, and with a keyboard, the buttons move them.
"use strict";

for (const list of document.querySelectorAll("[data-reorder]")) {
  const rules = () => [...list.querySelectorAll("[data-rule]")];
  if (rules().length < 2) continue;
  let dragged = null;
  let before = [];

  const over = (y) => {
    const next = rules().find((rule) => {
      const frame = rule.getBoundingClientRect();
      return rule !== dragged && y < frame.top + frame.height / 2;
    });
    list.insertBefore(dragged, next || list.querySelector(".fixed"));
  };

  const end = () => {
    document.removeEventListener("pointermove", follow);
    document.removeEventListener("pointerup", drop);
    document.removeEventListener("pointercancel", cancel);
    dragged.classList.remove("dragged");
    dragged = null;
  };
  // Listened to on the document: a rule that moves in the list loses the pointer it had captured.
  const follow = (event) => over(event.clientY);
  const cancel = () => {
    for (const rule of before) list.insertBefore(rule, list.querySelector(".fixed"));
    end();
  };
  const drop = () => {
    const rule = dragged;
    end();
    const place = rules().indexOf(rule);
    if (place === before.indexOf(rule)) return;
    const form = rule.querySelector("[data-place]");
    form.elements.place.value = place + 1;
    form.requestSubmit(); // asks what it would change; nothing is moved yet
  };

  for (const rule of rules()) {
    const handle = rule.querySelector(".rule-number");
    handle.classList.add("handle");
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || dragged) return;
      event.preventDefault();
      before = rules();
      dragged = rule;
      rule.classList.add("dragged");
      document.addEventListener("pointermove", follow);
      document.addEventListener("pointerup", drop);
      document.addEventListener("pointercancel", cancel);
    });
  }
}
