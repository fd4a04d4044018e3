// Seasoning: every page works without this file.
"use strict";

// A page that comes back with mistakes, or with news, begins to be read there.
const first = document.querySelector(".govuk-error-summary, [role=alert]");
if (first) {
  first.tabIndex = -1;
  first.focus();
}

// A second press of a button within two seconds is a slip, not a wish.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const now = Date.now();
  if (form.method === "post" && now - Number(form.dataset.sent || 0) < 2000) {
    event.preventDefault();
  }
  form.dataset.sent = String(now);
});

// How many characters are left in a text that has a bound.
for (const field of document.querySelectorAll("textarea[maxlength]")) {
  const left = document.createElement("div");
  left.className = "govuk-hint";
  left.setAttribute("aria-live", "polite");
  const count = () => {
    left.textContent = `${field.value.length} / ${field.maxLength}`;
  };
  field.after(left);
  field.addEventListener("input", count);
  count();
}

// Leaving a page with unsaved work asks first, where the form says so.
const guarded = document.querySelector("form[data-guard]");
if (guarded) {
  let changed = false;
  guarded.addEventListener("input", () => { changed = true; });
  guarded.addEventListener("submit", () => { changed = false; });
  window.addEventListener("beforeunload", (event) => {
    if (changed) { event.preventDefault(); }
  });
}

// A button that prints, shown only where it can.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
