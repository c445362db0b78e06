import { randomUUID } from "node:crypto";
import type { Kysely } from "kysely";
import type { Context } from "../context.js";
import { dayOf, monthOf, monthStart } from "../days.js";
import type { Database } from "../db/schema.js";
import { grantedToEverybody, noteGrantedToAll } from "../invites/granted.js";
import type { Person } from "../people/people.js";
import { personRow, readPersonAsWriter } from "../people/people.js";
import { toBase64url } from "../protocol/bytes.js";
import { sealColumn } from "../protocol/column.js";
import { emptyEscrow } from "../protocol/escrow.js";
import { newGeneration, newSessionEpoch } from "../protocol/generation.js";
import { makeKeypair, readPrivateKey } from "../protocol/keypair.js";
import { lockPrivateKey } from "../protocol/lock.js";
import { formatParameters, newSalt } from "../protocol/password.js";
import { regenerate } from "../protocol/relation.js";
import { newSelfRecord, sealSelfRecord } from "../protocol/self-record.js";
import { type AccountRow, tagged } from "./account.js";
import { insertAccount, isNameTaken } from "./queries.js";
import { makeSession, sessionOwner } from "./sessions.js";
import { addEntry, type TrustedPerson } from "./state.js";

export interface Joining {
  username: string;
  domain: string;
  password: string;
  role: AccountRow["role"];
  /** Put into the first slot, if there is one. */
  trusted: Person | undefined;
  /** Makes the sealed edge of the invite tree. */
  edge: (accountId: string) => Promise<Uint8Array>;
  /** Asked once more right before it is spent: the password may have waited long to be hashed. */
  isGood: () => Promise<boolean>;
  /** Makes the row that spends the letter. */
  spend: (accountId: string) => { nonce_hash: Uint8Array; invitee: Uint8Array };
  language: string;
  client: string;
  /**
   * For the first admin, whose letter is good for nothing once there is an admin: what is stored together with the
   * account.
   */
  founding?: (
    db: Kysely<Database>,
    founder: { id: string; publicKey: Uint8Array; fingerprint: Uint8Array },
  ) => Promise<void>;
}

/**
 * Makes an account with everything it will ever have, decoys included, and a session for it; spends the letter in
 * the same statement.
 *
 * @returns `"taken"` if the name is somebody's, `"spent"` if the letter was redeemed a moment before or is good no longer, `"has-admin"` if
 * there was to be none yet
 * @throws BusyError if too many are waiting
 */
export async function createAccount(
  context: Context,
  joining: Joining,
): Promise<{ account: AccountRow; cookie: string } | "taken" | "spent" | "has-admin"> {
  const { config, secret } = context;
  // Looked at before it costs an Argon2id run; the statement that writes is what decides.
  if (await isNameTaken(context.db, joining.domain, joining.username)) return "taken";
  const now = context.clock();
  const id = randomUUID();
  const salt = newSalt();
  const [unlockKey, pair] = await Promise.all([
    context.hashing.unlockKey(joining.password, salt, config.argon2),
    makeKeypair(id, monthStart(now)),
  ]);
  const privateKey = await readPrivateKey(pair.privateKey);
  const generation = newGeneration();
  const record = newSelfRecord(dayOf(now), config.invitesPerMember);
  noteGrantedToAll(record, await grantedToEverybody(context));
  record.events.push({ kind: "joined", day: dayOf(now) });
  const slots = {
    rowIds: Array.from({ length: config.trustSlots }, () => randomUUID()),
    trusted: [] as TrustedPerson[],
  };
  if (joining.trusted) addEntry(slots, joining.trusted, monthOf(now));

  record.trusted = slots.trusted.map(({ person: _person, standing: _standing, ...entry }) => entry);

  const epoch = { id, session_epoch: newSessionEpoch() } as AccountRow;
  const session = makeSession(context, {
    ...sessionOwner(epoch, privateKey),
    stage: "full",
    client: joining.client,
  });
  record.sessions.push({ id: toBase64url(session.row.id), client: joining.client, since: dayOf(now) });

  const [{ rows }, selfRecord, lockedKey, edge] = await Promise.all([
    regenerate({
      serverSecret: secret,
      accountId: id,
      publicKey: pair.publicKey,
      privateKey: pair.privateKey,
      generation,
      rowIds: slots.rowIds,
      rules: record.rules,
      entries: slots.trusted.map((entry) => ({ ...entry, trustedKey: entry.person?.publicKey })),
      nobody: context.nobody,
    }),
    sealSelfRecord(pair.publicKey, record),
    lockPrivateKey(privateKey, unlockKey, secret, id),
    joining.edge(id),
  ]);
  const account = tagged(context, {
    id,
    username: joining.username,
    domain: joining.domain,
    status: "active",
    role: joining.role,
    frozen: "nothing",
    granted: 0,
    fingerprint: pair.fingerprint,
    locked_key: lockedKey,
    salt,
    parameters: formatParameters(config.argon2),
    generation,
    session_epoch: epoch.session_epoch,
    self_record: selfRecord,
    escrow: emptyEscrow(),
    second_step: sealColumn(secret, "second step", id, ""),
    edge,
    contact: sealColumn(secret, "contact", id, ""),
    language: joining.language,
    people_version: 1,
  });
  const person = personRow(secret, {
    account_id: id,
    version: 1,
    username: account.username,
    domain: account.domain,
    public_key: pair.publicKey,
    fingerprint: pair.fingerprint,
    status: "active",
    reset_mark: 0,
  });
  if (!(await joining.isGood())) return "spent";
  try {
    const row = { account, relations: rows, person, session: session.row, spent: joining.spend(id) };
    const { founding } = joining;
    const founder = { id, publicKey: pair.publicKey, fingerprint: pair.fingerprint };
    const inserted = await insertAccount(context.db, row, founding && ((db) => founding(db, founder)));
    if (inserted !== "written") return inserted;
  } catch (error) {
    const { code, constraint } = error as { code?: string; constraint?: string };
    if (code === "23505" && constraint === "accounts_name") return "taken";
    if (code === "23505" && constraint === "spent_invites_pkey") return "spent";
    throw error;
  }
  await readPersonAsWriter(context, id);
  return { account, cookie: session.cookie };
}
