// What can be told of a chosen file before it is sent. The server looks at all of it once more, at the pixels too.
"use strict";

// The sentence is one of the data attributes of the file's own field, with %s for the file's name. "" is nothing wrong.
function whatIsWrong(file, input) {
  const { noPicture, empty, tooLarge, bytes } = input.dataset;
  // Some systems know no type for HEIC.
  const isPicture = file.type.startsWith("image/") || /\.(heic|heif|avif)$/i.test(file.name);
  let said = "";
  if (!isPicture) said = noPicture;
  else if (file.size === 0) said = empty;
  else if (file.size > Number(bytes)) said = tooLarge;
  return said.replace("%s", () => file.name);
}
