/** Days are `YYYY-MM-DD` in UTC, months `YYYY-MM`: the hour is nobody's business. */
export type Day = string;

const DAY_MILLISECONDS = 86_400_000;

export function dayOf(date: Date): Day {
  return date.toISOString().slice(0, 10);
}

export function monthOf(date: Date): string {
  return date.toISOString().slice(0, 7);
}

/** First day of the month, midnight UTC. */
export function monthStart(date: Date): Date {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1));
}

export function addDays(day: Day, days: number): Day {
  return dayOf(new Date(Date.parse(day) + days * DAY_MILLISECONDS));
}

/** Whole days since 1970-01-01. */
export function dayNumber(day: Day): number {
  return Date.parse(day) / DAY_MILLISECONDS;
}

export function dayFromNumber(number: number): Day {
  return dayOf(new Date(number * DAY_MILLISECONDS));
}

/** Days from one day to a later one. */
export function daysBetween(from: Day, to: Day): number {
  return dayNumber(to) - dayNumber(from);
}

/** The Monday of a day's week. */
export function weekOf(day: Day): Day {
  return addDays(day, -((new Date(day).getUTCDay() + 6) % 7));
}
