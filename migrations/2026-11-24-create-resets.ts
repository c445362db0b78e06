import type { Kysely } from "kysely";

// Resets under way. A case belongs to one generation of the account it is for; a foreign key to that account would
// only leave a lock on somebody who did not act.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("reset_cases")
    .addColumn("id", "uuid", (column) => column.primaryKey())
    .addColumn("trusting_id", "uuid", (column) => column.notNull())
    .addColumn("row_id", "uuid", (column) => column.notNull().unique())
    .addColumn("generation", "bytea", (column) => column.notNull())
    .addColumn("link_hash", "bytea", (column) => column.notNull().unique())
    .addColumn("rules", "bytea", (column) => column.notNull())
    .addColumn("pending_public_key", "bytea")
    .addColumn("pending_locked_key", "bytea")
    .addColumn("opening_day", "date", (column) => column.notNull())
    .addColumn("choice_day", "date")
    .addColumn("lost_second_step", "boolean", (column) => column.notNull())
    .addColumn("expiry_day", "date", (column) => column.notNull())
    .addColumn("tag", "bytea", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("reset_cases_trusting").on("reset_cases").column("trusting_id").execute();
  await db.schema
    .createTable("approvals")
    // The one foreign key of a reset: an approval can't outlive a case that is stopped at the same moment.
    .addColumn("case_id", "uuid", (column) => column.notNull().references("reset_cases.id").onDelete("cascade"))
    .addColumn("row_id", "uuid", (column) => column.notNull())
    .addColumn("generation", "bytea", (column) => column.notNull())
    .addColumn("sealed", "bytea", (column) => column.notNull())
    .addColumn("tag", "bytea", (column) => column.notNull())
    .addPrimaryKeyConstraint("approvals_pkey", ["case_id", "row_id"])
    .execute();
  // Numbers only, for the alarm: how many cases a week were opened and finished.
  await db.schema
    .createTable("case_weeks")
    .addColumn("week", "date", (column) => column.primaryKey())
    .addColumn("opened", "integer", (column) => column.notNull().defaultTo(0))
    .addColumn("finished", "integer", (column) => column.notNull().defaultTo(0))
    .execute();
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable("case_weeks").execute();
  await db.schema.dropTable("approvals").execute();
  await db.schema.dropTable("reset_cases").execute();
}
