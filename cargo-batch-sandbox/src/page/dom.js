// Elements made of text, never of markup: what a batch is called can't become part of the page.

/** An element with attributes and children. */
export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (attribute === "style") made.style.cssText = value;
    else if (value !== "") made.setAttribute(attribute, value);
  }
  made.append(...children);
  return made;
}

/** Puts children in the place of those an element has. */
export function replace(parent, children) {
  parent.replaceChildren(...children);
}

/** Text in which `code` is set as code. */
export function prose(text) {
  return text.split("`").map((piece, n) => (n % 2 ? element("code", {}, piece) : piece));
}
