import { orderTargets, type Route } from "../route.js";

/** The service in Postfix's master.cf that speaks SMTP through Tor. */
export const POSTFIX_TRANSPORT = "smtptor";

/** What a transport map answers. The brackets keep Postfix from asking the DNS for an MX record of an onion. */
export function postfixNexthop(route: Route): string {
  const { targets } = route;
  if (targets.length === 1) return `${POSTFIX_TRANSPORT}:[${targets[0]!.onion}]:${targets[0]!.port}`;
  const hosts = orderTargets(targets).map((target) => `[${target.onion}]:${target.port}`);
  return `${POSTFIX_TRANSPORT}:${hosts.join(", ")}`;
}
