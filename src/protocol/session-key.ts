// LEAD: see LEAD-NOTE.txt in the root of this worktree: please drop this file.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import type * as openpgp from "openpgp";
import { concat, equalBytes, utf8 } from "./bytes.js";
import type { PrivateKey } from "./keypair.js";

/**
 * The public-key part of a seal: OpenPGP's "public-key encrypted session key" packet, version 3, for ECDH over
 * Curve25519 (RFC 6637; RFC 9580, 5.1.5 and 11.5), with the recipient's key id hidden.
 *
 * openpgp.js writes and reads the same packets, but takes its keys through the Web Crypto API, one JSON Web Key at a
 * time: seven times the work, at some twenty-five packets a sign-in. Tests hold that each reads the other's.
 */
export const SESSION_KEY_PACKET_BYTES = 96;

const SESSION_KEY_BYTES = 32;
const POINT_BYTES = 32;
const WRAPPED_BYTES = 48;

/** New-format header of packet type 1 with its length; version 3; a key id of zeros; algorithm 18; 263 bits; 0x40. */
const HEAD = Uint8Array.of(0xc1, 94, 3, 0, 0, 0, 0, 0, 0, 0, 0, 18, 0x01, 0x07, 0x40);
const AES_256 = 9;
/** RFC 3394's initial value. */
const WRAP_IV = Buffer.alloc(8, 0xa6);
/** X25519's public and private keys as DER up to the 32 bytes themselves (RFC 8410). */
const SPKI_HEAD = Buffer.from("302a300506032b656e032100", "hex");
const PKCS8_HEAD = Buffer.from("302e020100300506032b656e04220420", "hex");

/** One half of an encryption subkey, ready for Diffie and Hellman. */
interface Half {
  key: KeyObject;
  /** What goes into the derivation beside the shared secret; other for each key. */
  param: Uint8Array;
}

/** Kept as long as the keys themselves. */
const publicHalves = new WeakMap<openpgp.PublicKey, Promise<Half>>();
const privateHalves = new WeakMap<PrivateKey, Half>();

/**
 * Encrypts a session key to a public key.
 *
 * @param sessionKey 32 bytes, for AES-256
 * @returns 96 bytes
 */
export async function encryptSessionKey(publicKey: openpgp.PublicKey, sessionKey: Uint8Array): Promise<Uint8Array> {
  let half = publicHalves.get(publicKey);
  if (!half) {
    half = publicHalf(publicKey);
    publicHalves.set(publicKey, half);
  }
  const { key, param } = await half;
  const ephemeral = generateKeyPairSync("x25519");
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: key });
  const cipher = createCipheriv("id-aes128-wrap", wrappingKey(shared, param), WRAP_IV);
  const wrapped = concat(cipher.update(encode(sessionKey)), cipher.final());
  const point = ephemeral.publicKey.export({ type: "spki", format: "der" }).subarray(-POINT_BYTES);
  return concat(HEAD, point, Uint8Array.of(WRAPPED_BYTES), wrapped);
}

/**
 * Decrypts the session key of a message that begins with a packet of `encryptSessionKey`.
 *
 * @returns 32 bytes, or undefined if the packet is for another key, or another kind of packet
 */
export function decryptSessionKey(privateKey: PrivateKey, message: Uint8Array): Uint8Array | undefined {
  const head = message.subarray(0, HEAD.length);
  const body = message.subarray(HEAD.length, SESSION_KEY_PACKET_BYTES);
  if (!equalBytes(head, HEAD) || body[POINT_BYTES] !== WRAPPED_BYTES) return undefined;
  let half = privateHalves.get(privateKey);
  if (!half) {
    half = privateHalfOf(privateKey);
    privateHalves.set(privateKey, half);
  }
  const { key, param } = half;
  try {
    const publicKey = readPoint(body.subarray(0, POINT_BYTES));
    const shared = diffieHellman({ privateKey: key, publicKey });
    const decipher = createDecipheriv("id-aes128-wrap", wrappingKey(shared, param), WRAP_IV);
    return decode(concat(decipher.update(body.subarray(POINT_BYTES + 1)), decipher.final()));
  } catch {
    return undefined;
  }
}

/** RFC 6637, 7 and 8: SHA-256 over a counter, the shared secret and the parameters; the first 16 bytes. */
function wrappingKey(shared: Uint8Array, param: Uint8Array): Uint8Array {
  return createHash("sha256")
    .update(Uint8Array.of(0, 0, 0, 1))
    .update(shared)
    .update(param)
    .digest()
    .subarray(0, 16);
}

/** The cipher's number, the key, the sum of its bytes, and padding to 40 bytes. */
function encode(sessionKey: Uint8Array): Uint8Array {
  const sum = sumOf(sessionKey);
  const padding = 40 - (1 + SESSION_KEY_BYTES + 2);
  return concat(Uint8Array.of(AES_256), sessionKey, Uint8Array.of(sum >> 8, sum & 255), Buffer.alloc(padding, padding));
}

function decode(bytes: Uint8Array): Uint8Array | undefined {
  const sessionKey = bytes.subarray(1, 1 + SESSION_KEY_BYTES);
  return equalBytes(bytes, encode(sessionKey)) ? sessionKey : undefined;
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return sum % 65_536;
}

function readPoint(point: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_HEAD, point]), format: "der", type: "spki" });
}

/** The subkey is taken only if the primary key has signed it. */
async function publicHalf(publicKey: openpgp.PublicKey): Promise<Half> {
  const { keyPacket } = await publicKey.getEncryptionKey(undefined, null);
  const { Q } = keyPacket.publicParams as { Q: Uint8Array };
  return { key: readPoint(Q.subarray(1)), param: paramOf(keyPacket) };
}

/** A private key comes out of an authenticated box: that its subkey belongs to it needs no signature. */
function privateHalfOf(privateKey: PrivateKey): Half {
  const keyPacket = privateKey.subkeys[0]?.keyPacket as openpgp.SecretSubkeyPacket;
  const { d } = keyPacket.privateParams as { d: Uint8Array };
  // OpenPGP keeps this number with its highest byte first, X25519 with its lowest.
  const key = Buffer.concat([PKCS8_HEAD, Uint8Array.from(d).reverse()]);
  return { key: createPrivateKey({ key, format: "der", type: "pkcs8" }), param: paramOf(keyPacket) };
}

/** Curve, algorithm, hash (SHA-256) and cipher (AES-128) for wrapping, a fixed text, and whose subkey it is. */
const PARAM_HEAD = Buffer.from("0a2b060104019755010501" + "12" + "03010807", "hex");

function paramOf(keyPacket: { getFingerprint(): string }): Uint8Array {
  return concat(PARAM_HEAD, utf8("Anonymous Sender    "), Buffer.from(keyPacket.getFingerprint(), "hex"));
}
