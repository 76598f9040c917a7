// Code and tables that are wider than their place can be scrolled with the keyboard, too.
const places = document.querySelectorAll("pre, .table-wrapper");
const mend = () => {
  for (const place of places) {
    if (place.scrollWidth > place.clientWidth) place.tabIndex = 0;
    else place.removeAttribute("tabindex");
  }
};
mend();
addEventListener("resize", mend);

// What such a button shows is its name; myst-nb gives it another one.
for (const one of document.querySelectorAll("details.hide > summary")) one.removeAttribute("aria-label");
