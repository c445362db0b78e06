import type { Kysely } from "kysely";

// The admins' review key, its sealed copies, and what members are to find at their next sign-in.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("review_keys")
    .addColumn("id", "uuid", (column) => column.primaryKey())
    .addColumn("public_key", "bytea", (column) => column.notNull())
    .addColumn("fingerprint", "bytea", (column) => column.notNull())
    .addColumn("tag", "bytea", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("review_grants")
    .addColumn("id", "uuid", (column) => column.primaryKey())
    .addColumn("review_key_id", "uuid", (column) => column.notNull())
    .addColumn("account_id", "uuid", (column) => column.notNull())
    .addColumn("fingerprint", "bytea", (column) => column.notNull())
    .addColumn("sealed", "bytea", (column) => column.notNull())
    .addColumn("tag", "bytea", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("events")
    .addColumn("id", "uuid", (column) => column.primaryKey())
    .addColumn("account_id", "uuid", (column) => column.notNull())
    .addColumn("sealed", "bytea", (column) => column.notNull())
    .addColumn("tag", "bytea", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("events_account").on("events").column("account_id").execute();
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable("events").execute();
  await db.schema.dropTable("review_grants").execute();
  await db.schema.dropTable("review_keys").execute();
}
