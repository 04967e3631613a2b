"use strict";
// Shows one locale by itself. Everything is there without this script.
const chooser = document.getElementById("chooser");
if (chooser) {
  chooser.hidden = false;
  const select = chooser.querySelector("select");
  select.addEventListener("change", () => {
    for (const part of document.querySelectorAll("[data-locale]")) {
      part.classList.toggle("other", select.value !== "" && part.dataset.locale !== select.value);
    }
  });
}
