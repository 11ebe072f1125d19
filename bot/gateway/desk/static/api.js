/** Asking the server: JSON in and out, with the session's token against forged requests. */

const BASE = "/desk/api";

/** Why the server did not do it: `code` as it says, `offline` if it was not reached. */
export class ApiError extends Error {
  /** @param {number} status @param {string} code @param {Record<string, any>} [told] */
  constructor(status, code, told = {}) {
    super(code);
    this.status = status;
    this.code = code;
    this.told = told;
  }
}

let csrf = "";
/** @type {() => void} */
let onExpired = () => {};

/** @param {string} token */
export function useToken(token) {
  csrf = token;
}

/** What happens when the session is over. @param {() => void} then */
export function whenExpired(then) {
  onExpired = then;
}

/** @param {Record<string, string | number | null | undefined | false>} parts */
export function query(parts) {
  const filled = Object.entries(parts).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const search = new URLSearchParams(filled.map(([name, value]) => [name, `${value}`]));
  return `${search}` && `?${search}`;
}

/** @param {string} path @param {AbortSignal} [signal] */
export const get = (path, signal) => call("GET", path, undefined, signal);

/** @param {string} path @param {object} [body] */
export const post = (path, body = {}) => call("POST", path, body);

/** @param {string} path @param {object} [body] */
export const remove = (path, body) => call("DELETE", path, body);

/** The address of something that the browser itself fetches. @param {string} path */
export const address = (path) => BASE + path;

/**
 * Hand a file in.
 * @param {string} path @param {File} file
 * @returns {Promise<{file: import("./types.js").FileRef}>}
 */
export function upload(path, file) {
  return send("POST", path, file, {
    "X-File-Name": encodeURIComponent(file.name),
    "Content-Type": "application/octet-stream",
  });
}

/**
 * @param {string} method @param {string} path @param {object} [body] @param {AbortSignal} [signal]
 * @returns {Promise<any>} What the server says. Rejects with ApiError.
 */
function call(method, path, body, signal) {
  /** @type {Record<string, string>} */
  const headers = body ? { "Content-Type": "application/json" } : {};
  return send(method, path, body && JSON.stringify(body), headers, signal);
}

/**
 * @param {string} method @param {string} path @param {BodyInit | undefined} body
 * @param {Record<string, string>} headers @param {AbortSignal} [signal]
 */
async function send(method, path, body, headers, signal) {
  const guarded = method === "GET" ? headers : { ...headers, "X-CSRF": csrf };
  let response;
  try {
    response = await fetch(BASE + path, { method, body, headers: guarded, signal, credentials: "same-origin" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "offline");
  }
  const told = await response.json().catch(() => ({}));
  if (response.ok) return told;
  const code = typeof told.error === "string" ? told.error : `http_${response.status}`;
  if (response.status === 401 && !["wrong", "code_needed"].includes(code)) onExpired();
  throw new ApiError(response.status, code, told);
}
