// Guided captures with the camera. Light is measured here; where the face is, the server tells from one small frame at
// a time, which it forgets. No frame leaves the page before the consent is ticked. Without a camera, or without this
// file, pictures are chosen from the disk as ever.
"use strict";

for (const stage of document.querySelectorAll("[data-camera]")) {
  if (navigator.mediaDevices?.getUserMedia) new Camera(stage);
}

function Camera(stage) {
  const words = stage.dataset;
  const form = stage.closest("form");
  const consent = form.querySelector("input[name=consent]");
  const files = form.querySelector("input[type=file]");
  const video = stage.querySelector("video");
  const hint = stage.querySelector(".camera-hint");
  const button = (name) => stage.querySelector(`[data-${name}]`);
  const poses = words.poses.split(" ");

  const FRAME = 640; // px, longest side of a frame
  const LOOK_MS = 250; // between two looks at the light
  const CHECK_MS = 1200; // between two frames sent
  const DARK = 50, BRIGHT = 225; // mean grey level of the middle, 0-255; the server is a little stricter

  let stream = null;
  let at = 0; // index into poses
  let taken = 0;
  let lastCheck = 0;
  let running = 0; // a number per start: what an earlier run still awaits is void

  stage.hidden = false;
  say(words.ready);

  function say(text) {
    if (hint.textContent !== text) hint.textContent = text;
  }

  function follow() {
    button("start").disabled = !consent.checked;
    if (!consent.checked && stream) stop(words.agree);
  }

  function draw(side) {
    const scale = Math.min(1, side / Math.max(video.videoWidth, video.videoHeight));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    canvas.getContext("2d", { willReadFrequently: true }).drawImage(video, 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  function light() {
    const canvas = draw(64);
    const w = canvas.width, h = canvas.height;
    const { data } = canvas.getContext("2d").getImageData(w >> 2, h >> 3, w >> 1, (h * 3) >> 2);
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) sum += 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
    return sum / (data.length / 4);
  }

  const frame = () => new Promise((resolve) => { draw(FRAME).toBlob(resolve, "image/jpeg", 0.92); });

  async function start() {
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: false, video: { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 960 } },
      });
    } catch {
      say(words.refused);
      return;
    }
    video.srcObject = stream;
    await video.play();
    stage.classList.add("running");
    button("start").hidden = true;
    for (const name of ["take", "skip", "stop"]) button(name).hidden = false;
    at = 0;
    mark();
    say(words[poses[at]]);
    running += 1;
    watch(running);
  }

  function stop(text) {
    running += 1;
    if (stream) for (const track of stream.getTracks()) track.stop();
    stream = null;
    video.srcObject = null;
    stage.classList.remove("running", "good");
    button("start").hidden = false;
    for (const name of ["take", "skip", "stop"]) button(name).hidden = true;
    for (const step of stage.querySelectorAll("[data-pose]")) step.removeAttribute("aria-current");
    say(text);
  }

  async function watch(run) {
    while (run === running) {
      await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
      if (run !== running || !video.videoWidth) continue;
      const level = light();
      if (level < DARK) say(words.dark);
      else if (level > BRIGHT) say(words.bright);
      else if (performance.now() - lastCheck >= CHECK_MS) await check(run);
    }
  }

  async function check(run) {
    lastCheck = performance.now();
    const pose = poses[at];
    const picture = await frame();
    const body = new FormData();
    body.append("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
    body.append("consent", "on");
    body.append("pose", pose);
    body.append("frame", picture, "frame.jpg");
    let answer = {};
    try {
      const response = await fetch(words.check, { method: "POST", body, headers: { Accept: "application/json" } });
      if (response.ok || [401, 429].includes(response.status)) answer = await response.json();
    } catch { /* the next frame tries again; "take it now" always works */ }
    lastCheck = performance.now();
    if (run !== running || pose !== poses[at]) return;
    if (answer.good) keep(picture);
    else if (answer.hint || answer.errors) say(answer.hint || answer.errors[0]);
  }

  // The very frame that was judged is the picture; the form sends it with the others.
  function keep(picture) {
    taken += 1;
    const carrier = new DataTransfer();
    carrier.items.add(new File([picture], `${poses[at]}-${taken}.jpg`, { type: "image/jpeg" }));
    files.files = carrier.files;
    files.dispatchEvent(new Event("change", { bubbles: true }));
    stage.querySelector(`[data-pose=${poses[at]}]`).classList.add("taken");
    stage.classList.add("good");
    setTimeout(() => stage.classList.remove("good"), 700);
    next(words.taken);
  }

  function next(before) {
    at += 1;
    if (at >= poses.length) {
      stop(taken ? words.done : words.ready);
      if (taken) form.querySelector("[data-submit]").focus();
      return;
    }
    mark();
    lastCheck = performance.now();
    say(`${before} ${words[poses[at]]}`.trim());
  }

  function mark() {
    for (const step of stage.querySelectorAll("[data-pose]")) {
      if (step.dataset.pose === poses[at]) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    }
  }

  button("start").addEventListener("click", start);
  button("take").addEventListener("click", async () => { keep(await frame()); });
  button("skip").addEventListener("click", () => next(""));
  button("stop").addEventListener("click", () => stop(words.ready));
  consent.addEventListener("change", follow);
  window.addEventListener("pageshow", follow);
  window.addEventListener("pagehide", () => { if (stream) stop(words.ready); });
  follow();
}
