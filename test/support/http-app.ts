import type { FastifyInstance } from "fastify";

interface Request {
  method: string;
  url: string;
  payload?: string;
  headers: Record<string, string>;
}

/** A running Kith as a `Visitor` sees it: requests go over HTTP. */
export function httpApp(origin: string): FastifyInstance {
  const inject = async ({ method, url, payload, headers }: Request) => {
    const body = payload === undefined ? {} : { body: payload };
    const answer = await fetch(new URL(url, origin), { method, headers, redirect: "manual", ...body });
    return {
      statusCode: answer.status,
      headers: Object.fromEntries(answer.headers),
      body: await answer.text(),
      cookies: answer.headers.getSetCookie().map(parseCookie),
    };
  };
  return { inject } as unknown as FastifyInstance;
}

function parseCookie(line: string) {
  const [pair = "", ...attributes] = line.split("; ");
  const at = pair.indexOf("=");
  const age = attributes.find((one) => /^max-age=/i.test(one))?.split("=")[1];
  const expires = attributes.find((one) => /^expires=/i.test(one))?.slice("expires=".length);
  return {
    name: pair.slice(0, at),
    value: decodeURIComponent(pair.slice(at + 1)),
    ...(age !== undefined && { maxAge: Number(age) }),
    ...(expires !== undefined && { expires: new Date(expires) }),
  };
}
