// The server's HTTP API.

const TRIES = 30;

async function post(address, body, name, parameters) {
  const query = new URLSearchParams(parameters);
  for (let tried = 1; ; tried++) {
    let answer;
    try {
      answer = await fetch(`api/${address}?${query}`, {
        method: "POST",
        body,
        // Header values are Latin-1; the name matters for its suffix and for messages.
        headers: { "X-File-Name": name.replace(/[^\x20-\x7e]/g, "_") },
      });
    } catch {
      throw new Error("the server cannot be reached");
    }
    if (answer.ok) return answer;
    if (answer.status === 503 && tried < TRIES) {
      const seconds = Number(answer.headers.get("Retry-After")) || 1;
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
      continue;
    }
    const { error } = await answer.json().catch(() => ({}));
    throw new Error(error ?? `the server answered ${answer.status}`);
  }
}

export const plan = async (body, name, parameters) => (await post("plan", body, name, parameters)).json();

export const correct = async (body, name, parameters) => (await post("correct", body, name, parameters)).blob();

export async function about() {
  return (await fetch("api/models")).json();
}
