import type { AccountRow } from "../accounts/account.js";
import type { Name } from "../accounts/username.js";
import type { Context } from "../context.js";
import { Failure } from "../failure.js";
import { accountNamed, actOn, giveRoleBack, OPERATOR, type SimpleAct, setRole } from "./acts.js";
import { ensureReader, presentAdmins, recoverReview } from "./keys.js";

/** @throws Failure if nobody has that name */
async function memberNamed(context: Context, name: Name): Promise<AccountRow> {
  const account = await accountNamed(context, name);
  if (!account) throw new Failure(`there is no member ${name.username}@${name.domain}`);
  return account;
}

/** Suspends, reinstates or freezes one account, written down in the admins' log. */
export async function actByOperator(context: Context, name: Name, kind: SimpleAct): Promise<boolean> {
  const account = await memberNamed(context, name);
  return (await actOn(context, OPERATOR, kind, account.id, [account.id], "")).outcome === "done";
}

/**
 * Gives or takes the role. Where nobody can open the review key, or there is none yet, a new one is made for this
 * admin; otherwise it only follows when an admin confirms the fingerprint.
 *
 * @throws Failure if nobody has that name, the last admin would go, or the role only rests
 */
export async function setRoleByOperator(context: Context, name: Name, role: "admin" | "member") {
  const account = await memberNamed(context, name);
  if (role === "admin" && account.role === "reset-admin") {
    throw new Failure(`the role rests since a reset: run kith admin confirm ${name.username}@${name.domain}`);
  }
  const { outcome } = await setRole(context, OPERATOR, account.id, role);
  if (outcome === "last") throw new Failure("there must be at least one admin whose role does not rest");
  const admin = await memberNamed(context, name);
  const reads = role === "admin" && (await ensureReader(context, admin));
  return { changed: outcome === "done", reads };
}

/** Gives the role back to an admin with a new key, after a reset, written down in the admins' log. */
export async function confirmByOperator(context: Context, name: Name) {
  const account = await memberNamed(context, name);
  if (account.role === "member") throw new Failure(`${name.username}@${name.domain} is no admin: kith admin grant`);
  const { outcome } = await giveRoleBack(context, account.id);
  const reads = await ensureReader(context, await memberNamed(context, name));
  return { changed: outcome === "done", reads };
}

/** Opens the review key with the recovery phrase, for the named admin or the only one. */
export async function recoverByOperator(context: Context, name: Name | undefined, phrase: string): Promise<string> {
  const admins = await presentAdmins(context);
  const [only, ...others] = admins;
  if (!name && (!only || others.length > 0)) {
    throw new Failure(
      only ? "there are several admins: say which with --for NAME" : "there is no admin: kith admin grant",
    );
  }
  const admin = name ? await memberNamed(context, name) : (only as AccountRow);
  if (admin.role !== "admin") throw new Failure("that member is no admin, or the role rests: kith admin confirm");
  const outcome = await recoverReview(context, admin, phrase);
  if (outcome === "no-phrase") throw new Failure("no recovery phrase was ever kept here");
  if (outcome === "wrong-phrase") throw new Failure("that is not the recovery phrase: twelve words, in their order");
  return `${admin.username}@${admin.domain}`;
}
