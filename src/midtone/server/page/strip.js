// The row of thumbnails below the photograph.

export class Strip {
  // picked(photograph), removed(photograph): called for its buttons
  constructor(list, picked, removed) {
    Object.assign(this, { list, picked, removed });
  }

  add(photograph) {
    const pick = make("button", "pick");
    pick.append(make("span", "blank"), make("span", "text", photograph.name, make("span", "ev", "…")));
    pick.addEventListener("click", () => this.picked(photograph));
    const remove = make("button", "remove", "×");
    remove.setAttribute("aria-label", `Remove ${photograph.name}`);
    remove.addEventListener("click", () => this.removed(photograph));
    photograph.item = document.createElement("li");
    photograph.item.append(pick, remove);
    this.list.append(photograph.item);
  }

  // The thumbnail and the exposure error, once they are known.
  update({ item, reduced, exposureError }) {
    const image = document.createElement("img");
    image.alt = "";
    image.src = URL.createObjectURL(reduced);
    image.addEventListener("load", () => URL.revokeObjectURL(image.src));
    item.querySelector(".blank").replaceWith(image);
    item.querySelector(".ev").textContent = `${exposureError < 0 ? "−" : "+"}${Math.abs(exposureError).toFixed(1)} EV`;
  }

  mark(shown) {
    for (const item of this.list.children) item.querySelector(".pick").setAttribute("aria-current", String(item === shown?.item));
    shown?.item.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  insert(photograph, index) {
    this.list.insertBefore(photograph.item, this.list.children[index] ?? null);
  }
}

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (tag === "button") element.type = "button";
  element.className = className;
  element.append(...children);
  return element;
}
