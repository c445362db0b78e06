import * as openpgp from "openpgp";
import { pad, unpad } from "./box.js";
import { OPENPGP_CONFIG, type PrivateKey, readPublicKey } from "./keypair.js";

/** Size classes of seals in bytes: how long a plaintext is after padding. */
export const SEAL_CLASSES = {
  /** an entry of the list of trusted people, a reset token, an invite edge, an approval, the rules of a case */
  small: 256,
  /** an event for a member, a private review key */
  medium: 1024,
  /** a self record: as long as fills three of PostgreSQL’s pages when it is sealed, and no part of a fourth (ADR 17) */
  large: 23797,
} as const;
export type SealClass = keyof typeof SEAL_CLASSES;

/** How long a seal of each class is, in bytes: always exactly this. */
export const SEALED_BYTES: Record<SealClass, number> = { small: 405, medium: 1173, large: 23952 };

/** Of a day that tells nothing: OpenPGP's literal packet wants a date. */
const NO_DATE = new Date(0);

/**
 * Seals to a public key: OpenPGP, no compression, the recipient's key id hidden, padded inside.
 *
 * The seal is anonymous: it does not tell for whom it is, and all seals of a class have the same length. It is not
 * signed: who may write a row is told by the row's tag.
 *
 * @param publicKey 555 bytes
 * @param plaintext at most the class's size less 4 bytes
 * @returns exactly `SEALED_BYTES[sealClass]` bytes
 * @throws ProtocolError `ERR_CLASS_OVERFLOW`
 */
export async function seal(publicKey: Uint8Array, plaintext: Uint8Array, sealClass: SealClass): Promise<Uint8Array> {
  const padded = pad(plaintext, SEAL_CLASSES[sealClass]);
  const encryptionKeys = await readPublicKey(publicKey);
  for (;;) {
    const sealed = await openpgp.encrypt({
      message: await openpgp.createMessage({ binary: padded, date: NO_DATE }),
      encryptionKeys,
      wildcard: true,
      format: "binary",
      // A key is valid from the first of its month; clocks of two instances may disagree about when that was.
      date: null as unknown as Date,
      config: OPENPGP_CONFIG,
    });
    if (sealed.length === SEALED_BYTES[sealClass]) return sealed;
  }
}

/** @returns the plaintext, or undefined; never says why */
export async function open(privateKey: PrivateKey, sealed: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    const { data } = await openpgp.decrypt({
      message: await openpgp.readMessage({ binaryMessage: sealed }),
      decryptionKeys: privateKey,
      format: "binary",
      date: null as unknown as Date,
      config: OPENPGP_CONFIG,
    });
    return unpad(data as Uint8Array);
  } catch {
    return undefined;
  }
}
