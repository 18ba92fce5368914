// The server makes few pictures ready at a time, and says when to ask again.

const USUAL_SECONDS = 5; // where the answer does not say, as that of a proxy may not

/** Fetch, and ask again for as long as the server puts it off. */
export async function fetchPatiently(address) {
  for (;;) {
    const response = await fetch(address);
    if (response.status !== 503) return response;
    const seconds = Number(response.headers.get("Retry-After")) || USUAL_SECONDS;
    await new Promise((resolve) => { setTimeout(resolve, 1000 * seconds); });
  }
}
