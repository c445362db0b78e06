import { type Kysely, sql } from "kysely";

// Where mail to other providers goes through Tor. Nothing here is about members, and nothing about who wrote to whom:
// only domains that an admin entered or that announced an onion themselves.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("onion_domains")
    .addColumn("domain", "text", (column) => column.primaryKey())
    .addColumn("source", "text", (column) => column.notNull().check(sql`source in ('pinned', 'dnssec', 'plain')`))
    .addColumn("fallback", "boolean", (column) => column.notNull().defaultTo(false))
    .addColumn("note", "text", (column) => column.notNull().defaultTo(""))
    .addColumn("changed_by", "text", (column) => column.notNull())
    .addColumn("changed_at", "timestamptz", (column) => column.notNull())
    // Discovered entries only: when the DNS is to be asked again.
    .addColumn("expires_at", "timestamptz")
    // What the DNS says where that was not taken over: a pin, or a signed entry contradicted without a signature.
    .addColumn("contradiction", "text")
    .addColumn("mta_sts", "text")
    .addColumn("checked_at", "timestamptz")
    .addColumn("outcome", "text")
    .addColumn("check_ms", "integer")
    .addColumn("starttls", "boolean")
    .addColumn("unreachable_since", "timestamptz")
    .execute();
  await db.schema
    .createTable("onion_targets")
    .addColumn("domain", "text", (column) => column.notNull().references("onion_domains.domain").onDelete("cascade"))
    .addColumn("onion", "text", (column) => column.notNull())
    .addColumn("port", "integer", (column) => column.notNull())
    .addColumn("priority", "integer", (column) => column.notNull())
    .addColumn("weight", "integer", (column) => column.notNull())
    .addPrimaryKeyConstraint("onion_targets_pkey", ["domain", "onion", "port"])
    .execute();
  // A number for life, which stands for the onion in Exim and torrc. Rows stay when an onion leaves the map: a torrc
  // that was not renewed would otherwise send the mail for the next owner of the number to the last one.
  await db.schema
    .createTable("onion_numbers")
    .addColumn("onion", "text", (column) => column.primaryKey())
    .addColumn("number", "integer", (column) => column.notNull().unique().generatedAlwaysAsIdentity())
    .execute();
  await db.schema
    .createTable("onion_history")
    .addColumn("id", "bigint", (column) => column.primaryKey().generatedAlwaysAsIdentity())
    .addColumn("domain", "text", (column) => column.notNull())
    .addColumn("at", "timestamptz", (column) => column.notNull())
    .addColumn("actor", "text", (column) => column.notNull())
    .addColumn("event", "text", (column) => column.notNull())
    .addColumn("detail", "text", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("onion_history_domain").on("onion_history").columns(["domain", "id"]).execute();
  // Domains an admin wants looked up in the DNS again and again. What a look-up merely missed is not kept anywhere.
  await db.schema
    .createTable("onion_wanted")
    .addColumn("domain", "text", (column) => column.primaryKey())
    .addColumn("next_at", "timestamptz", (column) => column.notNull())
    .execute();
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ["onion_wanted", "onion_history", "onion_numbers", "onion_targets", "onion_domains"]) {
    await db.schema.dropTable(table).execute();
  }
}
