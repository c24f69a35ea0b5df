// The page of `midtone serve`.

import { ServerBackend } from "./api.js";
import { start } from "./app.js";

start(new ServerBackend());
