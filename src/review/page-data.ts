import { genuineAccounts } from "../accounts/account.js";
import type { Session } from "../accounts/sessions.js";
import { labelOf } from "../accounts/username.js";
import type { Context } from "../context.js";
import { findPerson } from "../people/people.js";
import { toHex } from "../protocol/bytes.js";
import { NO_INVITER } from "../protocol/letter.js";
import { resetAlarm } from "../resets/alarm.js";
import type { PersonPanel, TreeItem, TreeList } from "../web/pages.js";
import { genuineRows, hasRecovery, readerIds } from "./keys.js";
import * as queries from "./queries.js";
import type { Tree, TreeNode } from "./tree.js";

/** Names and links that one page holds at most. */
const PAGE_NODES = 60;
const PREVIEW_NAMES = 12;
const OPENINGS_AT_ONCE = 2;

/** When the tree was last opened, and by whom, as every member reads it. */
export async function lastOpening(context: Context): Promise<{ day: string; by: string } | null> {
  const act = await newestOpening(context);
  if (!act) return null;
  const person = await findPerson(context, act.actor_id);
  return { day: act.day, by: person && person.status !== "forged" ? labelOf(context, person) : "?" };
}

/** What others made up may bear any number, and must not hide the newest that is Kith's. */
async function newestOpening(context: Context): Promise<queries.ActRow | undefined> {
  for (let offset = 0; ; offset += OPENINGS_AT_ONCE) {
    const rows = await queries.selectOpenings(context.db, offset, OPENINGS_AT_ONCE);
    for (const row of rows) if (genuineRows(context, "admin_acts", [row]).length > 0) return row;
    if (rows.length < OPENINGS_AT_ONCE) return undefined;
  }
}

export function panelOf(context: Context, tree: Tree, node: TreeNode, ownId: string): PersonPanel {
  const label = (one: TreeNode) => labelOf(context, one);
  const names: string[] = [];
  let containsSelf = false;
  for (const one of tree.branch(node)) {
    if (one.id === ownId) containsSelf = true;
    if (one !== node && names.length < PREVIEW_NAMES) names.push(label(one));
  }
  return {
    username: label(node),
    self: node.id === ownId,
    isAdmin: node.isAdmin,
    suspended: node.suspended,
    invitingFrozen: node.invitingFrozen,
    signInFrozen: node.signInFrozen,
    place: {
      inviter: node.parent ? label(node.parent) : null,
      month: node.month && node.month !== "1970-01" ? node.month : null,
      path: tree.path(node).map(label),
      direct: node.children.length,
      below: node.below,
      names,
      more: node.below - names.length,
      containsSelf,
    },
  };
}

export interface TreeFilter {
  q: string;
  month: string;
  domain: string;
  state: string;
}

export function isFiltered(filter: TreeFilter): boolean {
  return Object.values(filter).some((value) => value !== "");
}

function matches(filter: TreeFilter, node: TreeNode): boolean {
  const { q, month, domain, state } = filter;
  if (q !== "" && !node.username.includes(q) && `${node.username}@${node.domain}` !== q) return false;
  if (month !== "" && node.month !== month) return false;
  if (domain !== "" && node.domain !== domain) return false;
  if (state === "suspended") return node.suspended;
  if (state === "frozen") return node.invitingFrozen || node.signInFrozen;
  if (state === "admin") return node.isAdmin;
  return true;
}

/**
 * One page of the tree as a list: everybody in the order of the branches, or those who match. A page never holds more
 * than 60 people, and all pages together hold everybody.
 */
export function listOf(
  context: Context,
  tree: Tree,
  roots: readonly TreeNode[],
  filter: TreeFilter,
  page: number,
  isCut: (node: TreeNode) => boolean,
  current: TreeNode | undefined,
): TreeList {
  const filtered = isFiltered(filter);
  const first = (page - 1) * PAGE_NODES;
  const items = new Map<TreeNode, TreeItem>();
  const top: TreeItem[] = [];
  let count = 0;
  for (const root of filtered ? tree.roots : roots) {
    for (const node of tree.branch(root)) {
      if (filtered && !matches(filter, node)) continue;
      const index = count++;
      if (index < first || index >= first + PAGE_NODES) continue;
      const above = node.parent && items.get(node.parent);
      const onOpenPath = current !== undefined && (node === current || tree.path(current).includes(node));
      const item: TreeItem = {
        label: labelOf(context, node),
        username: node.username,
        depth: node.depth,
        state: node.suspended ? "suspended" : node.invitingFrozen || node.signInFrozen ? "frozen" : "active",
        cut: isCut(node),
        current: node === current,
        invited: node.children.length,
        below: filtered || above || !node.parent ? null : labelOf(context, node.parent),
        by: filtered && node.parent ? labelOf(context, node.parent) : null,
        open: onOpenPath || node.depth < 2 || page > 1,
        children: [],
      };
      items.set(node, item);
      if (above && !filtered) above.children.push(item);
      else top.push(item);
    }
  }
  return { items: top, filtered, count, page, pages: Math.max(1, Math.ceil(count / PAGE_NODES)) };
}

/** Names for the ids that the log keeps; whoever left has none any more. */
export async function namesOf(context: Context, ids: readonly string[]): Promise<Map<string, string>> {
  const asked = [...new Set(ids.filter((id) => id !== "" && id !== NO_INVITER))];
  const rows = await queries.selectNamesOf(context.db, asked);
  return new Map(rows.map((row) => [row.id, labelOf(context, row)]));
}

/** A key's fingerprint as people compare it. */
export function fingerprintText(fingerprint: Uint8Array): string {
  return (
    toHex(fingerprint)
      .toUpperCase()
      .match(/.{1,4}/g) ?? []
  ).join(" ");
}

/** What an admin should see to, as the first page after the sign-in tells it. */
export async function adminNeeds(
  context: Context,
  session: Session,
): Promise<{ key: string; vars?: Record<string, string>; href: string }[]> {
  const { account } = session;
  const readers = await readerIds(context);
  const needs: { key: string; vars?: Record<string, string>; href: string }[] = [];
  // Since this process started; its inspection finds again what is still there.
  const tables = [...context.forgedRows.keys()].sort().join(", ");
  if (tables !== "") needs.push({ key: "event.rows-refused", vars: { tables }, href: "/admin/log" });
  if ((await resetAlarm(context)).warning) needs.push({ key: "event.many-resets", href: "/admin/cases" });
  if (!readers.has(account.id)) return [...needs, { key: "event.admin-no-key", href: "/admin/accounts" }];
  const admins = await genuineAccounts(context, await queries.selectAdmins(context.db));
  for (const admin of admins) {
    if (admin.status !== "active" || readers.has(admin.id)) continue;
    needs.push({ key: "event.admin-waits", vars: { name: labelOf(context, admin) }, href: "/admin/accounts" });
  }
  if (!(await hasRecovery(context))) needs.push({ key: "event.recovery-missing", href: "/admin/recovery" });
  return needs;
}
