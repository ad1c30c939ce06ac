// The button wakes up when the consent is ticked. The server asks again.
"use strict";

for (const form of document.querySelectorAll("form[data-consent]")) {
  const box = form.querySelector("input[type=checkbox][name=consent]");
  const button = form.querySelector("[data-submit]");
  const follow = () => { button.disabled = !box.checked; };
  box.addEventListener("change", follow);
  window.addEventListener("pageshow", follow);
  follow();
}
