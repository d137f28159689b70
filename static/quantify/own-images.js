// Redoc asks its maker's host for a logo. Images come from this server, or not at all.
const image = HTMLImageElement.prototype;
const src = Object.getOwnPropertyDescriptor(image, "src");
Object.defineProperty(image, "src", {
  ...src,
  set(value) {
    const url = new URL(value, location.href);
    if (!url.protocol.startsWith("http") || url.origin === location.origin) {
      src.set.call(this, value);
    }
  },
});
image.setAttribute = function (name, value) {
  if (name === "src") this.src = value;
  else Element.prototype.setAttribute.call(this, name, value);
};
