// Sentences about what went wrong, above the photograph; each goes away after a while.

const SECONDS = 12;
const MAX_SHOWN = 3;

export class Notices {
  constructor(list) {
    this.list = list;
  }

  show(sentence) {
    const notice = document.createElement("p");
    const text = document.createElement("span");
    text.textContent = sentence;
    const close = document.createElement("button");
    Object.assign(close, { type: "button", textContent: "×" });
    close.setAttribute("aria-label", "Dismiss");
    close.addEventListener("click", () => notice.remove());
    notice.append(text, close);
    this.list.append(notice);
    while (this.list.children.length > MAX_SHOWN) this.list.firstElementChild.remove();
    // It stays while it is read: under the pointer or with the focus in it.
    const expire = () => (notice.matches(":hover, :focus-within") ? setTimeout(expire, 1000) : notice.remove());
    setTimeout(expire, 1000 * SECONDS);
  }
}
