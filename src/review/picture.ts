import type { TreeNode } from "./tree.js";

/** A picture of a part of the tree, as numbers for the template that draws it. */
export interface TreePicture {
  width: number;
  height: number;
  cx: number;
  cy: number;
  /** Radii of the rings. */
  rings: number[];
  threads: { d: string; cut: boolean }[];
  nodes: { x: number; y: number; r: number; root: boolean; cut: boolean }[];
  names: { x: number; y: number; side: "left" | "right" | ""; cut: boolean; text: string }[];
  /** How many stand beyond what is drawn. */
  beyond: number;
  drawn: number;
}

/** One that is drawn: a member, or the place itself in the middle of several roots. */
interface Drawn {
  node: TreeNode | undefined;
  text: string;
  children: Drawn[];
  hidden: number;
  leaves: number;
  angle: number;
  ring: number;
}

const MAX_NODES = 60;
const RADII = [0, 88, 158, 224, 284];
const MARGIN_X = 96;
const MARGIN_Y = 40;
const GAP = 33;

const radiusOf = (ring: number) => RADII[ring] ?? 284 + (ring - 4) * 60;
const short = (text: string) => (text.length > 12 ? `${text.slice(0, 11)}…` : text);
const round = (value: number) => Math.round(value * 10) / 10;

/**
 * Draws a branch, or all of the tree: the root in the middle, one ring for each invitation further away, angle by
 * number of leaves. At most 60 people are drawn; "+ 12" says how many stand beyond.
 *
 * @param place stands in the middle if there are several roots
 * @param rings how many rings at most
 * @param isCut whether somebody is in the branch under preview
 */
export function drawTree(
  roots: readonly TreeNode[],
  place: string,
  rings: number,
  isCut: (node: TreeNode) => boolean,
  nameOf: (node: TreeNode) => string,
): TreePicture {
  const drawn = (node: TreeNode | undefined, text: string, ring: number): Drawn => {
    return { node, text, children: [], hidden: 0, leaves: 0, angle: 0, ring };
  };
  const [only, ...others] = roots;
  const middle = only && others.length === 0 ? drawn(only, nameOf(only), 0) : drawn(undefined, place, 0);
  const queue: Drawn[] = [middle];
  let count = 1;
  let beyond = 0;
  for (let parent = queue.shift(); parent; parent = queue.shift()) {
    for (const child of parent.node ? parent.node.children : roots) {
      if (parent.ring >= rings || count >= MAX_NODES) {
        parent.hidden += child.below + 1;
        continue;
      }
      count += 1;
      const next = drawn(child, nameOf(child), parent.ring + 1);
      parent.children.push(next);
      queue.push(next);
    }
    beyond += parent.hidden;
  }
  countLeaves(middle);
  spread(middle, -Math.PI / 2, Math.PI * 1.5);
  return collect(middle, isCut, beyond, count);
}

function countLeaves(one: Drawn): number {
  one.leaves = one.children.reduce((sum, child) => sum + countLeaves(child), 0) || 1;
  return one.leaves;
}

function spread(one: Drawn, from: number, to: number): void {
  one.angle = (from + to) / 2;
  let at = from;
  for (const child of one.children) {
    const share = ((to - from) * child.leaves) / one.leaves;
    spread(child, at, at + share);
    at += share;
  }
}

function collect(middle: Drawn, isCut: (node: TreeNode) => boolean, beyond: number, count: number): TreePicture {
  const all: Drawn[] = [];
  const walk = (one: Drawn) => {
    all.push(one);
    one.children.forEach(walk);
  };
  walk(middle);
  const deepest = Math.max(...all.map(({ ring }) => ring), 1);
  const outer = radiusOf(deepest);
  const cx = outer + MARGIN_X;
  const cy = outer + MARGIN_Y;
  const point = ({ ring, angle }: Drawn, shift = 0) => {
    const radius = ring === 0 ? 0 : radiusOf(ring) + shift;
    return { x: round(cx + Math.cos(angle) * radius), y: round(cy + Math.sin(angle) * radius) };
  };
  const picture: TreePicture = {
    width: 2 * cx,
    height: 2 * cy,
    cx,
    cy,
    rings: Array.from({ length: deepest }, (_, index) => radiusOf(index + 1)),
    threads: [],
    nodes: [],
    names: [],
    beyond,
    drawn: middle.node ? count : count - 1,
  };
  for (const one of all) {
    const cut = one.node !== undefined && isCut(one.node);
    const here = point(one);
    for (const child of one.children) {
      const there = point(child);
      const [a, b] = [point(one, GAP), point(child, -GAP)];
      const curve = one.ring === 0 ? `L${there.x} ${there.y}` : `C${a.x} ${a.y} ${b.x} ${b.y} ${there.x} ${there.y}`;
      picture.threads.push({ d: `M${here.x} ${here.y}${curve}`, cut: child.node !== undefined && isCut(child.node) });
    }
    picture.nodes.push({ ...here, r: one.ring === 0 ? 15 : 8, root: one.ring === 0, cut });
    const text = short(one.text) + (one.hidden > 0 ? ` + ${one.hidden}` : "");
    picture.names.push({ ...namePlace(one, here), cut, text });
  }
  return picture;
}

function namePlace(one: Drawn, { x, y }: { x: number; y: number }) {
  if (one.ring === 0) return { x, y: y + 36, side: "" as const };
  const isLeaf = one.children.length === 0;
  // Beyond a leaf; beside a branch that goes on.
  const direction = isLeaf ? one.angle : one.angle + Math.PI / 2;
  const [dx, dy] = [Math.cos(direction), Math.sin(direction)];
  if (Math.abs(dx) < 0.35) return { x, y: round(y + (dy > 0 ? 26 : -16)), side: "" as const };
  return {
    x: round(x + (dx > 0 ? 14 : -14)),
    y: round(y + 5 + dy * 10),
    side: dx > 0 ? ("right" as const) : ("left" as const),
  };
}
