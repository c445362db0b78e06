import { MARK, OTHER_HOST } from "./values.js";
import { type Answer, headerOf } from "./wire.js";

/** Markup that only somebody could have brought who sends requests: the quote or the bracket came back as it was. */
const REFLECTED = new RegExp(`<${MARK}|["'] ${MARK}=|(?:href|action|src)=["']?javascript:${MARK}`);
/** What the arithmetic in values comes to, if something evaluates it. */
const EVALUATED = /\b937370833\b/;
const COOKIE = /^(?:__Host-)?(?:session|visit|csrf|language|note)=[\w.~%-]*; .*HttpOnly/;

/**
 * What no answer may be, whatever was asked.
 *
 * @returns one word for each thing that is wrong
 */
export function faultsOf(answer: Answer): string[] {
  const { status, body } = answer;
  const faults: string[] = [];
  if (status >= 500) faults.push(`answered ${status}`);
  if (REFLECTED.test(body)) faults.push("markup came back");
  if (EVALUATED.test(body)) faults.push("a template was evaluated");
  if (body.includes('"dependencies"') || body.includes("root:x:0")) faults.push("a file came back");
  if (/ at \S+ \(?(?:file:|\/)\S+:\d+:\d+/.test(body) || /syntax error at or near|SQLSTATE/.test(body)) {
    faults.push("an error told its place");
  }
  for (const [name, value] of answer.headers) {
    if (name === "x-split") faults.push("a header was split");
    if (name === "set-cookie" && !COOKIE.test(value)) faults.push("an odd cookie was set");
  }
  const location = headerOf(answer, "location");
  if (location !== undefined && !/^\/(?![/\\])[\x21-\x7e]*$/.test(location)) faults.push("it leads elsewhere");
  if (status === 429 && !/^\d+$/.test(headerOf(answer, "retry-after") ?? "")) faults.push("429 without a time");
  const html = headerOf(answer, "content-type")?.startsWith("text/html");
  if (html && !headerOf(answer, "content-security-policy")?.includes("default-src 'none'")) faults.push("no policy");
  return faults;
}

/** Whether a link, form or header of the page leads to the host that a header named. */
export function followsHost(answer: Answer): boolean {
  const links = new RegExp(`(?:href|action|src)=["'](?:https?:)?//${OTHER_HOST}`);
  return links.test(answer.body) || answer.headers.some(([, value]) => value.startsWith(`http://${OTHER_HOST}`));
}

/** Whether the route itself answered somebody who is signed in, and not only what stands before it. */
export function isReached(route: string, answer: Answer): boolean {
  const { status } = answer;
  if (status !== 303) return (status >= 200 && status < 300) || status === 422;
  const open = ["POST /sign-out", "GET /sign-in/code", "POST /sign-in/code", "POST /sign-in"].includes(route);
  return open || !headerOf(answer, "location")?.startsWith("/sign-in");
}
