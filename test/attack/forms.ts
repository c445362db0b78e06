/**
 * The fields of every form, as docs and pages name them, and the queries of every page. A test sees that no form and no
 * field on a page is missing here.
 */
export const FORMS: Readonly<Record<string, readonly string[]>> = {
  "/sign-in": ["username", "password"],
  "/sign-in/code": ["code"],
  "/sign-out": [],
  "/invite/:letter": ["username", "password", "trust_inviter", "suggest"],
  "/invites": ["note"],
  "/invites/revoke": ["invite"],
  "/trust": ["username"],
  "/trust/remove": ["username", "current_password", "confirm"],
  "/trust/rules": ["threshold", "wait_days", "keep_key", "current_password"],
  "/trust/confirm": ["username", "fingerprint"],
  "/help": ["username", "again"],
  "/help/approve": ["username", "case"],
  "/handover/:secret": ["password", "lost_second_step", "suggest"],
  "/resets/stop": [],
  "/security/password": ["current_password", "password"],
  "/security/sessions/end": ["session", "all"],
  "/security/totp": ["current_password"],
  "/security/totp/confirm": ["code"],
  "/security/totp/remove": ["current_password"],
  "/account/language": ["language"],
  "/account/contact": ["address"],
  "/admin/tree": ["current_password"],
  "/admin/tree/search": ["q", "month", "domain", "state"],
  "/admin/accounts/search": ["q", "month", "domain", "state"],
  "/admin/accounts/suspend": ["username", "branch", "reason"],
  "/admin/accounts/reinstate": ["username", "branch", "reason"],
  "/admin/accounts/freeze": ["username", "branch", "what", "reason"],
  "/admin/accounts/unfreeze": ["username", "branch", "what", "reason"],
  "/admin/accounts/invites": ["username", "branch", "everybody", "count"],
  "/admin/accounts/graft": ["username", "inviter"],
  "/admin/accounts/role": ["username", "role"],
  "/admin/confirm": ["username", "fingerprint"],
  "/admin/recovery": ["current_password", "check", "word_1", "word_2", "word_3", "word_12"],
  "/admin/log/undo": ["act"],
  "/admin/onion": ["domain", "onion", "port"],
  "/admin/onion/search": ["q"],
  "/admin/onion/remove": ["domain"],
  "/admin/onion/fallback": ["domain", "fallback"],
  "/admin/onion/import": ["list", "strict"],
};

export const QUERIES: Readonly<Record<string, readonly string[]>> = {
  "/": ["language", "next"],
  "/sign-in": ["language", "next", "lost"],
  "/sign-in/code": ["next"],
  "/invite/:letter": ["language", "suggest"],
  "/handover/:secret": ["language", "suggest"],
  "/security": ["suggest"],
  "/admin/tree": ["q", "month", "domain", "state", "person", "around", "rings", "page"],
  "/admin/accounts": ["q", "state", "person", "page"],
  "/admin/log": ["page"],
  "/admin/recovery": ["ask"],
  "/admin/onion": ["q"],
};

/** Fields whose name holds a place: one of three words that the page asks for. */
export function isKnownField(url: string, name: string): boolean {
  return (
    name === "_csrf" || (FORMS[url]?.includes(name) ?? false) || (url === "/admin/recovery" && /^word_\d+$/.test(name))
  );
}
