// Small comforts of every page. Without this file everything still works.
"use strict";

// A menu made of <details> closes on a click elsewhere and on Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// What htmx could not do is said where every other message stands. The server's own words, if it sent plain ones.
const tell = (words, lost = false) => {
  let place = document.querySelector(".messages");
  if (place && place.textContent.trim() === words) return;
  if (!place) {
    place = document.createElement("div");
    place.className = "messages";
    place.setAttribute("role", "alert");
    document.getElementById("main").before(place);
  }
  const message = document.createElement("div");
  message.className = "message error";
  message.toggleAttribute("data-lost", lost);
  message.append(document.createElement("p"));
  message.firstChild.textContent = words;
  place.replaceChildren(message);
};
// What asks by itself, again and again, says nothing: nobody did anything, and its next try may succeed.
const asksByItself = (event) => event.detail.elt.matches("[hx-trigger^=every]");
document.addEventListener("htmx:responseError", (event) => {
  if (asksByItself(event)) return;
  const answer = event.detail.xhr;
  const plain = (answer.getResponseHeader("Content-Type") || "").startsWith("text/plain");
  tell(plain ? answer.responseText : document.body.dataset.trouble);
});
document.addEventListener("htmx:sendError", (event) => {
  if (!asksByItself(event)) tell(document.body.dataset.trouble, true);
});
// A connection that is back is not said to be lost any longer, once what somebody did has worked again.
document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.successful || asksByItself(event)) return;
  for (const message of document.querySelectorAll(".messages [data-lost]")) message.parentElement.remove();
});

// A page that the server wants asked for anew would lose what is typed there: it waits, and is told so again.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (!event.detail.xhr.getResponseHeader("HX-Refresh")) return;
  const texts = [...document.querySelectorAll("textarea")];
  if (texts.some((text) => text.value !== text.defaultValue)) event.preventDefault();
});

// A form that was sent is not sent twice by an impatient second click.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  const button = event.target.querySelector("button:not([type=button])");
  if (!button) return;
  // After this turn: a button disabled now would not be sent with its form.
  setTimeout(() => { button.disabled = true; });
});

// A page that comes back as it was left, on Back or Forward, may show what was hidden since, or what belongs to
// somebody who signed out: it is asked for anew, and shows nothing until then.
window.addEventListener("pagehide", (event) => {
  if (event.persisted) document.documentElement.hidden = true;
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
