import { newestSessionDay } from "../accounts/sessions.js";
import type { Context } from "../context.js";
import { monthOf } from "../days.js";
import { versionsOf } from "../people/people.js";
import { NO_INVITER } from "../protocol/letter.js";
import { sealToNobody } from "../protocol/nobody.js";
import { monthNumber, monthText, sealEdge } from "../protocol/review.js";
import { readSetting, writeSetting } from "../settings.js";
import { changeAccounts, readAsWriter } from "./change-accounts.js";
import { currentReviewKey, genuineRows } from "./keys.js";
import * as queries from "./queries.js";

/** The review key that invites are sealed to was taken away: an edge sealed now could never be read. */
export class ReviewKeyMissingError extends Error {
  override readonly name = "ReviewKeyMissingError";
}

/**
 * The sealed edge of a new account. Before there is a review key, nobody can open it.
 *
 * @throws ReviewKeyMissingError where there was one
 */
export async function newEdge(
  context: Context,
  inviteeId: string,
  inviterId: string,
  founded: Pick<queries.ReviewKeyRow, "public_key"> | undefined,
): Promise<Uint8Array> {
  const key = founded ?? (await currentReviewKey(context));
  if (!key && context.seen.reviewKeys > 0) {
    context.log.error(
      "nobody can join: the newest review key is missing from the database, or is not as Kith wrote it",
    );
    throw new ReviewKeyMissingError();
  }
  if (!key) return await sealToNobody(context.nobody, "small");
  return await sealEdge(key.public_key, { inviteeId, inviterId, month: monthOf(context.clock()) });
}

/** The month before which edges were forgotten last. */
const FORGOTTEN = "edges-forgotten";
const BATCH = 100;

/**
 * Replaces the edges of those who joined longer ago than edges are kept by ones that name nobody. Once a month, and each
 * time for all of them alike: a branch of long ago may have been moved since, and which one must not show. What was read
 * of the tree before is thrown away with them. Run daily.
 *
 * A clock that is wrong must not cost every edge: nothing is forgotten before somebody joined or signed in as late as
 * the month in question.
 */
export async function forgetOldEdges(context: Context): Promise<void> {
  const { inviteEdgeMonths } = context.config;
  if (inviteEdgeMonths === undefined) return;
  const present = monthOf(context.clock());
  const limit = monthText(monthNumber(present) - inviteEdgeMonths);
  const done = await readSetting(context, FORGOTTEN, context.db);
  const key = await currentReviewKey(context);
  if (done === limit || !key) return;
  if (limit > (await newestMonth(context))) {
    context.log.warn("no invite edge is forgotten until somebody signs in: is the clock right?");
    return;
  }
  if (done !== undefined && done > present) {
    context.log.warn("invite edges were forgotten by a clock that was ahead of the present one");
  }
  let afterId = NO_INVITER;
  for (;;) {
    const ids = await queries.selectMemberIds(context.db, afterId, BATCH);
    const last = ids.at(-1);
    if (last === undefined) break;
    const joined = [...(await monthsOfJoining(context, ids))].filter(([, month]) => month < limit);
    const edges = new Map(
      await Promise.all(
        joined.map(async ([id, month]) => {
          const edge = { inviteeId: id, inviterId: NO_INVITER, month };
          return [id, await sealEdge(key.public_key, edge)] as const;
        }),
      ),
    );
    const edge = ({ id }: { id: string }) => ({ edge: edges.get(id) as Uint8Array });
    const changed = await changeAccounts(context, context.db, [...edges.keys()], edge);
    await readAsWriter(
      context,
      changed.map(({ id }) => id),
    );
    afterId = last;
  }
  await queries.deleteNotes(context.db);
  await writeSetting(context, FORGOTTEN, limit, context.db);
}

/**
 * When each of these was seen at first, by the oldest version that is Kith's: a month that somebody else wrote must not
 * have Kith itself forget an edge of their choice, nor keep one that should be forgotten.
 */
async function monthsOfJoining(context: Context, ids: readonly string[]): Promise<Map<string, string>> {
  const months = new Map<string, string>();
  for (const { account_id, public_key } of genuineRows(context, "people", await versionsOf(context.db, ids))) {
    if (!months.has(account_id)) months.set(account_id, monthOfMaking(public_key));
  }
  return months;
}

/** The newest month in which anybody made a key, or began a session that is still there. */
async function newestMonth(context: Context): Promise<string> {
  const seconds = await queries.selectNewestKeySecond(context.db);
  const made = monthOf(new Date(seconds * 1000));
  const began = (await newestSessionDay(context))?.slice(0, 7) ?? made;
  return began > made ? began : made;
}

/** The month in which a key was made, as everybody can see it; of somebody's first key, that of joining. */
function monthOfMaking(publicKey: Uint8Array): string {
  const seconds = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.length).readUInt32BE(3);
  return monthOf(new Date(seconds * 1000));
}
