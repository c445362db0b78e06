import { type Kysely, sql } from "kysely";

// An account and everything that only its owner's actions change. All sealed columns are present from the first
// second, with decoys where there is nothing to keep, so that no length ever tells what an account uses.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("accounts")
    .addColumn("id", "uuid", (column) => column.primaryKey())
    .addColumn("username", "text", (column) => column.notNull())
    .addColumn("domain", "text", (column) => column.notNull())
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("role", "text", (column) => column.notNull())
    .addColumn("frozen", "text", (column) => column.notNull())
    .addColumn("granted", "integer", (column) => column.notNull())
    .addColumn("fingerprint", "bytea", (column) => column.notNull())
    .addColumn("locked_key", "bytea", (column) => column.notNull())
    .addColumn("salt", "bytea", (column) => column.notNull())
    .addColumn("parameters", "text", (column) => column.notNull())
    .addColumn("generation", "bytea", (column) => column.notNull())
    .addColumn("session_epoch", "bytea", (column) => column.notNull())
    .addColumn("self_record", "bytea", (column) => column.notNull())
    .addColumn("escrow", "bytea", (column) => column.notNull())
    .addColumn("second_step", "bytea", (column) => column.notNull())
    .addColumn("edge", "bytea", (column) => column.notNull())
    .addColumn("contact", "bytea", (column) => column.notNull())
    .addColumn("language", "text", (column) => column.notNull())
    .addColumn("people_version", "integer", (column) => column.notNull())
    .addColumn("tag", "bytea", (column) => column.notNull())
    .addUniqueConstraint("accounts_name", ["domain", "username"])
    .execute();
  await db.schema
    .createTable("relations")
    .addColumn("id", "uuid", (column) => column.primaryKey())
    // The owner of the row. Nothing here points at the trusted person.
    .addColumn("trusting_id", "uuid", (column) => column.notNull().references("accounts.id").onDelete("cascade"))
    .addColumn("generation", "bytea", (column) => column.notNull())
    .addColumn("sealed_trusted", "bytea", (column) => column.notNull())
    .addColumn("sealed_token", "bytea", (column) => column.notNull())
    .addColumn("token_hash", "bytea", (column) => column.notNull())
    .addColumn("tag", "bytea", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("relations_trusting").on("relations").column("trusting_id").execute();
  // Sealed bytes don't compress; don't let PostgreSQL try at every sign-in.
  await sql`alter table accounts alter column self_record set storage external`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable("relations").execute();
  await db.schema.dropTable("accounts").execute();
}
