import type { Generated } from "kysely";
import type { OnionTables } from "./onion-tables.js";

/** `YYYY-MM-DD` */
type Day = string;

/** One member. Every column but `tag` goes into `tag`; every column always has its full length. */
export interface AccountsTable {
  id: string;
  username: string;
  domain: string;
  status: "active" | "suspended";
  /** `reset-admin`: an admin whose key is new; the role rests until somebody confirms the key. */
  role: "member" | "admin" | "reset-admin";
  frozen: "nothing" | "inviting" | "sign-in" | "both";
  granted: number;
  fingerprint: Uint8Array;
  locked_key: Uint8Array;
  salt: Uint8Array;
  parameters: string;
  generation: Uint8Array;
  session_epoch: Uint8Array;
  self_record: Uint8Array;
  escrow: Uint8Array;
  second_step: Uint8Array;
  edge: Uint8Array;
  contact: Uint8Array;
  language: string;
  people_version: number;
  tag: Uint8Array;
}

/** How others see a member: insert-only. */
export interface PeopleTable {
  account_id: string;
  version: number;
  username: string;
  domain: string;
  public_key: Uint8Array;
  fingerprint: Uint8Array;
  /** `no-invites`: active, but letters of this member are refused. */
  status: "active" | "no-invites" | "suspended" | "gone" | "decoy";
  reset_mark: number;
  tag: Uint8Array;
}

export interface RelationsTable {
  id: string;
  trusting_id: string;
  generation: Uint8Array;
  sealed_trusted: Uint8Array;
  sealed_token: Uint8Array;
  token_hash: Uint8Array;
  tag: Uint8Array;
}

export interface ResetCasesTable {
  id: string;
  trusting_id: string;
  row_id: string;
  generation: Uint8Array;
  link_hash: Uint8Array;
  rules: Uint8Array;
  pending_public_key: Uint8Array | null;
  pending_locked_key: Uint8Array | null;
  opening_day: Day;
  choice_day: Day | null;
  lost_second_step: boolean;
  expiry_day: Day;
  tag: Uint8Array;
}

export interface ApprovalsTable {
  case_id: string;
  row_id: string;
  generation: Uint8Array;
  sealed: Uint8Array;
  tag: Uint8Array;
}

export interface SessionsTable {
  id: Uint8Array;
  sealed: Uint8Array;
  expiry_day: Day;
}

/** Marks of sessions that were left, which only their members' other sessions can tell from random ones. */
export interface LeftSessionsTable {
  mark: Uint8Array;
  expiry_day: Day;
}

export interface SpentInvitesTable {
  nonce_hash: Uint8Array;
  invitee: Uint8Array;
}

export interface ReviewKeysTable {
  id: string;
  /** From 1; the highest is the one that new edges are sealed to. */
  number: number;
  /** The private key before this one, sealed to this one; to nobody if it is lost, or there was none. */
  previous: Uint8Array;
  public_key: Uint8Array;
  fingerprint: Uint8Array;
  tag: Uint8Array;
}

export interface ReviewGrantsTable {
  id: string;
  review_key_id: string;
  account_id: string;
  fingerprint: Uint8Array;
  sealed: Uint8Array;
  tag: Uint8Array;
}

/** The key that the recovery phrase opens: one more reader of the review key. */
export interface ReviewRecoveryTable {
  id: string;
  public_key: Uint8Array;
  locked_key: Uint8Array;
  tag: Uint8Array;
}

/** What was read of the edges so far, sealed to the review key: so that the tree opens fast. */
export interface ReviewNotesTable {
  review_key_id: string;
  sealed_key: Uint8Array;
  box: Uint8Array;
  tag: Uint8Array;
}

/** What admins did: by whom, what and on which day. Whom it was about only the review key opens. Insert-only. */
export interface AdminActsTable {
  id: string;
  number: number;
  actor_id: string;
  kind: string;
  day: Day;
  /** The act that this one takes back, the recovery key that was made by it, or the id that is nobody's. */
  undoes: string;
  sealed: Uint8Array;
  tag: Uint8Array;
}

export interface AdminActPersonsTable {
  id: string;
  act_id: string;
  sealed: Uint8Array;
  tag: Uint8Array;
}

/** What a member should find at the next sign-in, sealed to the member. */
export interface EventsTable {
  id: string;
  account_id: string;
  sealed: Uint8Array;
  tag: Uint8Array;
}

/** What is fixed at the first start, such as the number of slots. */
export interface SettingsTable {
  name: string;
  value: string;
  tag: Uint8Array;
}

/** How many cases were opened and finished in a week: numbers only. */
export interface CaseWeeksTable {
  week: Day;
  opened: Generated<number>;
  finished: Generated<number>;
}

export interface Database extends OnionTables {
  accounts: AccountsTable;
  people: PeopleTable;
  relations: RelationsTable;
  reset_cases: ResetCasesTable;
  approvals: ApprovalsTable;
  sessions: SessionsTable;
  left_sessions: LeftSessionsTable;
  spent_invites: SpentInvitesTable;
  review_keys: ReviewKeysTable;
  review_grants: ReviewGrantsTable;
  review_recovery: ReviewRecoveryTable;
  review_notes: ReviewNotesTable;
  admin_acts: AdminActsTable;
  admin_act_persons: AdminActPersonsTable;
  events: EventsTable;
  settings: SettingsTable;
  case_weeks: CaseWeeksTable;
}
