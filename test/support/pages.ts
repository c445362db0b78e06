import assert from "node:assert/strict";
import type { LightMyRequestResponse } from "fastify";
import type pg from "pg";

/** A page without the token of its forms, which is another one each time. */
export function masked(html: string): string {
  return html.replaceAll(/name="_csrf" value="[^"]+"/g, 'name="_csrf" value=""');
}

/** Status, headers and page as somebody could compare them, without what is another one each time. */
export function asSeen(response: LightMyRequestResponse) {
  const { "set-cookie": cookies, date: _date, ...headers } = response.headers;
  const names = [cookies ?? []].flat().map((cookie) => String(cookie).split("=")[0]);
  return { status: response.statusCode, headers, cookies: names, page: masked(response.body) };
}

export function assertSame(one: LightMyRequestResponse, other: LightMyRequestResponse, message: string): void {
  assert.deepEqual(asSeen(one), asSeen(other), message);
}

const TABLES = ["accounts", "people", "relations", "reset_cases", "approvals", "spent_invites", "review_grants"];

/** A fingerprint of all rows of each table: what changed shows, and what did not. */
export async function contents(pool: pg.Pool, tables: readonly string[] = TABLES): Promise<Record<string, string>> {
  const entries = tables.map(async (table) => {
    const { rows } = await pool.query(
      `select count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' order by md5(t::text))), '') as sum from ${table} t`,
    );
    return [table, rows[0].sum as string] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

export async function countRows(pool: pg.Pool, table: string): Promise<number> {
  return (await pool.query(`select count(*)::int as count from ${table}`)).rows[0].count;
}

/** The relation rows of a member, in order of their ids. */
export async function slotsOf(pool: pg.Pool, username: string) {
  const { rows } = await pool.query(
    `select r.* from relations r join accounts a on a.id = r.trusting_id where a.username = $1 order by r.id`,
    [username],
  );
  return rows;
}

export async function accountOf(pool: pg.Pool, username: string) {
  return (await pool.query("select * from accounts where username = $1", [username])).rows[0];
}
