import type { Random } from "./random.js";

/** Stands in values that would be another page's code if they came back as they went in. */
export const MARK = "kithmark";
/** Stands in headers that tell a host: no page may ever hold it. */
export const OTHER_HOST = "other-host.example";

const TEXTS = [
  "",
  " ",
  "\t\r\n",
  "\u0000",
  "ada\u0000",
  "\u0000ada",
  "\u0000".repeat(64),
  "'",
  '"',
  "`",
  "\\",
  "' or 1=1 --",
  "';select pg_sleep(10);--",
  "') union select null,null --",
  "$$;drop table accounts;$$",
  "%' or '%'='",
  `<${MARK}>`,
  `"><${MARK}>`,
  `'><${MARK}>`,
  `" ${MARK}="1`,
  `' ${MARK}='1`,
  `</script><${MARK}>`,
  `--><${MARK}>`,
  `</title></textarea><${MARK}>`,
  `javascript:${MARK}()`,
  `\ufeff<${MARK}>`,
  `＜${MARK}＞`,
  `{{"<${MARK}>"|safe}}`,
  "{{7*7*19130017}}",
  "{% raise %}",
  `$t(${"a".repeat(60)}`,
  `$t(${"a".repeat(60)}@x.example`,
  `\${7*7*19130017}`,
  "#{7*7*19130017}",
  `x\r\nX-Split: ${MARK}`,
  `x\nX-Split: ${MARK}`,
  `x\rX-Split: ${MARK}`,
  `x\r\n\r\nHTTP/1.1 200 OK\r\nX-Split: ${MARK}\r\n\r\n`,
  `x\u560d\u560aX-Split:${MARK}`,
  `//${OTHER_HOST}/`,
  `\\\\${OTHER_HOST}\\`,
  `/\\${OTHER_HOST}`,
  `https://${OTHER_HOST}/`,
  `http:${OTHER_HOST}`,
  `/%2f%2f${OTHER_HOST}`,
  `/\t/${OTHER_HOST}`,
  "/sign-in?next=/sign-in?next=/",
  "../../../../etc/passwd",
  "..\\..\\windows",
  "/proc/self/environ",
  "%",
  "%00",
  "%25%30%30",
  "%ff",
  "%c0%af",
  "%u0041",
  "\ufffd",
  "\ufffe\uffff",
  "\u202e\u2066\u200b",
  "﷽".repeat(20),
  "🦔".repeat(100),
  "e\u0301".repeat(200),
  "İſKß",
  "ａｄａ",
  "ada@localhost@localhost",
  "@",
  "@localhost",
  "ada@",
  "ada@OTHER",
  "a@".repeat(500),
  "-1",
  "0",
  "00",
  "+1",
  "1e1",
  "1e309",
  "1.5",
  "0x10",
  "٣",
  "NaN",
  "Infinity",
  "9007199254740993",
  "999999999999999999999",
  "true",
  "false",
  "null",
  "undefined",
  "[object Object]",
  "[]",
  "{}",
  '{"a":{"$ne":null}}',
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "then",
  "on",
  "off",
  "00000000-0000-0000-0000-000000000000",
  "ffffffff-ffff-ffff-ffff-ffffffffffff",
  "{00000000-0000-0000-0000-000000000000}",
  "0".repeat(36),
  "-".repeat(36),
  "1970-01",
  "9999-99",
  "2025-13",
  "2025-11-31",
  "xn--",
  "xn--a.example",
  ".".repeat(64),
  "a".repeat(63),
  "a".repeat(64),
  "a".repeat(255),
  "a".repeat(256),
  "a".repeat(257),
  "x".repeat(1_023),
  "x".repeat(4_096),
  "x".repeat(20_000),
  "é".repeat(300),
  "\n".repeat(2_000),
  "a.".repeat(130),
  `${"a".repeat(56)}.onion`,
  "mx1.example mx1.onion 25",
  '{"domains":[{"domain":1}]}',
  "---\n- a: &a [*a]\n",
  "+3,4:abc->xyz\n\n",
  "* * * * *",
  "=cmd|' /C calc'!A0",
];

/** Not text in UTF-8. */
const BYTES = [
  [0xff],
  [0xfe, 0xff, 0x00, 0x61],
  [0xff, 0xfe, 0x61, 0x00],
  [0xc0, 0x80],
  [0xc0, 0xaf],
  [0xe0, 0x80, 0xaf],
  [0xf0, 0x80, 0x80, 0xaf],
  [0xed, 0xa0, 0x80],
  [0xed, 0xb0, 0x80],
  [0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xf8, 0x88, 0x80, 0x80, 0x80],
  [0x80],
  [0x61, 0xc3],
  [0xe2, 0x82],
  [0x1b, 0x5b, 0x32, 0x4a],
  [0x7f, 0x00, 0x01, 0x08, 0x0b, 0x0c],
].map((bytes) => Buffer.from(bytes));

/** Something that no form means. */
export function nasty(random: Random): Buffer {
  const kind = random.next();
  if (kind < 0.62) return Buffer.from(random.pick(TEXTS));
  // What PostgreSQL does not store.
  if (kind < 0.72) return Buffer.from(`${random.pick(TEXTS).slice(0, 20)}\u0000${random.pick(["", "x"])}`);
  if (kind < 0.82) return Buffer.concat([Buffer.from(random.pick(["", "ada", "x"])), random.pick(BYTES)]);
  if (kind < 0.9) return random.bytes(random.below(40));
  if (kind < 0.95) return Buffer.from(random.pick(TEXTS) + random.pick(TEXTS));
  return Buffer.alloc(
    2 ** random.below(13) + random.below(3) - 1,
    random.pick(["a", "\u0000", "%", "é", "9", " ", "<"]),
  );
}

const UNRESERVED = /[A-Za-z0-9._~-]/;

/** Bytes as a form or an address carries them: mostly as they should be, sometimes as they should not. */
export function encode(bytes: Buffer, random: Random): string {
  const style = random.next();
  const text = bytes.toString("latin1");
  if (style < 0.06) return text.replaceAll(/[\r\n ]/g, "+");
  if (style < 0.1) return [...text].map((one) => `%u00${hex(one)}`).join("");
  if (style < 0.14) return [...text].map((one) => `%25${hex(one)}`).join("");
  if (style < 0.17) return `${[...text].map((one) => `%${hex(one)}`).join("")}%`;
  if (style < 0.2) return [...text].map((one) => `%${hex(one).toLowerCase()}%00`).join("");
  return percent(text);
}

/** As a browser does it. @param text latin1 */
export function percent(text: string): string {
  let result = "";
  for (const one of text) result += one === " " ? "+" : UNRESERVED.test(one) ? one : `%${hex(one)}`;
  return result;
}

function hex(one: string): string {
  return one.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0");
}
