import { createHash } from "node:crypto";
import { genuineAccounts } from "../accounts/account.js";
import type { Context } from "../context.js";
import { whoIsMissing } from "../people/people.js";
import { uuidBytes, uuidText } from "../protocol/bytes.js";
import { NO_INVITER } from "../protocol/letter.js";
import { EDGE_MARK_BYTES, edgeMark, monthNumber, monthText, openNotes, sealNotes } from "../protocol/review.js";
import { genuineRows, type OpenReview, withTag } from "./keys.js";
import { edgeOpener } from "./open-edges.js";
import * as queries from "./queries.js";

/** One member in the tree. */
export interface TreeNode {
  id: string;
  username: string;
  domain: string;
  suspended: boolean;
  invitingFrozen: boolean;
  signInFrozen: boolean;
  isAdmin: boolean;
  /** `YYYY-MM`; undefined: its edge does not open. */
  month: string | undefined;
  parent: TreeNode | undefined;
  children: TreeNode[];
  depth: number;
  /** How many came by this one, by those, and so on. */
  below: number;
}

export interface Tree {
  size: number;
  roots: TreeNode[];
  /** Whether rows are not as Kith wrote them: of members whose place is not known, or of a review key. */
  isSpoilt: boolean;
  /** Ids of those who invited somebody, and are not here. */
  absent: string[];
  byId(id: string): TreeNode | undefined;
  byName(domain: string, username: string): TreeNode | undefined;
  /** From the root to the one who invited this one. */
  path(node: TreeNode): TreeNode[];
  /** The node and all below it, each before those who came by it. */
  branch(node: TreeNode): Generator<TreeNode>;
  all(): Generator<TreeNode>;
}

export type TreeReading = { tree: Tree } | { done: number; total: number };

const ID_BYTES = 16;
/** id, mark, inviter, month; of an edge that did not open: which keys it was tried with, 0 */
const NOTE_BYTES = ID_BYTES + EDGE_MARK_BYTES + ID_BYTES + 2;
const BATCH = 100;
/** Milliseconds that one request reads new edges; the next one goes on. */
const READING_MS = 4_000;

/** A node while the tree is being read: its id as 16 characters, its edge's mark, and the inviter once it is known. */
class Member implements TreeNode {
  inviter: string | undefined = undefined;
  monthNumber = 0;
  parent: TreeNode | undefined = undefined;
  children: TreeNode[] = NO_CHILDREN;
  depth = -1;
  below = 0;
  constructor(
    readonly key: string,
    public mark: Uint8Array,
    readonly state: number,
    readonly username: string,
    readonly domain: string,
  ) {}
  get id() {
    return asId(this.key);
  }
  get suspended() {
    return (this.state & 1) !== 0;
  }
  get invitingFrozen() {
    return (this.state & 2) !== 0;
  }
  get signInFrozen() {
    return (this.state & 4) !== 0;
  }
  get isAdmin() {
    return (this.state & 8) !== 0;
  }
  get month() {
    return this.monthNumber > 0 ? monthText(this.monthNumber) : undefined;
  }
}

/** Most have brought nobody: they share one empty list, which is never written to. */
const NO_CHILDREN: TreeNode[] = [];

/**
 * Reads the tree: every member's row in a few bytes, and what was read of the edges before; then opens the edges that
 * are new, as many as fit into one request.
 *
 * An edge is taken from a row only if the row bears Kith's tag, and only if it names that row's member.
 */
export async function readTree(context: Context, review: OpenReview): Promise<TreeReading> {
  const [bytes, stored] = await Promise.all([
    queries.selectTreeBytes(context.db),
    queries.selectNotes(context.db, review.current.id),
  ]);
  const members = parseMembers(bytes);
  const [row] = stored ? genuineRows(context, "review_notes", [stored]) : [];
  const tried = triedWith(review);
  const unread = takeNotes(members, row && (await openNotes(review.currentKey, row)), tried);
  if (unread.length > 0) {
    const read = await readEdges(context, review, members, unread, tried);
    const known = [...members.values()].filter(({ inviter }) => inviter !== undefined);
    const notes = await sealNotes(review.current.public_key, writeNotes(known));
    await queries.replaceNotes(
      context.db,
      withTag(context, "review_notes", { review_key_id: review.current.id, ...notes }),
    );
    // What was read under an older key is kept under the present one.
    await queries.deleteNotes(context.db, review.current.id);
    if (read < unread.length) return { done: members.size - unread.length + read, total: members.size };
  }
  return { tree: buildTree(members, review) };
}

/**
 * Whether everybody stands below whoever invited them, as far as Kith ever could tell. Where rows are missing or are not
 * Kith's, whoever came by those members would be left out of a branch. Everybody is looked at, so it tells of nobody.
 */
export async function isWhole(context: Context, tree: Tree): Promise<boolean> {
  if (tree.isSpoilt) return false;
  const unseen = [...context.seen.inspected.accounts].filter((id) => !tree.byId(id));
  return (await whoIsMissing(context, [...tree.absent, ...unseen])).length === 0;
}

/** Stands for the keys that a reader holds: what they did not open is tried again with others. */
function triedWith({ keys }: OpenReview): string {
  const digest = createHash("sha256");
  for (const { id } of keys) digest.update(uuidBytes(id));
  return digest.digest().toString("latin1", 0, ID_BYTES);
}

function parseMembers(bytes: Uint8Array): Map<string, Member> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const members = new Map<string, Member>();
  const domains = new Map<string, string>();
  for (let at = 0; at < buffer.length; ) {
    const key = buffer.toString("latin1", at, at + ID_BYTES);
    const mark = buffer.subarray(at + ID_BYTES, at + ID_BYTES + EDGE_MARK_BYTES);
    at += ID_BYTES + EDGE_MARK_BYTES;
    const state = buffer[at] as number;
    const nameEnd = at + 2 + (buffer[at + 1] as number);
    const username = buffer.toString("utf8", at + 2, nameEnd);
    const end = nameEnd + 1 + (buffer[nameEnd] as number);
    const text = buffer.toString("utf8", nameEnd + 1, end);
    const domain = domains.get(text) ?? text;
    domains.set(domain, domain);
    members.set(key, new Member(key, mark, state, username, domain));
    at = end;
  }
  return members;
}

/** @returns those whose edge is not the one that was read before, or did not open to other keys */
function takeNotes(members: Map<string, Member>, notes: Uint8Array | undefined, tried: string): Member[] {
  if (notes) {
    const buffer = Buffer.from(notes.buffer, notes.byteOffset, notes.length);
    for (let at = 0; at + NOTE_BYTES <= buffer.length; at += NOTE_BYTES) {
      const member = members.get(buffer.toString("latin1", at, at + ID_BYTES));
      const markAt = at + ID_BYTES;
      if (!member || buffer.compare(member.mark, 0, EDGE_MARK_BYTES, markAt, markAt + EDGE_MARK_BYTES) !== 0) continue;
      const inviterAt = markAt + EDGE_MARK_BYTES;
      const inviter = buffer.toString("latin1", inviterAt, inviterAt + ID_BYTES);
      const month = buffer.readUInt16BE(inviterAt + ID_BYTES);
      if (month === 0 && inviter !== tried) continue;
      member.inviter = inviter;
      member.monthNumber = month;
    }
  }
  const unread: Member[] = [];
  for (const member of members.values()) if (member.inviter === undefined) unread.push(member);
  return unread;
}

function writeNotes(members: readonly Member[]): Uint8Array {
  const buffer = Buffer.alloc(members.length * NOTE_BYTES);
  for (const [index, member] of members.entries()) {
    const at = index * NOTE_BYTES;
    buffer.write(member.key, at, "latin1");
    buffer.set(member.mark, at + ID_BYTES);
    buffer.write(member.inviter as string, at + ID_BYTES + EDGE_MARK_BYTES, "latin1");
    buffer.writeUInt16BE(member.monthNumber, at + NOTE_BYTES - 2);
  }
  return buffer;
}

const asKey = (id: string) => Buffer.from(uuidBytes(id)).toString("latin1");
const asId = (key: string) => uuidText(Buffer.from(key, "latin1"));
const NOBODY = asKey(NO_INVITER);

/** @returns how many were read */
async function readEdges(
  context: Context,
  review: OpenReview,
  members: Map<string, Member>,
  unread: readonly Member[],
  tried: string,
): Promise<number> {
  const opener = edgeOpener(
    review.keys.map(({ privateKey }) => privateKey),
    unread.length,
  );
  const start = performance.now();
  let read = 0;
  const readBatch = async (batch: readonly Member[]) => {
    const ids = batch.map(({ id }) => id);
    const rows = await genuineAccounts(context, await queries.selectAccounts(context.db, ids));
    const opened = await opener.open(rows.map(({ edge }) => edge));
    for (const [index, row] of rows.entries()) {
      const edge = opened[index];
      const member = members.get(asKey(row.id));
      if (!member) continue;
      const good = edge?.inviteeId === row.id;
      member.mark = Uint8Array.from(edgeMark(row.edge));
      member.inviter = good ? asKey(edge.inviterId) : tried;
      member.monthNumber = good ? monthNumber(edge.month) : 0;
    }
    read += batch.length;
  };
  try {
    for (let at = 0; at < unread.length; at += BATCH * opener.width) {
      if (at > 0 && performance.now() - start > READING_MS) break;
      const wide = Array.from({ length: opener.width }, (_, index) => {
        const from = at + index * BATCH;
        return unread.slice(from, from + BATCH);
      });
      await Promise.all(wide.filter((batch) => batch.length > 0).map(readBatch));
    }
  } finally {
    await opener.close();
  }
  return read;
}

function buildTree(nodes: Map<string, Member>, { lacksKeys }: OpenReview): Tree {
  const byName = (one: TreeNode, other: TreeNode) =>
    one.username < other.username ? -1 : one.username > other.username ? 1 : one.domain < other.domain ? -1 : 1;
  const roots: TreeNode[] = [];
  const absent = new Set<string>();
  let isSpoilt = lacksKeys;
  for (const node of nodes.values()) {
    const { inviter, key } = node;
    const parent = inviter === undefined || inviter === key ? undefined : nodes.get(inviter);
    node.parent = parent;
    if (inviter === undefined) isSpoilt = true;
    else if (!parent && node.monthNumber > 0 && inviter !== NOBODY) absent.add(asId(inviter));
    if (!parent) roots.push(node);
    else if (parent.children === NO_CHILDREN) parent.children = [node];
    else parent.children.push(node);
  }
  const order: TreeNode[] = [];
  const place = (from: TreeNode[]) => {
    let level = from;
    for (let depth = 0; level.length > 0; depth++) {
      const next: TreeNode[] = [];
      for (const node of level) {
        node.depth = depth;
        order.push(node);
        for (const child of node.children) next.push(child);
      }
      level = next;
    }
  };
  place(roots);
  // A ring of invitations can't come about; should somebody have made one, it hangs from one of its members.
  for (const node of nodes.values()) {
    if (node.depth >= 0) continue;
    if (node.parent) node.parent.children = node.parent.children.filter((child) => child !== node);
    node.parent = undefined;
    roots.push(node);
    place([node]);
  }
  for (let index = order.length - 1; index >= 0; index--) {
    const node = order[index] as TreeNode;
    if (node.children.length > 1) node.children.sort(byName);
    if (node.parent) node.parent.below += node.below + 1;
  }
  roots.sort(byName);
  function* branch(node: TreeNode): Generator<TreeNode> {
    const stack = [node];
    for (let next = stack.pop(); next; next = stack.pop()) {
      yield next;
      for (let index = next.children.length - 1; index >= 0; index--) stack.push(next.children[index] as TreeNode);
    }
  }
  return {
    size: nodes.size,
    roots,
    isSpoilt,
    absent: [...absent],
    byId: (id) => nodes.get(asKey(id)),
    byName(domain, username) {
      for (const node of nodes.values()) if (node.username === username && node.domain === domain) return node;
      return undefined;
    },
    path(node) {
      const path: TreeNode[] = [];
      for (let above = node.parent; above; above = above.parent) path.unshift(above);
      return path;
    },
    branch,
    *all() {
      for (const root of roots) yield* branch(root);
    },
  };
}
