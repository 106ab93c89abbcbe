// The console's own small questions to the server, beside the page's script: JSON out, JSON back.

/** Why a question failed, in the agent's words. */
export class Refused extends Error {}

async function answerOf(sending, texts) {
  let answer;
  try {
    answer = await sending;
  } catch {
    throw new Refused(texts["write.offline"]);
  }
  if (answer.status === 401) throw new Refused(texts["write.session"]);
  let said = null;
  try {
    said = await answer.json();
  } catch {
    // Not ours: a proxy's page, or nothing.
  }
  if (!answer.ok || said === null) throw new Refused(said?.error ?? texts["write.failed"]);
  return said;
}

/** Ask; resolves with the answer, rejects with Refused. */
export function ask(path, body, { locale, texts }, method = "POST") {
  const options = { method, cache: "no-store" };
  if (method !== "GET") {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  return answerOf(fetch(`/agent/${path}?lang=${encodeURIComponent(locale)}`, options), texts);
}

/** Send a form with a file; as `ask`. */
export function upload(path, fields, file, name, { locale, texts }) {
  const form = new FormData();
  for (const [key, value] of Object.entries(fields)) form.append(key, value);
  form.append("file", file, name);
  return answerOf(fetch(`/agent/${path}?lang=${encodeURIComponent(locale)}`, { method: "POST", body: form, cache: "no-store" }), texts);
}
