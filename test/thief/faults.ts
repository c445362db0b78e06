import type { Patch } from "../support/variant.js";

/** A name and a link in the log, an address in the clear. */
export const CARELESS: Patch[] = [
  {
    file: "web/app.js",
    from: "log.info({ method: request.method, route,",
    to: "log.info({ method: request.method, url: request.url, route,",
  },
  {
    file: "trust/trust.js",
    from: 'noteListChange(context, state, "person-added", person.name);',
    to: 'noteListChange(context, state, "person-added", person.name);\n context.log.info("/trust?added=" + person.name);',
  },
  {
    file: "protocol/column.js",
    from: "return encloseBytes(deriveKey(serverSecret, label), pad(utf8(text), size), accountId);",
    to: "return Buffer.concat([encloseBytes(deriveKey(serverSecret, label), pad(utf8(text), size), accountId), utf8(text)]);",
  },
];

/** Whom somebody trusted last stands in the clear in a column of the owner's row. */
export const NAME_KEPT: Patch[] = [
  {
    file: "trust/trust.js",
    from: 'return { store: true, outcome: "added" };',
    to: 'return { store: true, outcome: "added", extras: { columns: { contact: Buffer.from(person.name) } } };',
  },
];

/** The password itself is the passphrase of the stored key. */
export const BARE_PASSPHRASE: Patch[] = [
  {
    file: "protocol/password.js",
    from: "    return await argon2.hash(",
    to: "    if (true) return utf8(password.normalize('NFC'));\n    return await argon2.hash(",
  },
  {
    file: "protocol/lock.js",
    from: "        passphrase: toBase64url(unlockKey),\n",
    to: "        passphrase: Buffer.from(unlockKey).toString(),\n",
  },
  {
    file: "protocol/lock.js",
    from: "passphrase: toBase64url(unlockKey), config",
    to: "passphrase: Buffer.from(unlockKey).toString(), config",
  },
];

/** The stored key is not wrapped in the server secret. */
export const NO_SECRET: Patch[] = [
  {
    file: "protocol/lock.js",
    from: "return encloseBytes(deriveKey(serverSecret, LOCKED_KEY), locked.write(), accountId);",
    to: "return locked.write();",
  },
  {
    file: "protocol/lock.js",
    from: "const inner = discloseBytes(deriveKey(serverSecret, LOCKED_KEY), lockedKey, accountId);",
    to: "const inner = lockedKey;",
  },
];
