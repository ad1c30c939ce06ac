// Try it without an account: the photo goes up, its stand-ins come back, and both are compared on this page alone.
// "Before" is drawn from the visitor's own file and "after" from the answer: neither has an address elsewhere.
"use strict";

const form = document.querySelector("[data-try]");
const input = form.querySelector("input[type=file]");
const told = form.querySelector("[data-told]");
const leftOut = form.querySelector("[data-left-out]");
const button = form.querySelector("button[type=submit]");
const area = form.querySelector("[data-drop]");
const result = document.querySelector("[data-result]");
const buttons = form.querySelector("[data-buttons]"); // a chosen photo is sent by itself: for trying again alone
const TRIES = 6; // while somebody else is trying it
let addresses = [];
let run = null; // the photo in work: another one calls it off, and an answer to it that comes all the same is not shown

const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

const send = async (body, signal, left = TRIES) => {
  const answer = await fetch(form.action, {
    method: "POST", body, headers: { Accept: "application/json, image/jpeg" }, signal,
  });
  if (answer.status !== 503 || left === 0 || signal.aborted) return answer;
  told.textContent = form.dataset.waiting;
  await wait(Number(answer.headers.get("Retry-After")) || 5);
  return send(body, signal, left - 1);
};

const draw = (image, blob) => new Promise((resolve) => {
  const address = URL.createObjectURL(blob);
  addresses.push(address);
  image.addEventListener("load", () => {
    image.width = image.naturalWidth;
    image.height = image.naturalHeight;
    resolve(true);
  }, { once: true });
  image.addEventListener("error", () => resolve(false), { once: true }); // a format only the site can open
  image.src = address;
});

const compare = async (file, blob, number, signal) => {
  for (const address of addresses.splice(0)) URL.revokeObjectURL(address);
  const [before, after] = result.querySelectorAll("img");
  const both = await Promise.all([draw(before, file), draw(after, blob)]);
  if (signal.aborted) return;
  result.querySelector("[data-before]").hidden = !both[0];
  result.querySelector("[data-before-after]").classList.toggle("live", both[0]);
  result.querySelector("input[type=range]").hidden = !both[0];
  const link = result.querySelector("[data-download]");
  link.href = after.src;
  link.download = form.dataset.name;
  result.hidden = false;
  told.textContent = number === 1 ? form.dataset.doneOne : form.dataset.done.replace("%s", number);
  document.getElementById("result").focus();
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const file = input.files[0];
  if (!file) return;
  if (run) run.abort();
  const mine = new AbortController();
  run = mine;
  button.disabled = true;
  buttons.hidden = true;
  result.hidden = true;
  told.classList.remove("error");
  told.textContent = form.dataset.sending;
  const later = setTimeout(() => { if (run === mine) told.textContent = form.dataset.working; }, 1000);
  try {
    const answer = await send(new FormData(form), mine.signal);
    const picture = answer.ok ? await answer.blob() : null;
    const refusal = answer.ok ? "" : (await answer.json()).error;
    clearTimeout(later);
    if (run !== mine) return;
    if (!picture) throw new Error(refusal);
    await compare(file, picture, Number(answer.headers.get("X-Stand-Ins")), mine.signal);
  } catch (error) {
    clearTimeout(later);
    if (run !== mine) return;
    told.classList.add("error");
    buttons.hidden = false;
    told.textContent = error instanceof TypeError || error instanceof SyntaxError ? form.dataset.failed : error.message;
  } finally {
    if (run === mine) button.disabled = false;
  }
});

// A photo that was chosen or dropped is tried at once: there is nothing else to say about it.
const tried = () => {
  if (!input.files.length) return;
  leftOut.textContent = whatIsWrong(input.files[0], leftOut);
  if (leftOut.textContent) input.value = ""; // what is in work, or was done before, stays
  else form.requestSubmit();
};
input.addEventListener("change", tried);
area.addEventListener("dropped", (event) => {
  const files = new DataTransfer();
  if (event.detail[0]) files.items.add(event.detail[0]);
  input.files = files.files;
  tried();
});
buttons.hidden = true;
document.querySelector("[data-another]").addEventListener("click", () => input.click());
tried(); // chosen before this script was there
