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

  const drop = () => {
    if (!dragged) return;
    const rule = dragged;
    dragged = null;
    rule.classList.remove("dragged");
    const place = rules().indexOf(rule);
    if (place === before.indexOf(rule)) return;
    const form = rule.querySelector("[data-place]");
    form.elements.place.value = place + 1;
    form.requestSubmit();
  };

  for (const rule of rules()) {
    const handle = rule.querySelector(".rule-number");
    handle.classList.add("handle");
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      before = rules();
      dragged = rule;
      rule.classList.add("dragged");
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointermove", (event) => { if (dragged === rule) over(event.clientY); });
    handle.addEventListener("pointerup", drop);
    handle.addEventListener("pointercancel", () => {
      if (dragged !== rule) return;
      dragged = null;
      rule.classList.remove("dragged");
      for (const each of before) list.insertBefore(each, list.querySelector(".fixed"));
    });
  }
}
