// Tagging by typing: a field above the list of friends that leaves in the list who fits. Without this file the list
// alone does it.
"use strict";

for (const list of document.querySelectorAll("select[data-type-to-find]")) {
  const people = [...list.options].filter((option) => option.value);
  if (people.length < 2) continue;
  const field = document.createElement("input");
  field.type = "search";
  field.autocomplete = "off";
  field.placeholder = list.dataset.typeToFind;
  field.setAttribute("aria-label", list.dataset.typeToFind);
  field.setAttribute("aria-controls", list.id);
  list.before(field);

  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  field.addEventListener("input", () => {
    const wanted = plain(field.value.trim());
    const fitting = people.filter((option) => plain(`${option.text} ${option.value}`).includes(wanted));
    list.replaceChildren(list.options[0], ...fitting);
    // One who fits is chosen at once; of several none, so that no face is named as somebody by accident.
    list.value = wanted && fitting.length === 1 ? fitting[0].value : "";
  });
  // Enter chooses nobody and sends nothing: which face it is, is pressed below.
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
}

// A face that was pressed in the picture: the field is ready for the name.
for (const link of document.querySelectorAll(".outline:not(.own)")) {
  link.addEventListener("click", () => {
    const field = document.querySelector("#tag input[type=search]");
    if (field && !document.querySelector(".marking")) setTimeout(() => field.focus());
  });
}
