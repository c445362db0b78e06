import { randomBytes } from "node:crypto";
import { Secret, TOTP } from "otpauth";
import type { Context } from "../context.js";
import { dayOf } from "../days.js";
import { equalBytes, toBase64url } from "../protocol/bytes.js";
import { openColumn, sealColumn } from "../protocol/column.js";
import { hash, type Label } from "../protocol/derive.js";
import type { AccountRow } from "./account.js";

const RECOVERY: Label = "kith/v1/recovery code";
const RECOVERY_CODES = 8;
const PERIOD_SECONDS = 30;

/** What the second step's column holds, if there is one. */
export interface SecondStep {
  /** base32, for the app */
  secret: string;
  /** `YYYY-MM` */
  since: string;
  /** The last 30-second step whose code was used: a code works once. */
  usedStep: number;
  /** Hashes of the recovery codes that are left, base64url. */
  recovery: string[];
}

/** The account's second step, or undefined if it has none. */
export function secondStepOf(context: Context, account: AccountRow): SecondStep | undefined {
  const text = openColumn(context.secret, "second step", account.id, account.second_step);
  return text ? (JSON.parse(text) as SecondStep) : undefined;
}

export function sealSecondStep(context: Context, accountId: string, step: SecondStep | undefined): Uint8Array {
  return sealColumn(context.secret, "second step", accountId, step ? JSON.stringify(step) : "");
}

export function newTotpSecret(): string {
  return new Secret({ size: 20 }).base32;
}

function totp(secret: string, label: string, issuer: string): TOTP {
  return new TOTP({ issuer, label, secret: Secret.fromBase32(secret), digits: 6, period: PERIOD_SECONDS });
}

/** The `otpauth:` address that an app reads from a QR code. */
export function totpUri(secret: string, label: string, issuer: string): string {
  return totp(secret, label, issuer).toString();
}

function recoveryHash(accountId: string, code: string): Uint8Array {
  return hash(RECOVERY, accountId, code.toLowerCase().replaceAll(/[^a-z0-9]/g, ""));
}

/** Eight codes of 50 bits, each good for one sign-in without the app. */
export function makeRecoveryCodes(accountId: string): { codes: string[]; hashes: string[] } {
  const alphabet = "abcdefghjkmnpqrstvwxyz0123456789";
  const codes = Array.from({ length: RECOVERY_CODES }, () => {
    const text = Array.from(randomBytes(10), (byte) => alphabet[byte % 32]).join("");
    return `${text.slice(0, 5)}-${text.slice(5)}`;
  });
  return { codes, hashes: codes.map((code) => toBase64url(recoveryHash(accountId, code))) };
}

/**
 * Checks a one-time code or a recovery code.
 *
 * @returns the second step as it is after the code was used up, or undefined if the code is wrong or used
 */
export function useCode(context: Context, accountId: string, step: SecondStep, typed: string): SecondStep | undefined {
  const code = typed.replaceAll(/\s/g, "");
  if (/^\d{6}$/.test(code)) {
    const now = context.clock().getTime();
    const delta = totp(step.secret, "", "").validate({ token: code, timestamp: now, window: 1 });
    if (delta === null) return undefined;
    const usedStep = Math.floor(now / 1000 / PERIOD_SECONDS) + delta;
    return usedStep > step.usedStep ? { ...step, usedStep } : undefined;
  }
  const tried = recoveryHash(accountId, code);
  const left = step.recovery.filter((stored) => !equalBytes(Buffer.from(stored, "base64url"), tried));
  return left.length < step.recovery.length ? { ...step, recovery: left } : undefined;
}

export function newSecondStep(context: Context, secret: string, hashes: string[]): SecondStep {
  return { secret, since: dayOf(context.clock()).slice(0, 7), usedStep: 0, recovery: hashes };
}
