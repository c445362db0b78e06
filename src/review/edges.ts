import type { AccountRow } from "../accounts/account.js";
import type { Context } from "../context.js";
import { monthOf } from "../days.js";
import { NO_INVITER } from "../protocol/letter.js";
import { sealToNobody } from "../protocol/nobody.js";
import { monthNumber, monthText, sealEdge } from "../protocol/review.js";
import { readSetting, writeSetting } from "../settings.js";
import { changeAccounts } from "./change-accounts.js";
import { currentReviewKey } from "./keys.js";
import * as queries from "./queries.js";

/** The sealed edge of a new account. Before there is a review key, nobody can open it. */
export async function newEdge(
  context: Context,
  inviteeId: string,
  inviterId: string,
  founded: Pick<queries.ReviewKeyRow, "public_key"> | undefined,
): Promise<Uint8Array> {
  const key = founded ?? (await currentReviewKey(context));
  if (!key) return await sealToNobody(context.nobody, "small");
  return await sealEdge(key.public_key, { inviteeId, inviterId, month: monthOf(context.clock()) });
}

const FORGOTTEN = "edges-forgotten";
const BATCH = 100;

/**
 * Replaces the edges of those who joined longer ago than edges are kept by ones that name nobody, a whole month at a
 * time, each month once. What was read of the tree before is thrown away with them. Run daily.
 */
export async function forgetOldEdges(context: Context): Promise<void> {
  const { inviteEdgeMonths } = context.config;
  if (inviteEdgeMonths === undefined) return;
  const limit = monthText(monthNumber(monthOf(context.clock())) - inviteEdgeMonths);
  const done = (await readSetting(context, FORGOTTEN, context.db)) ?? "1970-01";
  const key = await currentReviewKey(context);
  if (done >= limit || !key) return;
  const seconds = (month: string) => Date.parse(`${month}-01`) / 1000;
  let afterId = NO_INVITER;
  for (;;) {
    const rows: AccountRow[] = await queries.selectJoinedBetween(
      context.db,
      seconds(done),
      seconds(limit),
      afterId,
      BATCH,
    );
    if (rows.length === 0) break;
    const edges = new Map(
      await Promise.all(
        rows.map(async ({ id }) => {
          const edge = { inviteeId: id, inviterId: NO_INVITER, month: await monthOfJoining(context, id) };
          return [id, await sealEdge(key.public_key, edge)] as const;
        }),
      ),
    );
    await changeAccounts(
      context,
      context.db,
      rows.map(({ id }) => id),
      ({ id }) => ({ edge: edges.get(id) as Uint8Array }),
    );
    afterId = rows.at(-1)?.id as string;
  }
  await queries.deleteNotes(context.db);
  await writeSetting(context, FORGOTTEN, limit, context.db);
}

/** The month in which somebody joined, as everybody can see it: their first key was made in it. */
async function monthOfJoining(context: Context, accountId: string): Promise<string> {
  const publicKey = await queries.selectFirstPublicKey(context.db, accountId);
  if (!publicKey) return "1970-01";
  const seconds = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.length).readUInt32BE(3);
  return monthOf(new Date(seconds * 1000));
}
