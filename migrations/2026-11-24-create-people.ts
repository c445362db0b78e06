import { type Kysely, sql } from "kysely";

// How members see each other. Insert-only: on PostgreSQL a lock or a foreign key on a row, and even a read of one
// that was updated lately, leaves traces in the heap and in the write-ahead log; reading rows that never change
// leaves none. Hence no foreign key to accounts either.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("people")
    .addColumn("account_id", "uuid", (column) => column.notNull())
    .addColumn("version", "integer", (column) => column.notNull())
    .addColumn("username", "text", (column) => column.notNull())
    .addColumn("domain", "text", (column) => column.notNull())
    .addColumn("public_key", "bytea", (column) => column.notNull())
    .addColumn("fingerprint", "bytea", (column) => column.notNull())
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("reset_mark", "integer", (column) => column.notNull())
    .addColumn("tag", "bytea", (column) => column.notNull())
    .addPrimaryKeyConstraint("people_pkey", ["account_id", "version"])
    .execute();
  await db.schema.createIndex("people_name").on("people").columns(["domain", "username"]).execute();
  await db.schema
    .createTable("spent_invites")
    .addColumn("nonce_hash", "bytea", (column) => column.primaryKey())
    .addColumn("invitee", "bytea", (column) => column.notNull())
    .execute();
  await sql`alter table people set (autovacuum_freeze_min_age = 0)`.execute(db);
  await sql`alter table spent_invites set (autovacuum_freeze_min_age = 0)`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable("spent_invites").execute();
  await db.schema.dropTable("people").execute();
}
