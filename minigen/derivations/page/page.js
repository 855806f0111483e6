"use strict";
{
  const form = document.querySelector(".find");
  const [words, verdict, count] = form.elements;
  const entries = [...document.querySelectorAll(".entry")].map((article) => ({
    article,
    text: `${article.textContent} ${article.dataset.tex}`.toLowerCase(),
  }));
  const show = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kind = verdict.value === "fails" ? "failing" : verdict.value;
    const searching = wanted.length > 0 || kind !== "";
    let found = 0;
    for (const { article, text } of entries) {
      const fits = (!kind || article.classList.contains(kind)) && wanted.every((w) => text.includes(w));
      article.hidden = !fits;
      found += fits;
    }
    document.body.classList.toggle("searching", searching);
    for (const section of document.querySelectorAll("main > section")) {
      section.hidden = searching && !section.querySelector(".entry:not([hidden])");
    }
    count.textContent = searching ? `${found} of ${entries.length}` : "";
  };
  form.hidden = false;
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.closest("[hidden]")) {
      form.reset();
      show();
      target.scrollIntoView();
    }
  });
  show();
}
