import type { PasswordFault } from "../accounts/password-policy.js";
import type { FieldError } from "./pages.js";

/** What to say at a password field. */
export function passwordProblem(fault: PasswordFault, form?: string): FieldError {
  const at = { field: "password", ...(form && { form }) };
  switch (fault.code) {
    case "too-short":
      return fault.length === 0
        ? { ...at, key: "problem.password.choose" }
        : { ...at, key: "problem.password.short", vars: { count: fault.length, min: fault.min } };
    case "too-long":
      return { ...at, key: "problem.password.long", vars: { max: fault.max } };
    case "common":
      return { ...at, key: "problem.password.common" };
    default:
      return { ...at, key: "problem.password.name" };
  }
}
