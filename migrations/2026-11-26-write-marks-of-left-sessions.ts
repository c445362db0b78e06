import type { Kysely } from "kysely";

// The row of a session is known to be a member's. Deleted when the session is left, it would tell who was there just
// then: whoever helped and signed out, or in whose browser somebody joined. A mark tells that to nobody.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("left_sessions")
    .addColumn("mark", "bytea", (column) => column.primaryKey())
    .addColumn("expiry_day", "date", (column) => column.notNull())
    .execute();
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable("left_sessions").execute();
}
