import { InvalidArgumentError } from "commander";

/** Reads the value of an option as `host:port` or `[v6]:port`; anything else is a usage error (exit status 2). */
export function hostPort(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || Number(match?.[3]) > 65_535) throw new InvalidArgumentError("host:port is wanted");
  return { host, port: Number(match?.[3]) };
}
