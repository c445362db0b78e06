import { type Kysely, sql } from "kysely";

// The newest version of a name is found without a look at the others: how many there are would show in the statistics.
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index people_name_version on people (domain, username, version)`.execute(db);
  await sql`drop index people_name`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`create index people_name on people (domain, username)`.execute(db);
  await sql`drop index people_name_version`.execute(db);
}
