// Keeps the page's files for offline use. The command that builds the page puts VERSION (of all files),
// FILES (fetched at once), LATER (kept when they are first used) and POLICY above.

self.addEventListener("install", (event) => {
  const requests = FILES.map((name) => new Request(name, { cache: "no-cache" })); // all of one version
  event.waitUntil(caches.open(VERSION).then((cache) => cache.addAll(requests)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name.startsWith("midtone-") && name !== VERSION).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  const scope = new URL(self.registration.scope);
  const name = pathname.slice(scope.pathname.length) || "index.html";
  if (origin === scope.origin && [...FILES, ...LATER].includes(name)) event.respondWith(respond(name));
});

async function respond(name) {
  const cache = await caches.open(VERSION);
  let response = await cache.match(name);
  if (!response) {
    response = await fetch(name);
    if (response.ok) await cache.put(name, response.clone());
  }
  // Workers have a policy of their own; isolated pages may use threads.
  const headers = new Headers(response.headers);
  headers.set("Content-Security-Policy", POLICY);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
