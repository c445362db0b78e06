import { LRUCache } from "lru-cache";
import * as openpgp from "openpgp";
import { toBase64url } from "./bytes.js";
import { ProtocolError } from "./errors.js";

/** Lengths of every keypair's two halves, in bytes, as OpenPGP binary without a passphrase. */
export const PRIVATE_KEY_BYTES = 629;
export const PUBLIC_KEY_BYTES = 555;
export const FINGERPRINT_BYTES = 20;

/**
 * One set of preferences for everybody, so that a key tells nothing but itself; no AEAD packets, which GnuPG
 * does not read; the smallest S2K count, since every passphrase in here already has 256 bits.
 */
export const OPENPGP_CONFIG: Partial<openpgp.Config> = {
  aeadProtect: false,
  v6Keys: false,
  preferredCompressionAlgorithm: openpgp.enums.compression.uncompressed,
  preferredSymmetricAlgorithm: openpgp.enums.symmetric.aes256,
  preferredHashAlgorithm: openpgp.enums.hash.sha256,
  s2kType: openpgp.enums.s2k.iterated,
  s2kIterationCountByte: 0,
  showVersion: false,
  showComment: false,
};

/** An account's keypair: both halves as OpenPGP binary, the private one without a passphrase. */
export interface Keypair {
  /** 629 bytes */
  privateKey: Uint8Array;
  /** 555 bytes */
  publicKey: Uint8Array;
  /** 20 bytes */
  fingerprint: Uint8Array;
}

/**
 * Makes an OpenPGP v4 keypair, Ed25519 and Curve25519 (algorithm ids 22 and 18, which every GnuPG reads).
 *
 * All keypairs have the same length, type and preferences, and say nothing of their owner but a random id and
 * the month of making.
 *
 * @param userId the account's random id
 * @param month first day of the month of making, midnight UTC
 */
export async function makeKeypair(userId: string, month: Date): Promise<Keypair> {
  for (;;) {
    const { privateKey, publicKey } = await openpgp.generateKey({
      type: "ecc",
      curve: "curve25519Legacy",
      userIDs: [{ name: userId }],
      date: month,
      format: "object",
      config: OPENPGP_CONFIG,
    });
    const pair = {
      privateKey: privateKey.write(),
      publicKey: publicKey.write(),
      fingerprint: Buffer.from(publicKey.getFingerprint(), "hex"),
    };
    // A number with leading zeros is written shorter (about 1 key in 40): make another one.
    if (pair.privateKey.length === PRIVATE_KEY_BYTES && pair.publicKey.length === PUBLIC_KEY_BYTES) return pair;
  }
}

/** Reading a key anew costs as much as an encryption; public keys are nobody's secret, so they are kept, bounded. */
const parsedPublicKeys = new LRUCache<string, openpgp.PublicKey>({ max: 2_000 });

/** @throws ProtocolError `ERR_ENCODING` if these are not the bytes of a public key */
export async function readPublicKey(publicKey: Uint8Array): Promise<openpgp.PublicKey> {
  const name = toBase64url(publicKey);
  const known = parsedPublicKeys.get(name);
  if (known) return known;
  const key = await openpgp.readKey({ binaryKey: publicKey, config: OPENPGP_CONFIG }).catch(() => undefined);
  if (!key || key.isPrivate()) throw new ProtocolError("ERR_ENCODING", "Not a public key.");
  await key.getEncryptionKey(undefined, ANY_DATE).catch(() => undefined);
  parsedPublicKeys.set(name, key);
  return key;
}

/** A private key that has been read once, for the length of one request. */
export type PrivateKey = openpgp.PrivateKey;

/** @throws ProtocolError `ERR_ENCODING` if these are not the bytes of an unlocked private key */
export async function readPrivateKey(privateKey: Uint8Array): Promise<PrivateKey> {
  const key = await openpgp.readPrivateKey({ binaryKey: privateKey, config: OPENPGP_CONFIG }).catch(() => undefined);
  if (!key?.isDecrypted()) throw new ProtocolError("ERR_ENCODING", "Not an unlocked private key.");
  return await checkOnce(key);
}

/** Every moment is a good one: a key is valid from the first of its month, and clocks of two instances may differ. */
const ANY_DATE = null as unknown as Date;

/**
 * Has openpgp.js check a key's own signatures, whose outcome it remembers in the key: eight messages that are opened at
 * once would each check them.
 */
export async function checkOnce(key: PrivateKey): Promise<PrivateKey> {
  await key.getDecryptionKeys(undefined, ANY_DATE).catch(() => undefined);
  return key;
}

export function fingerprintOf(key: openpgp.Key): Uint8Array {
  return Buffer.from(key.getFingerprint(), "hex");
}

/** The public half: 555 bytes. */
export function publicHalf(key: PrivateKey): Uint8Array {
  return key.toPublic().write();
}

/** The month in which a key was made, as its first day. */
export async function keyMonth(publicKey: Uint8Array): Promise<Date> {
  return (await readPublicKey(publicKey)).getCreationTime();
}
