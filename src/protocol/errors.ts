/** What can go wrong in here that is a bug or a broken world, never a wrong password or a foreign key. */
export type ProtocolErrorCode =
  | "ERR_CLASS_OVERFLOW" // a plaintext too long for its size class
  | "ERR_ROW_COUNT" // not exactly S relation rows
  | "ERR_ENCODING" // bytes of an authenticated value that this version cannot read
  | "ERR_PARAMETER"; // an argument outside its documented range

/** An error of the protocol layer. Its message never contains a value, only the code and a fixed sentence. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  constructor(
    readonly code: ProtocolErrorCode,
    message: string,
  ) {
    super(message);
  }
}
