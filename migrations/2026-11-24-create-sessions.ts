import { type Kysely, sql } from "kysely";

// Sessions tell nothing without their cookies. Limits are neither logged nor backed up: they hold only the day's
// keyed hashes of who did something too often.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("sessions")
    .addColumn("id", "bytea", (column) => column.primaryKey())
    .addColumn("sealed", "bytea", (column) => column.notNull())
    .addColumn("expiry_day", "date", (column) => column.notNull())
    .execute();
  await sql`alter table sessions alter column sealed set storage external`.execute(db);
  await sql`create unlogged table limits_points (
    key varchar(255) primary key, points integer not null default 0, expire bigint)`.execute(db);
  await db.schema
    .createTable("settings")
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("value", "text", (column) => column.notNull())
    .addColumn("tag", "bytea", (column) => column.notNull())
    .execute();
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable("settings").execute();
  await sql`drop table limits_points`.execute(db);
  await db.schema.dropTable("sessions").execute();
}
