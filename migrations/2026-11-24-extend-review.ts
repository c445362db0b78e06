import { type Kysely, sql } from "kysely";

// When an admin leaves, a new review key takes over, and the old private key is sealed to it: keys are numbered and
// linked. The recovery key is one more recipient. What was read of the tree is kept sealed, so that it opens fast. Acts
// of admins are written down; whom they were about only the review key opens.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable("review_keys")
    .addColumn("number", "integer", (column) => column.notNull().unique())
    .addColumn("previous", "bytea", (column) => column.notNull())
    .execute();
  await db.schema
    .alterTable("review_grants")
    .addUniqueConstraint("review_grants_recipient", ["review_key_id", "account_id"])
    .execute();
  await db.schema
    .createTable("review_recovery")
    .addColumn("id", "uuid", (column) => column.primaryKey())
    .addColumn("public_key", "bytea", (column) => column.notNull())
    .addColumn("locked_key", "bytea", (column) => column.notNull())
    .addColumn("tag", "bytea", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("review_notes")
    .addColumn("review_key_id", "uuid", (column) => column.primaryKey())
    .addColumn("sealed_key", "bytea", (column) => column.notNull())
    .addColumn("box", "bytea", (column) => column.notNull())
    .addColumn("tag", "bytea", (column) => column.notNull())
    .execute();
  await sql`alter table review_notes alter column box set storage external`.execute(db);
  await db.schema
    .createTable("admin_acts")
    .addColumn("id", "uuid", (column) => column.primaryKey())
    .addColumn("number", "integer", (column) => column.notNull().unique())
    .addColumn("actor_id", "uuid", (column) => column.notNull())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("day", "date", (column) => column.notNull())
    .addColumn("undoes", "uuid", (column) => column.notNull())
    .addColumn("sealed", "bytea", (column) => column.notNull())
    .addColumn("tag", "bytea", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("admin_act_persons")
    .addColumn("id", "uuid", (column) => column.primaryKey())
    .addColumn("act_id", "uuid", (column) => column.notNull())
    .addColumn("sealed", "bytea", (column) => column.notNull())
    .addColumn("tag", "bytea", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("admin_act_persons_act").on("admin_act_persons").column("act_id").execute();
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable("admin_act_persons").execute();
  await db.schema.dropTable("admin_acts").execute();
  await db.schema.dropTable("review_notes").execute();
  await db.schema.dropTable("review_recovery").execute();
  await db.schema.alterTable("review_grants").dropConstraint("review_grants_recipient").execute();
  await db.schema.alterTable("review_keys").dropColumn("number").dropColumn("previous").execute();
}
