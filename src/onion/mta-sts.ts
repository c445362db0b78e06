import { request } from "node:https";
import { connect as connectTls } from "node:tls";
import { askDns, DnsFailure, type Resolver } from "./dns.js";
import type { Domain } from "./domain.js";
import { connectThroughTor } from "./socks.js";

const TIMEOUT_MS = 20_000;
/** RFC 8461, 3.2: at least 64 kilobytes may be refused beyond. */
const MAX_POLICY_BYTES = 65_536;

/**
 * Whether a domain has promised by MTA-STS to be reachable only over verified TLS. A forged SRV record would get around
 * that promise, so a plain entry of such a domain is worth a warning.
 *
 * The policy is fetched through Tor: the open net need not learn whom mail is sent to.
 *
 * @param ca certificates to trust, for tests; the usual ones by default
 * @returns `unknown` if there is a policy that could not be read
 * @see RFC 8461
 */
export async function policyAtRisk(
  resolver: Resolver,
  tor: { host: string; port: number },
  domain: Domain,
  ca?: string,
): Promise<"enforce" | "unknown" | "none"> {
  try {
    const { records } = await askDns(resolver, `_mta-sts.${domain}`, "TXT");
    const texts = records.map((record) => (record.type === "TXT" ? [record.data].flat().join("") : ""));
    if (!texts.some((text) => /^v=STSv1\s*;/.test(text))) return "none";
  } catch (error) {
    if (error instanceof DnsFailure) return "unknown";
    throw error;
  }
  try {
    const policy = await fetchPolicy(tor, domain, ca);
    return /^mode:[ \t]*enforce[ \t]*\r?$/m.test(policy) ? "enforce" : "none";
  } catch {
    return "unknown";
  }
}

async function fetchPolicy(
  tor: { host: string; port: number },
  domain: Domain,
  ca: string | undefined,
): Promise<string> {
  const host = `mta-sts.${domain}`;
  const socket = await connectThroughTor(tor, host, 443, TIMEOUT_MS);
  const tls = connectTls({ socket, servername: host, ...(ca === undefined ? {} : { ca }) });
  try {
    return await new Promise<string>((resolve, reject) => {
      tls.on("error", reject);
      const asked = request(
        {
          host,
          // With a connection of its own Node takes the port for 80, and says so in the Host header.
          defaultPort: 443,
          path: "/.well-known/mta-sts.txt",
          createConnection: () => tls,
          signal: AbortSignal.timeout(TIMEOUT_MS),
        },
        (response) => {
          // A redirect must not be followed (RFC 8461, 3.3).
          if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
          let body = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => {
            body += chunk;
            if (body.length > MAX_POLICY_BYTES) response.destroy(new Error("too long"));
          });
          response.on("end", () => resolve(body));
          response.on("error", reject);
        },
      );
      asked.on("error", reject);
      asked.end();
    });
  } finally {
    tls.destroy();
  }
}
