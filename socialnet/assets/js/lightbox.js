// The photo as large as it fits, or at its full size. A dialog element: Escape closes it, and the focus goes back.
"use strict";

for (const box of document.querySelectorAll("dialog.lightbox")) {
  const stage = box.querySelector("[data-stage]");
  const slides = [...box.querySelectorAll("[data-slides] > li")];
  const zoom = box.querySelector("[data-zoom]");
  const start = Math.max(0, slides.findIndex((slide) => "current" in slide.dataset));
  let at = start;

  const show = (to) => {
    at = Math.min(slides.length - 1, Math.max(0, to));
    const picture = new Image(slides[at].dataset.width, slides[at].dataset.height);
    picture.src = slides[at].dataset.src;
    picture.alt = slides[at].dataset.alt;
    stage.replaceChildren(picture);
    enlarge(false);
    for (const button of box.querySelectorAll("[data-step]")) {
      button.hidden = slides.length < 2;
      button.disabled = !slides[at + Number(button.dataset.step)];
    }
  };
  const enlarge = (on) => {
    box.classList.toggle("enlarged", on);
    zoom.setAttribute("aria-pressed", String(on));
  };
  const open = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button > 0) return;
    event.preventDefault();
    const link = document.querySelector("a[data-lightbox]");
    if (link) link.focus({ preventScroll: true }); // where the focus returns to
    show(start);
    box.showModal();
  };

  for (const opener of document.querySelectorAll("[data-lightbox], .canvas > .photo")) opener.addEventListener("click", open);
  for (const button of box.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => show(at + Number(button.dataset.step)));
  }
  box.querySelector("[data-close]").addEventListener("click", () => box.close());
  zoom.addEventListener("click", () => enlarge(!box.classList.contains("enlarged")));
  stage.addEventListener("click", (event) => {
    if (event.target === stage) box.close();
    else enlarge(!box.classList.contains("enlarged"));
  });
  box.addEventListener("close", () => stage.replaceChildren());
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && !box.classList.contains("enlarged")) show(at + step);
  });
}
