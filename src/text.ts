/** Whether a text has control characters. No line needs them: JSON makes six bytes of most, PostgreSQL refuses one. */
export function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text);
}
