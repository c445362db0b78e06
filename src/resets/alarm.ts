import type { Context } from "../context.js";
import { addDays, dayOf, weekOf } from "../days.js";
import { selectCaseWeeks } from "./queries.js";

/** How many weeks are shown, and how many before a week say what is usual. */
export const SHOWN_WEEKS = 12;
/** A week with more than so many times the usual is alarming. */
const ALARMING_TIMES = 4;
/** For how many weeks, the present one included, an alarm is worth a warning. */
const WARNED_WEEKS = 2;

/** How many resets were opened and finished in one week: numbers, never whose. */
export interface CaseWeek {
  /** Its Monday. */
  week: string;
  opened: number;
  finished: number;
  /** More than four times the usual were opened. */
  alarming: boolean;
}

export interface Alarm {
  /** Newest first. */
  weeks: CaseWeek[];
  /** Whether this week or the last one is alarming. */
  warning: boolean;
}

/**
 * Resets in the last weeks, and whether there are suddenly many: somebody may be trying stolen accounts, or be
 * asking many people for help in others' names.
 */
export async function resetAlarm(context: Context): Promise<Alarm> {
  const thisWeek = weekOf(dayOf(context.clock()));
  const first = addDays(thisWeek, -7 * (2 * SHOWN_WEEKS));
  const rows = await selectCaseWeeks(context.db, first);
  const stored = new Map(rows.map((row) => [row.week, row]));
  const all = Array.from({ length: 2 * SHOWN_WEEKS + 1 }, (_, index) => {
    const week = addDays(first, 7 * index);
    return { week, opened: stored.get(week)?.opened ?? 0, finished: stored.get(week)?.finished ?? 0 };
  });
  const weeks = all.map((row, index) => {
    const before = all.slice(Math.max(0, index - SHOWN_WEEKS), index).map(({ opened }) => opened);
    return { ...row, alarming: row.opened > ALARMING_TIMES * usual(before) };
  });
  return {
    weeks: weeks.slice(-SHOWN_WEEKS).reverse(),
    warning: weeks.slice(-WARNED_WEEKS).some(({ alarming }) => alarming),
  };
}

/** The median, since one bad week must not make the next one look usual; at least one, or the first case ever alarms. */
export function usual(counts: readonly number[]): number {
  const sorted = [...counts].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
  return Math.max(1, median);
}
