import { readPublicKey } from "#kith/protocol/keypair.js";
import type { Blob, Dump } from "./dump.js";

/** What an OpenPGP message shows of itself to somebody without a key. */
export interface Layout {
  /** Tags, lengths, versions, algorithms: everything but what is random. */
  text: string;
  /** Of each recipient: the random point of its key exchange. */
  points: Buffer[];
}

/** Reads the packets of a message without any key. @throws if they are not what a seal is made of */
export function layoutOf(bytes: Buffer): Layout {
  const parts: string[] = [];
  const points: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const { tag, length, head } = packetHead(bytes, at);
    const body = bytes.subarray(at + head, at + head + length);
    if (tag === 1) {
      const bits = body.readUInt16BE(10);
      const pointBytes = Math.ceil(bits / 8);
      const point = body.subarray(12, 12 + pointBytes);
      points.push(point);
      const wrapped = body.subarray(12 + pointBytes);
      parts.push(
        `PKESK ${head}+${length} version ${body[0]} recipient ${body.subarray(1, 9).toString("hex")} algorithm ${body[9]}` +
          ` point ${bits} bits from ${point[0]} wrapped ${wrapped[0]} of ${wrapped.length - 1}`,
      );
    } else if (tag === 18) parts.push(`SEIPD ${head}+${length} version ${body[0]}`);
    else throw new Error(`a packet of tag ${tag}`);
    at += head + length;
  }
  if (at !== bytes.length) throw new Error("the last packet is cut off");
  return { text: parts.join("; "), points };
}

/** A new-format header (RFC 9580, 4.2.1): how long it is, of what and how long the body. */
function packetHead(bytes: Buffer, at: number): { tag: number; length: number; head: number } {
  const first = bytes[at] as number;
  if ((first & 0xc0) !== 0xc0) throw new Error("no packet of the new format");
  const one = bytes[at + 1] as number;
  const tag = first & 0x3f;
  if (one < 192) return { tag, length: one, head: 2 };
  if (one < 224) return { tag, length: (one - 192) * 256 + (bytes[at + 2] as number) + 192, head: 3 };
  if (one === 255) return { tag, length: bytes.readUInt32BE(at + 2), head: 6 };
  throw new Error("a body in parts");
}

/** Something that stands for one person in whatever contains it. */
export interface Mark {
  of: string;
  bytes: Buffer;
}

/** Ids, key ids, fingerprints, key material and names of everybody in these dumps. */
export async function marksOf(dumps: readonly Dump[]): Promise<Mark[]> {
  const marks: Mark[] = [];
  for (const row of dumps.flatMap((tables) => tables.people ?? [])) {
    const of = String(row.username);
    const add = (what: string, bytes: Buffer) => marks.push({ of: `${what} of ${of || "a decoy"}`, bytes });
    add("id", Buffer.from(String(row.account_id).replaceAll("-", ""), "hex"));
    add("id in text", Buffer.from(String(row.account_id)));
    if (row.status === "decoy") continue;
    if (of) add("name", Buffer.from(`${of}@localhost`));
    add("fingerprint", row.fingerprint as Buffer);
    const key = await readPublicKey(row.public_key as Buffer);
    for (const id of key.getKeyIDs()) add("key id", Buffer.from(id.toHex(), "hex"));
    for (const one of key.getKeys()) {
      add("fingerprint", Buffer.from(one.getFingerprint(), "hex"));
      add("public point", pointOf(one.keyPacket.publicParams));
    }
  }
  return marks;
}

/** Without the byte that says how it is written. */
function pointOf(parameters: unknown): Buffer {
  const { Q } = parameters as { Q: Uint8Array };
  return Buffer.from(Q).subarray(1);
}

/** Which marks stand in a blob. */
export function marksIn(blob: Pick<Blob, "bytes">, marks: readonly Mark[]): string[] {
  return marks.filter(({ bytes }) => blob.bytes.includes(bytes)).map(({ of }) => of);
}

/** Which of the bytes are the same in all of these. */
export function constantBytes(values: readonly Buffer[]): number[] {
  const [first, ...others] = values;
  if (!first) return [];
  return [...first.keys()].filter((at) => others.every((value) => value[at] === first[at]));
}
