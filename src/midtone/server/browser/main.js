// The page without a server. The service worker keeps its files for the next visit, offline.

import { start } from "../page/app.js";
import { BrowserBackend } from "./backend.js";

start(new BrowserBackend());
navigator.serviceWorker?.register("service_worker.js").catch(() => {}); // the page works without
