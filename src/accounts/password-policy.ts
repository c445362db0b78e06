import { isCommon } from "./common-passwords.js";

/** So long a password would only cost the server time. */
export const PASSWORD_MAX_CHARACTERS = 256;

export type PasswordFault =
  | { code: "too-short"; length: number; min: number }
  | { code: "too-long"; max: number }
  | { code: "common" }
  | { code: "contains-username" }
  | { code: "contains-service" };

/** What the password must not contain. */
export interface PasswordSurroundings {
  username: string;
  domains: readonly string[];
  serviceName: string;
}

/**
 * Whether a new password will do (NIST SP 800-63B-4): long enough, not among the common ones, not made of the
 * username or the service's name. No rules of composition, every character of Unicode counts as one.
 *
 * @param min characters
 */
export function checkPassword(
  password: string,
  min: number,
  { username, domains, serviceName }: PasswordSurroundings,
): PasswordFault | undefined {
  const length = [...password.normalize("NFC")].length;
  if (length < min) return { code: "too-short", length, min };
  if (length > PASSWORD_MAX_CHARACTERS) return { code: "too-long", max: PASSWORD_MAX_CHARACTERS };
  const folded = password.normalize("NFKC").toLowerCase();
  if (isCommon(folded)) return { code: "common" };
  // Two letters turn up in any sentence by chance.
  if (username.length >= 3 && folded.includes(username)) return { code: "contains-username" };
  const services = [serviceName, ...domains, ...domains.map((domain) => domain.split(".")[0] as string)];
  if (services.some((name) => name.length >= 4 && folded.includes(name.toLowerCase()))) {
    return { code: "contains-service" };
  }
  return undefined;
}
