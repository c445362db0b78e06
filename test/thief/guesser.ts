import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import argon2 from "argon2";
import * as openpgp from "openpgp";
import { discloseBytes } from "#kith/protocol/box.js";
import { toBase64url } from "#kith/protocol/bytes.js";
import { deriveKey } from "#kith/protocol/derive.js";
import { SEALS } from "./columns.js";
import type { Dump, Row } from "./dump.js";
import { LABELS } from "./labels.js";

/** What a thief has. The program is everybody's. */
export interface Loot {
  tables: Dump;
  secret?: Uint8Array;
  /** Anything else that was found: letters, links. */
  others?: Record<string, Uint8Array>;
}

export interface Confirmed {
  password: string;
  /** What told that it is right. */
  by: string;
  /** Argon2id runs up to then. */
  argon2Runs: number;
}

/** Bytes that something may be checked against. */
interface Target {
  name: string;
  bytes: Buffer;
}

/** What a guess is turned into. */
interface Material {
  name: string;
  bytes: Buffer;
}

/** Nonce, authentication and 16 bytes. */
const MIN_BOX_BYTES = 44;

/** Tries passwords on whatever was stolen of one member, in all ways that we could think of. */
export class Guesser {
  argon2Runs = 0;
  private readonly targets: Target[] = [];
  /** Those that may be boxes: not seals, and long enough to hold something. */
  private boxes: Target[] = [];
  private readonly lockedKeys: { name: string; key: openpgp.PrivateKey }[] = [];
  private readonly account: Row;
  /** What a box may be bound to. */
  private readonly contexts: (string | Uint8Array)[][];

  private constructor(
    private readonly loot: Loot,
    username: string,
    private readonly withArgon2: boolean,
  ) {
    const account = loot.tables.accounts?.find((row) => row.username === username);
    if (!account) throw new Error(`no account ${username} in the dump`);
    this.account = account;
    const id = account.id as string;
    const generation = account.generation as Buffer;
    const cases = (loot.tables.reset_cases ?? []).filter((row) => row.trusting_id === id);
    this.contexts = [[], [id], [generation], [id, generation], ...cases.map((row) => [row.id as string])];
  }

  /** @param withArgon2 false: only what costs less */
  static async open(loot: Loot, username: string, { withArgon2 = true } = {}): Promise<Guesser> {
    const guesser = new Guesser(loot, username, withArgon2);
    guesser.gather();
    await guesser.findLockedKeys();
    return guesser;
  }

  /** What was found beneath the server secret. */
  get opened(): string[] {
    return this.targets.map(({ name }) => name).filter((name) => name.includes("opened"));
  }

  /** Tries one password after the other until something confirms one. */
  async guess(passwords: readonly string[]): Promise<Confirmed | undefined> {
    for (const password of passwords) {
      const by = await this.confirm(password);
      if (by) return { password, by, argon2Runs: this.argon2Runs };
    }
    return undefined;
  }

  /** Every value in rows that could have to do with the member, and what the server secret opens of them. */
  private gather(): void {
    const id = this.account.id as string;
    const cases = new Set((this.loot.tables.reset_cases ?? []).map((row) => row.trusting_id === id && row.id));
    const isOthers = (table: string, row: Row) =>
      (table === "accounts" && row.id !== id) ||
      (row.account_id !== undefined && row.account_id !== id) ||
      (row.trusting_id !== undefined && row.trusting_id !== id) ||
      (row.case_id !== undefined && !cases.has(row.case_id));
    for (const [table, rows] of Object.entries(this.loot.tables)) {
      for (const row of rows) {
        if (isOthers(table, row)) continue;
        for (const [column, value] of Object.entries(row)) {
          if (Buffer.isBuffer(value)) this.targets.push({ name: `${table}.${column}`, bytes: value });
          else if (typeof value === "string" && value.length >= 16) {
            this.targets.push({ name: `${table}.${column}`, bytes: Buffer.from(value) });
          }
        }
      }
    }
    for (const [name, value] of Object.entries(this.loot.others ?? {})) {
      this.targets.push({ name, bytes: Buffer.from(value) });
    }
    const seals: readonly string[] = SEALS;
    this.boxes = this.targets.filter(({ name, bytes }) => bytes.length >= MIN_BOX_BYTES && !seals.includes(name));
    const { secret } = this.loot;
    const keys = secret ? LABELS.map((label) => [label, deriveKey(secret, label)] as const) : [];
    for (const { name, bytes } of this.boxes) {
      for (const [label, key] of keys) {
        const opened = this.openBox(key, bytes);
        if (opened) this.targets.push({ name: `${name} opened with "${label}"`, bytes: opened });
      }
    }
  }

  private openBox(key: Uint8Array, bytes: Buffer): Buffer | undefined {
    for (const context of this.contexts) {
      const opened = discloseBytes(key, bytes, ...context);
      if (opened) return Buffer.from(opened);
    }
    return undefined;
  }

  private async findLockedKeys(): Promise<void> {
    for (const { name, bytes } of this.targets) {
      const key = await openpgp.readPrivateKey({ binaryKey: bytes }).catch(() => undefined);
      if (key && !key.isDecrypted()) this.lockedKeys.push({ name, key });
    }
  }

  private async confirm(password: string): Promise<string | undefined> {
    const normal = Buffer.from(password.normalize("NFC"));
    const cheap = await this.tryAll(this.materials("the password", normal));
    if (cheap || !this.withArgon2) return cheap;
    const unlockKey = await this.argon2(normal);
    return await this.tryAll(this.materials("its Argon2id", unlockKey));
  }

  private async argon2(password: Buffer): Promise<Buffer> {
    this.argon2Runs++;
    const [, memoryCost, timeCost, parallelism] = /^m=(\d+),t=(\d+),p=(\d+)$/
      .exec(this.account.parameters as string)!
      .map(Number) as [number, number, number, number];
    const salt = this.account.salt as Buffer;
    const options = { type: argon2.argon2id, raw: true, salt, memoryCost, timeCost, parallelism } as const;
    return await argon2.hash(password, options);
  }

  /** The guess itself, and what programs make of passwords. */
  private materials(name: string, bytes: Buffer): Material[] {
    const salt = this.account.salt as Buffer;
    const roots: [string, Buffer][] = [
      ["no salt", Buffer.alloc(0)],
      ["its salt", salt],
      ["its id", Buffer.from(this.account.id as string)],
      ...(this.loot.secret ? [["the secret", Buffer.from(this.loot.secret)] as [string, Buffer]] : []),
    ];
    const made: Material[] = [{ name, bytes }];
    for (const [with_, root] of roots) {
      for (const algorithm of ["sha256", "sha512", "md5"]) {
        const of = (...parts: Buffer[]) => createHash(algorithm).update(Buffer.concat(parts)).digest();
        made.push({ name: `${algorithm} of ${name}, ${with_}`, bytes: of(root, bytes) });
        made.push({ name: `${algorithm} of ${name}, ${with_} after it`, bytes: of(bytes, root) });
      }
      made.push({ name: `HMAC of ${name}, ${with_}`, bytes: createHmac("sha256", root).update(bytes).digest() });
      made.push({ name: `PBKDF2 of ${name}, ${with_}`, bytes: pbkdf2Sync(bytes, root, 1, 32, "sha256") });
    }
    for (const label of LABELS) made.push({ name: `${label} of ${name}`, bytes: Buffer.from(deriveKey(bytes, label)) });
    return made;
  }

  private async tryAll(materials: readonly Material[]): Promise<string | undefined> {
    for (const material of materials) {
      const by = this.equals(material) ?? this.opensBox(material) ?? (await this.isPassphrase(material));
      if (by) return `${material.name} ${by}`;
    }
    return undefined;
  }

  /** The material, or its text, stands somewhere. */
  private equals({ bytes }: Material): string | undefined {
    const forms = [
      bytes.subarray(0, 16),
      ...(["hex", "base64url"] as const).map((form) => Buffer.from(bytes.toString(form)).subarray(0, 20)),
    ];
    const found = this.targets.find((target) => forms.some((form) => form.length >= 16 && target.bytes.includes(form)));
    return found && `stands in ${found.name}`;
  }

  private opensBox({ bytes }: Material): string | undefined {
    if (bytes.length !== 32) return undefined;
    const found = this.boxes.find((box) => this.openBox(bytes, box.bytes));
    return found && `opens ${found.name}`;
  }

  private async isPassphrase({ bytes }: Material): Promise<string | undefined> {
    const forms = [bytes.toString(), toBase64url(bytes), bytes.toString("base64"), bytes.toString("hex")];
    for (const { name, key } of this.lockedKeys) {
      for (const passphrase of forms) {
        if (await openpgp.decryptKey({ privateKey: key, passphrase }).catch(() => undefined)) {
          return `is the passphrase of ${name}`;
        }
      }
    }
    return undefined;
  }
}
