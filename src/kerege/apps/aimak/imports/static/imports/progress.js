// Asks every three seconds how far the work is, and shows the page anew when it has
// ended. Without this file the page has a link, and asks again by itself.
"use strict";

const shown = document.querySelector("[data-progress]");

async function ask() {
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const news = page.querySelector("[data-progress]");
    if (!answer.ok || !news) {
      location.reload();
      return;
    }
    shown.replaceChildren(...news.childNodes);
  } catch {
    // The line was away for a moment: ask again.
  }
  setTimeout(ask, 3000);
}

if (shown) {
  setTimeout(ask, 3000);
}
