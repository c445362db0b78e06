import assert from "node:assert/strict";
import { test } from "node:test";
import { type CirclePerson, caseCircle, circle, ownName } from "#kith/trust/circle.js";

// The numbers are those of the drawn reference pages.

const linked = (name: string): CirclePerson => ({ name, linked: true });
const held = (name: string): CirclePerson => ({ name, linked: false });

test("one held and two linked people are drawn as on the reference page", () => {
  const picture = circle([held("bea"), linked("cem"), linked("dora")]);
  assert.equal(picture.viewBox, "0 0 400 308");
  assert.equal(picture.ownPath, "M288.8 224.1A92 92 0 0 1 153.6 279.4M134.7 264.8A92 92 0 1 1 292 200.5");
  const [bea, cem, dora] = picture.rings;
  assert.deepEqual(bea, { name: "bea", path: undefined, cx: 200, cy: 52, r: 44, textX: 200, textY: 57 });
  assert.equal(cem?.path, "M253.4 262.2A44 44 0 1 1 261.7 282.3");
  assert.deepEqual([cem?.textX, cem?.textY], [304.8, 265.5]);
  assert.equal(dora?.path, "M119.4 215.2A44 44 0 1 1 97.9 212.3");
  assert.deepEqual([dora?.textX, dora?.textY], [95.2, 265.5]);
});

test("three linked people are drawn as on the reference card", () => {
  const picture = circle([linked("bea"), linked("cem"), linked("dora")], { crop: true });
  assert.equal(
    picture.ownPath,
    "M288.8 224.1A92 92 0 0 1 153.6 279.4M134.7 264.8A92 92 0 0 1 154.4 120.1M176.5 111.1A92 92 0 0 1 292 200.5",
  );
  assert.equal(picture.rings[0]?.path, "M227.1 122.6A44 44 0 1 1 240.4 105.4");
  assert.equal(picture.rings[0]?.textY, 84);
  assert.equal(picture.height, 272);
  assert.equal(picture.width, 298, "it ends at the sides where the rings end");
});

test("a helper sees the own ring at the left and who is missing at the right", () => {
  const picture = caseCircle("you", "1 more");
  assert.equal(picture.viewBox, "0 100 400 200");
  assert.equal(picture.ownPath, "M111.1 223.5A92 92 0 1 1 120.1 245.6");
  assert.equal(picture.rings[0]?.path, "M122.6 172.9A44 44 0 1 1 105.4 159.6");
  assert.deepEqual([picture.rings[0]?.textX, picture.rings[0]?.textY], [79, 205]);
  assert.deepEqual([picture.rings[1]?.cx, picture.rings[1]?.cy], [348, 200]);
  assert.equal(caseCircle("you", undefined).rings.length, 1);
});

test("nobody yet is the own ring alone", () => {
  const picture = circle([]);
  assert.equal(picture.ownPath, undefined);
  assert.deepEqual([picture.width, picture.height], [400, 200]);
});

test("from six people on the rings are smaller, and eight do not touch each other", () => {
  const { rings } = circle(["a", "b", "c", "d", "e", "f", "g", "h"].map(linked));
  assert.ok(rings.every((ring) => ring.r === 36));
  rings.forEach((ring, index) => {
    const next = rings[(index + 1) % rings.length]!;
    assert.ok(Math.hypot(ring.cx - next.cx, ring.cy - next.cy) > 2 * 36 + 7);
  });
});

test("long names are cut in the picture only", () => {
  assert.equal(circle([linked("konstanze")]).rings[0]?.name, "konstan…");
  assert.equal(circle("abcdef".split("").map((letter) => linked(`${letter}lexander`))).rings[0]?.name, "alexa…");
  assert.equal(ownName("konstanze", 3), "konstan…");
  assert.equal(ownName("konstanz", 3), "konstanz");
  assert.equal(ownName("konstanze", 5), "konstan…");
  assert.equal(ownName("konstanze", 6), "konst…", "among many there is less room");
});

test("everything drawn lies inside the picture, with a margin", () => {
  for (let count = 0; count <= 8; count++) {
    for (const linkedOnes of [0, count, Math.floor(count / 2)]) {
      const people = Array.from({ length: count }, (_, index) => ({ name: "x", linked: index < linkedOnes }));
      const picture = circle(people, { crop: true });
      const [x, y, width, height] = picture.viewBox.split(" ").map(Number) as [number, number, number, number];
      for (const { cx, cy, r } of [...picture.rings, { cx: 200, cy: 200, r: 92 }]) {
        assert.ok(cx - r >= x + 7.9 && cx + r <= x + width - 7.9, `${count}: ${picture.viewBox}`);
        assert.ok(cy - r >= y + 7.9 && cy + r <= y + height - 7.9, `${count}: ${picture.viewBox}`);
      }
    }
  }
});
