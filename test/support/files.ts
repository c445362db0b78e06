import { readdirSync, readFileSync } from "node:fs";
import pg from "pg";
import type { FreshDatabase } from "./database.js";

/** Whether these bytes stand anywhere in a database's files, dead rows included; the write-ahead log is left out. */
export async function standsInFiles({ adminUrl, files }: FreshDatabase, bytes: Uint8Array): Promise<boolean> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query("checkpoint");
    const { rows } = await client.query("select oid from pg_database where datname = current_database()");
    const folder = `${files.cluster}/base/${rows[0].oid}`;
    return readdirSync(folder).some((file) => readFileSync(`${folder}/${file}`).includes(Buffer.from(bytes)));
  } finally {
    await client.end();
  }
}
