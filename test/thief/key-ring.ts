import assert from "node:assert/strict";
import { findAccountByName } from "#kith/accounts/account.js";
import { toHex } from "#kith/protocol/bytes.js";
import { fingerprintOf, type PrivateKey, readPrivateKey } from "#kith/protocol/keypair.js";
import { unlockPrivateKey } from "#kith/protocol/lock.js";
import { deriveUnlockKey, parseParameters } from "#kith/protocol/password.js";
import { openGrant, readRecoveryPhrase, unlockRecoveryKey } from "#kith/protocol/review.js";
import { type Place, passwordOf } from "../support/app.js";

export interface HeldKey {
  /** `ada 1`, `ada 2` after a new key, `pending ada`, `review 1`, `recovery`. */
  label: string;
  key: PrivateKey;
}

/** Every private key that anybody in a community ever had, by way of their passwords. */
export class KeyRing {
  readonly keys: HeldKey[] = [];
  private readonly known = new Set<string>();

  constructor(private readonly place: Place) {}

  of(label: string): PrivateKey {
    const held = this.keys.find((one) => one.label === label);
    assert.ok(held, `there is a key of ${label}`);
    return held.key;
  }

  private add(label: string, key: PrivateKey): void {
    const fingerprint = toHex(fingerprintOf(key));
    if (this.known.has(fingerprint)) return;
    this.known.add(fingerprint);
    this.keys.push({ label, key });
  }

  /** An account's present key; a new number if it is another than before. */
  async take(username: string, version = 1): Promise<void> {
    const account = await this.accountOf(username);
    const key = await this.unlock(account.locked_key, account, passwordOf(username, version));
    const earlier = this.keys.filter(({ label }) => label.startsWith(`${username} `)).length;
    this.add(`${username} ${earlier + 1}`, key);
  }

  /** The key of a case of this account, from its new password. */
  async takePending(username: string, version = 2): Promise<void> {
    const account = await this.accountOf(username);
    const { db } = this.place.context;
    const cases = await db.selectFrom("reset_cases").selectAll().where("trusting_id", "=", account.id).execute();
    const locked = cases.find(({ pending_locked_key }) => pending_locked_key !== null)?.pending_locked_key;
    assert.ok(locked, `${username} has chosen a password`);
    this.add(`pending ${username}`, await this.unlock(locked, account, passwordOf(username, version)));
  }

  /** All review keys, which this admin opens. */
  async takeReview(admin: string): Promise<void> {
    const { db } = this.place.context;
    const account = await this.accountOf(admin);
    const own = this.keys.findLast(({ label }) => label.startsWith(`${admin} `))?.key as PrivateKey;
    const grants = await db.selectFrom("review_grants").selectAll().where("account_id", "=", account.id).execute();
    const keys = await db.selectFrom("review_keys").selectAll().execute();
    for (const grant of grants) {
      const row = keys.find(({ id }) => id === grant.review_key_id);
      const opened = row && (await openGrant(own, grant.sealed, row.fingerprint));
      assert.ok(opened, `${admin} opens the grant`);
      this.add(`review ${row.number}`, opened.reviewKey);
    }
  }

  async takeRecovery(phrase: string): Promise<void> {
    const row = await this.place.context.db.selectFrom("review_recovery").selectAll().executeTakeFirstOrThrow();
    const { secret } = this.place.context;
    const bytes = unlockRecoveryKey(readRecoveryPhrase(phrase) as Uint8Array, row.locked_key, secret, row.id);
    this.add("recovery", await readPrivateKey(bytes as Uint8Array));
  }

  private async accountOf(username: string) {
    const account = await findAccountByName(this.place.context, "localhost", username);
    assert.ok(account, `there is an account ${username}`);
    return account;
  }

  private async unlock(
    locked: Uint8Array,
    account: { id: string; salt: Uint8Array; parameters: string },
    password: string,
  ): Promise<PrivateKey> {
    const parameters = parseParameters(account.parameters);
    assert.ok(parameters);
    const unlockKey = await deriveUnlockKey(password, account.salt, parameters);
    const key = await unlockPrivateKey(locked, unlockKey, this.place.context.secret, account.id);
    assert.ok(key, "the password opens the key");
    return key;
  }
}
