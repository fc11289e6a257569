"use strict";

const docs = document.getElementById("docs");
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);

dark.addEventListener("change", follow);
follow();
SwaggerUIBundle({
  url: docs.dataset.url,
  domNode: docs,
  deepLinking: true,
  tryItOutEnabled: true,
  requestInterceptor: (request) => {
    request.headers["X-CSRF-Token"] = docs.dataset.csrf;
    return request;
  },
});
