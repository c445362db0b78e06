/**
 * Something an operator can put right: its message says what and how, in one line, without a secret. The command line
 * prints it as it is; every other error is a bug or a broken world.
 */
export class Failure extends Error {
  readonly code = "ERR_FAILURE";
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "Failure";
  }
}

/** What was asked for can't be meant: exit status 2, as for an option that there is not. */
export class UsageFailure extends Failure {}
