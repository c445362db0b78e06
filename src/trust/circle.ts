/** The picture of whom somebody trusts, as numbers: rings that hold each other, over and under. */

const CENTRE = 200;
const WIDTH = 400;
/** The own ring. */
const OWN_RADIUS = 92;
/** Centre of a linked ring from the middle: 20 beyond the own ring, so that the two cross. */
const LINKED_DISTANCE = OWN_RADIUS + 20;
/** Centre of a held ring: outside, touching nothing. */
const HELD_DISTANCE = 148;
/** A name stands a little further out than its ring's centre, clear of the own ring. */
const NAME_DISTANCE = LINKED_DISTANCE + 9;
/** Half of the gap in the lower ring at a crossing, in radians. */
const OWN_GAP = 0.13;
const PERSON_GAP = 0.25;
/** The picture ends this far beyond what is drawn. */
const MARGIN = 8;
/** From this many people on the rings are smaller, and so are the names. */
const MANY = 6;

export interface CirclePerson {
  name: string;
  /** Held people lie outside, dashed. */
  linked: boolean;
}

export interface CircleRing {
  name: string;
  /** A linked ring's arc with its gap; a held one has `cx`, `cy`, `r` instead. */
  path: string | undefined;
  cx: number;
  cy: number;
  r: number;
  textX: number;
  textY: number;
}

export interface Circle {
  viewBox: string;
  width: number;
  height: number;
  /** The own ring as arcs, or undefined when nothing crosses it and a plain circle does. */
  ownPath: string | undefined;
  ownX: number;
  ownY: number;
  ownRadius: number;
  rings: CircleRing[];
}

const round = (value: number) => Math.round(value * 10) / 10;
const fullTurn = 2 * Math.PI;
const normal = (angle: number) => ((angle % fullTurn) + fullTurn) % fullTurn;

/**
 * Draws the trust circle.
 *
 * @param people in the order in which they stand: the first at the top, then clockwise
 * @param options `crop`: end at the sides, too, where the rings end (for the card);
 *   `firstAngle`: where the first stands, in radians from three o'clock (default: the top)
 */
export function circle(people: readonly CirclePerson[], options: { crop?: boolean; firstAngle?: number } = {}): Circle {
  const many = people.length >= MANY;
  const radius = many ? 36 : 44;
  const first = options.firstAngle ?? -Math.PI / 2;
  // Where the two rings cross, seen from the middle (to each side of the direction of the person).
  const crossing = Math.acos(
    (LINKED_DISTANCE ** 2 + OWN_RADIUS ** 2 - radius ** 2) / (2 * LINKED_DISTANCE * OWN_RADIUS),
  );
  const at = (angle: number, distance: number): [number, number] => [
    CENTRE + distance * Math.cos(angle),
    CENTRE + distance * Math.sin(angle),
  ];

  let [left, top, right, bottom] = [CENTRE - OWN_RADIUS, CENTRE - OWN_RADIUS, CENTRE + OWN_RADIUS, CENTRE + OWN_RADIUS];
  const ownGaps: number[] = [];
  const rings = people.map((person, index): CircleRing => {
    const angle = first + (fullTurn * index) / people.length;
    const [cx, cy] = at(angle, person.linked ? LINKED_DISTANCE : HELD_DISTANCE);
    [left, top] = [Math.min(left, cx - radius), Math.min(top, cy - radius)];
    [right, bottom] = [Math.max(right, cx + radius), Math.max(bottom, cy + radius)];
    const [textX, textY] = person.linked ? at(angle, NAME_DISTANCE) : [cx, cy];
    const ring = {
      name: shorten(person.name, many ? 6 : 8),
      cx: round(cx),
      cy: round(cy),
      r: radius,
      textX: round(textX),
      textY: round(textY + 5),
    };
    if (!person.linked) return { ...ring, path: undefined };
    // At one crossing the own ring goes under, at the other the person's.
    ownGaps.push(normal(angle - crossing));
    const [x, y] = at(angle + crossing, OWN_RADIUS);
    const under = Math.atan2(y - cy, x - cx);
    return { ...ring, path: arc(cx, cy, radius, under + PERSON_GAP, under - PERSON_GAP + fullTurn) };
  });

  ownGaps.sort((one, other) => one - other);
  const ownPath = ownGaps
    .map((gap, index) => {
      const next = ownGaps[index + 1] ?? ownGaps[0]! + fullTurn;
      return arc(CENTRE, CENTRE, OWN_RADIUS, gap + OWN_GAP, next - OWN_GAP);
    })
    .join("");

  const x = options.crop ? Math.floor(left - MARGIN) : 0;
  const width = options.crop ? Math.ceil(right + MARGIN) - x : WIDTH;
  const y = Math.floor(top - MARGIN);
  const height = Math.ceil(bottom + MARGIN - 1e-6) - y;
  return {
    viewBox: `${x} ${y} ${width} ${height}`,
    width,
    height,
    ownPath: ownPath === "" ? undefined : ownPath,
    ownX: CENTRE,
    ownY: CENTRE,
    ownRadius: OWN_RADIUS,
    rings,
  };
}

/** The name in the middle, as far as there is room for it among so many. */
export function ownName(name: string, people: number): string {
  return shorten(name, people >= MANY ? 6 : 8);
}

/** Somebody else's circle, as a helper sees it: the own ring at the left, who is missing at the right, never a name. */
export function caseCircle(you: string, missing: string | undefined): Circle {
  const people: CirclePerson[] = [{ name: you, linked: true }];
  if (missing !== undefined) people.push({ name: missing, linked: false });
  return circle(people, { firstAngle: Math.PI });
}

function arc(cx: number, cy: number, radius: number, from: number, to: number): string {
  const point = (angle: number) => `${round(cx + radius * Math.cos(angle))} ${round(cy + radius * Math.sin(angle))}`;
  return `M${point(from)}A${radius} ${radius} 0 ${to - from > Math.PI ? 1 : 0} 1 ${point(to)}`;
}

function shorten(name: string, letters: number): string {
  const all = [...name];
  return all.length > letters ? `${all.slice(0, letters - 1).join("")}…` : name;
}
