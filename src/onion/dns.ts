import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIP } from "node:net";
import dnsPacket, { type Answer, type DecodedPacket, type RecordType } from "dns-packet";

/** A configured resolver: where to ask. Its word on DNSSEC is taken, so the way to it has to be safe (loopback, VPN). */
export interface Resolver {
  host: string;
  port: number;
}

/** The answer to one question. */
export interface DnsAnswer {
  /** The resolver validated it with DNSSEC (the AD flag): also what is not there was proven not to be there. */
  validated: boolean;
  /** Of the type that was asked for; empty if there are none. */
  records: Answer[];
  /** How long it holds, as the records or the zone say. */
  ttlSeconds: number;
}

/** No usable answer: a timeout, SERVFAIL (which is also what forged signatures give), nonsense. Tells nothing. */
export class DnsFailure extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = "DnsFailure";
  }
}

const TRY_TIMEOUT_MS = 2000;
const UDP_TRIES = 2;
/** What fits into one unfragmented packet everywhere (DNS flag day 2020). */
const UDP_BYTES = 1232;
const DEFAULT_NEGATIVE_TTL_SECONDS = 300;

/**
 * Asks the resolver one question, over UDP and, for a truncated answer, over TCP.
 *
 * `node:dns` can't be used: it does not tell whether the answer was validated.
 *
 * @throws DnsFailure
 */
export async function askDns(resolver: Resolver, name: string, type: "SRV" | "TXT"): Promise<DnsAnswer> {
  const id = randomInt(65536);
  const query = dnsPacket.encode({
    type: "query",
    id,
    // AD in a question asks for AD in the answer (RFC 6840, 5.7).
    flags: dnsPacket.RECURSION_DESIRED | dnsPacket.AUTHENTIC_DATA,
    questions: [{ type, name }],
    additionals: [
      {
        type: "OPT",
        name: ".",
        udpPayloadSize: UDP_BYTES,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  });
  let packet = await overUdp(resolver, query, (candidate) => answers(candidate, id, name, type));
  if (packet.flag_tc) packet = await overTcp(resolver, query);
  if (!answers(packet, id, name, type)) throw new DnsFailure("an answer to another question");
  return interpret(packet, type);
}

function interpret(packet: DecodedPacket, type: RecordType): DnsAnswer {
  // Typed as the library has it: the name of the code, not its number.
  const rcode = (packet as unknown as { rcode: string }).rcode;
  if (rcode !== "NOERROR" && rcode !== "NXDOMAIN") throw new DnsFailure(rcode);
  const records = (packet.answers ?? []).filter((answer) => answer.type === type);
  const soa = (packet.authorities ?? []).find((authority) => authority.type === "SOA");
  const negative = soa?.type === "SOA" ? Math.min(soa.ttl ?? 0, soa.data.minimum ?? 0) : DEFAULT_NEGATIVE_TTL_SECONDS;
  const ttls = (packet.answers ?? []).map((answer) => ("ttl" in answer ? (answer.ttl ?? 0) : 0));
  return {
    validated: packet.flag_ad,
    records,
    ttlSeconds: records.length > 0 ? Math.min(...ttls) : negative,
  };
}

function answers(packet: DecodedPacket, id: number, name: string, type: RecordType): boolean {
  const question = packet.questions?.[0];
  return (
    packet.type === "response" &&
    packet.id === id &&
    question?.type === type &&
    question.name.toLowerCase() === name.toLowerCase()
  );
}

async function overUdp(
  resolver: Resolver,
  query: Buffer,
  isOurs: (packet: DecodedPacket) => boolean,
): Promise<DecodedPacket> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await onceOverUdp(resolver, query, isOurs);
    } catch (error) {
      if (attempt === UDP_TRIES) throw error;
    }
  }
}

function onceOverUdp(
  resolver: Resolver,
  query: Buffer,
  isOurs: (packet: DecodedPacket) => boolean,
): Promise<DecodedPacket> {
  return new Promise((resolve, reject) => {
    // Connected: the system drops what comes from anybody else, and tells when nobody listens there.
    const socket = createSocket(isIP(resolver.host) === 6 ? "udp6" : "udp4");
    const timer = setTimeout(() => done(new DnsFailure("the resolver does not answer")), TRY_TIMEOUT_MS);
    const done = (result: DecodedPacket | Error) => {
      clearTimeout(timer);
      socket.close();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    socket.on("error", (error) => done(new DnsFailure("the resolver can't be reached", { cause: error })));
    socket.on("message", (message) => {
      const packet = decode(message);
      // Wait on for the right one: a wrong one may be a forger's guess.
      if (packet !== undefined && isOurs(packet)) done(packet);
    });
    // Where there is no route, Node calls back with the error; its types don't say so.
    socket.connect(resolver.port, resolver.host, (error?: Error) => {
      if (error) done(new DnsFailure("the resolver can't be reached", { cause: error }));
      else socket.send(query);
    });
  });
}

function overTcp(resolver: Resolver, query: Buffer): Promise<DecodedPacket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...resolver });
    socket.setTimeout(TRY_TIMEOUT_MS * 2, () => socket.destroy(new Error("timeout")));
    let received = Buffer.alloc(0);
    socket.on("connect", () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.length);
      socket.write(Buffer.concat([length, query]));
    });
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const packet = decode(received.subarray(2, 2 + received.readUInt16BE(0)));
      if (packet !== undefined) resolve(packet);
      socket.destroy();
    });
    socket.on("error", () => undefined);
    // After an answer this changes nothing.
    socket.on("close", () => reject(new DnsFailure("the resolver does not answer over TCP")));
  });
}

function decode(message: Buffer): DecodedPacket | undefined {
  try {
    return dnsPacket.decode(message);
  } catch {
    return undefined;
  }
}
