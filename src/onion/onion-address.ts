import { createHash } from "node:crypto";

/** A version 3 onion address, lower case, with its `.onion`: 62 characters, checksum verified. */
export type OnionAddress = string & { readonly brand: "OnionAddress" };

/**
 * Why a text is not an onion address that can work.
 *
 * `version-2` has a name of its own: such addresses (16 characters) have been dead since 2021, and
 * public maps are still full of them, so whoever imports one should read what to do about it.
 */
export type OnionProblem = "version-2" | "not-an-onion" | "alphabet" | "version" | "checksum";

const CHECKSUM_LABEL = ".onion checksum";
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const KEY_BYTES = 32;
const CHECKSUM_BYTES = 2;
const VERSION = 3;

/**
 * Reads an onion address as people write it: any case, with or without `.onion`, with or without a
 * trailing dot. Subdomains of an onion are refused: they name a web page, not a mail server.
 *
 * @see rend-spec-v3, "Encoding onion addresses"
 */
export function parseOnion(text: string): { onion: OnionAddress } | { problem: OnionProblem } {
  const label = text
    .trim()
    .toLowerCase()
    .replace(/\.$/, "")
    .replace(/\.onion$/, "");
  if (/^[a-z2-7]{16}$/.test(label)) return { problem: "version-2" };
  if (label.length !== 56) return { problem: "not-an-onion" };
  if (!/^[a-z2-7]{56}$/.test(label)) return { problem: "alphabet" };
  const bytes = decodeBase32(label);
  const key = bytes.subarray(0, KEY_BYTES);
  if (bytes[KEY_BYTES + CHECKSUM_BYTES] !== VERSION) return { problem: "version" };
  if (!checksum(key).equals(bytes.subarray(KEY_BYTES, KEY_BYTES + CHECKSUM_BYTES))) return { problem: "checksum" };
  return { onion: `${label}.onion` as OnionAddress };
}

/** The address of a service key (32 bytes): what Tor writes into `hostname`. */
export function onionOfKey(key: Buffer): OnionAddress {
  const bytes = Buffer.concat([key, checksum(key), Buffer.of(VERSION)]);
  let label = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      label += ALPHABET[(held >> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return `${label}.onion` as OnionAddress;
}

/** One sentence for a terminal or a log: what is wrong and what to do. The page has its own words. */
export function explainOnionProblem(problem: OnionProblem): string {
  switch (problem) {
    case "version-2":
      return "a version 2 onion address (16 characters): these have been dead since 2021; ask for the new one";
    case "not-an-onion":
      return "not an onion address: 56 letters and digits before “.onion”";
    case "alphabet":
      return "an onion address has only the letters a–z and the digits 2–7";
    case "version":
      return "not a version 3 onion address: the last letters are wrong";
    case "checksum":
      return "the checksum is wrong: a letter is mistyped";
  }
}

function checksum(key: Uint8Array): Buffer {
  return createHash("sha3-256")
    .update(CHECKSUM_LABEL)
    .update(key)
    .update(Buffer.of(VERSION))
    .digest()
    .subarray(0, CHECKSUM_BYTES);
}

function decodeBase32(label: string): Buffer {
  const bytes = Buffer.alloc((label.length * 5) / 8);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const letter of label) {
    held = (held << 5) | ALPHABET.indexOf(letter);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  return bytes;
}
