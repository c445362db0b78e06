import type pg from "pg";

/** Columns of bytes that hold OpenPGP seals: each of them is tried with every key. */
export const SEALS = [
  "accounts.self_record",
  "accounts.edge",
  "relations.sealed_trusted",
  "relations.sealed_token",
  "reset_cases.rules",
  "approvals.sealed",
  "review_keys.previous",
  "review_grants.sealed",
  "review_notes.sealed_key",
  "admin_acts.sealed",
  "admin_act_persons.sealed",
  "events.sealed",
] as const;

/** Columns of bytes that hold none, and why. */
export const NO_SEALS: Record<string, string> = {
  "accounts.fingerprint": "the fingerprint of a key that everybody may see",
  "accounts.locked_key": "AES-256-GCM under the server secret, then under the password",
  "accounts.salt": "random",
  "accounts.generation": "random",
  "accounts.session_epoch": "random",
  "accounts.escrow": "AES-256-GCM under a key that is split among trusted people, or random",
  "accounts.second_step": "AES-256-GCM under the server secret",
  "accounts.contact": "AES-256-GCM under the server secret",
  "accounts.tag": "HMAC under the server secret",
  "people.public_key": "a public key",
  "people.fingerprint": "the fingerprint of a key that everybody may see",
  "people.tag": "HMAC under the server secret",
  "relations.generation": "random",
  "relations.token_hash": "SHA-256 of a random token, or random",
  "relations.tag": "HMAC under the server secret",
  "reset_cases.generation": "random",
  "reset_cases.link_hash": "SHA-256 of a random link, or random",
  "reset_cases.pending_public_key": "the public key of somebody who is not in yet",
  "reset_cases.pending_locked_key": "AES-256-GCM under the server secret, then under the password",
  "reset_cases.tag": "HMAC under the server secret",
  "approvals.generation": "random",
  "approvals.tag": "HMAC under the server secret",
  "left_sessions.mark": "HMAC under a private key, or random",
  "sessions.id": "HKDF of a cookie",
  "sessions.sealed": "AES-256-GCM under a cookie",
  "spent_invites.nonce_hash": "SHA-256 of a random nonce",
  "spent_invites.invitee": "AES-256-GCM under that nonce",
  "review_keys.public_key": "a public key",
  "review_keys.fingerprint": "the fingerprint of a review key",
  "review_keys.tag": "HMAC under the server secret",
  "review_grants.fingerprint": "the fingerprint of the admin whose grant it is",
  "review_grants.tag": "HMAC under the server secret",
  "review_recovery.public_key": "a public key",
  "review_recovery.locked_key": "AES-256-GCM under the server secret, then under the recovery phrase",
  "review_recovery.tag": "HMAC under the server secret",
  "review_notes.box": "AES-256-GCM under the key beside it",
  "review_notes.tag": "HMAC under the server secret",
  "admin_acts.tag": "HMAC under the server secret",
  "admin_act_persons.tag": "HMAC under the server secret",
  "events.tag": "HMAC under the server secret",
  "settings.tag": "HMAC under the server secret",
};

/** Every column of bytes that there is, in all schemas of Kith's database. */
export async function byteColumns(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query(`
    select case table_schema when 'public' then '' else table_schema || '.' end || table_name || '.' || column_name as name
    from information_schema.columns
    where (data_type = 'bytea' or udt_name = '_bytea') and table_schema not in ('pg_catalog', 'information_schema')
    order by 1`);
  return rows.map(({ name }) => name as string);
}
