/**
 * D. J. Bernstein's constant database, version cdb 0.75: what Exim's `cdb` and Postfix's `cdb:` look-ups read.
 *
 * A file is a header of 256 pairs (position, slots), the records, and 256 hash tables, each with twice as many slots
 * as it has records. All numbers are 32 bits, little-endian.
 *
 * @see https://cr.yp.to/cdb/cdb.txt
 */
const HEADER_BYTES = 2048;
const TABLES = 256;
const MAX_BYTES = 0xffff_ffff;

export interface Record {
  key: Buffer;
  value: Buffer;
}

/** @throws RangeError if the file would be larger than 4 GiB, which its 32-bit positions can't express */
export function writeCdb(records: readonly Record[]): Buffer {
  const recordBytes = records.reduce((sum, { key, value }) => sum + 8 + key.length + value.length, 0);
  const total = HEADER_BYTES + recordBytes + records.length * 2 * 8;
  if (total > MAX_BYTES) throw new RangeError("a cdb can't be larger than 4 GiB");
  const file = Buffer.alloc(total);
  const tables: { hash: number; position: number }[][] = Array.from({ length: TABLES }, () => []);
  let at = HEADER_BYTES;
  for (const { key, value } of records) {
    const hash = hashOf(key);
    tables[hash % TABLES]!.push({ hash, position: at });
    file.writeUInt32LE(key.length, at);
    file.writeUInt32LE(value.length, at + 4);
    key.copy(file, at + 8);
    value.copy(file, at + 8 + key.length);
    at += 8 + key.length + value.length;
  }
  tables.forEach((table, index) => {
    const slots = table.length * 2;
    file.writeUInt32LE(at, index * 8);
    file.writeUInt32LE(slots, index * 8 + 4);
    for (const { hash, position } of table) {
      let slot = Math.floor(hash / TABLES) % slots;
      while (file.readUInt32LE(at + slot * 8 + 4) !== 0) slot = (slot + 1) % slots;
      file.writeUInt32LE(hash, at + slot * 8);
      file.writeUInt32LE(position, at + slot * 8 + 4);
    }
    at += slots * 8;
  });
  return file;
}

/**
 * All records in the order they were written.
 *
 * @throws RangeError if the file ends in the middle of something
 */
export function* readCdb(file: Buffer): Generator<Record> {
  if (file.length < HEADER_BYTES) throw new RangeError("not a cdb: it ends inside its header");
  // The records end where the first hash table starts, and the file where the last one ends.
  let end = file.length;
  let fileEnd = HEADER_BYTES;
  for (let index = 0; index < TABLES; index++) {
    const [at, slots] = [file.readUInt32LE(index * 8), file.readUInt32LE(index * 8 + 4)];
    // Where an empty one stands is left to who writes.
    if (slots === 0) continue;
    end = Math.min(end, at);
    fileEnd = Math.max(fileEnd, at + slots * 8);
  }
  if (fileEnd !== file.length) throw new RangeError("not a cdb: it was cut off, or something was added");
  let at = HEADER_BYTES;
  while (at < end) {
    if (at + 8 > end) throw new RangeError("not a cdb: a record ends too early");
    const keyEnd = at + 8 + file.readUInt32LE(at);
    const valueEnd = keyEnd + file.readUInt32LE(at + 4);
    if (valueEnd > end) throw new RangeError("not a cdb: a record ends too early");
    yield { key: file.subarray(at + 8, keyEnd), value: file.subarray(keyEnd, valueEnd) };
    at = valueEnd;
  }
}

function hashOf(key: Buffer): number {
  let hash = 5381;
  for (const byte of key) hash = ((((hash << 5) >>> 0) + hash) ^ byte) >>> 0;
  return hash;
}
