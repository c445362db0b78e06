import type { TrustedPerson } from "#kith/trust/statement.js";
import type { NavItem, Pages, Shell } from "#kith/web/pages.js";
import type { View } from "#kith/web/view.js";

/** The day on which the sample pages are looked at: a Monday. */
export const SAMPLE_DAY = "2025-11-24";

export interface PageState {
  /** `template` or `template--state`: also the file's name in a preview. */
  name: string;
  template: keyof Pages;
  render(view: View, lang: Shell["lang"]): string;
}

const WORDS = ["lantern", "copper", "otter", "maple"];
const NAV: NavItem[] = ["home", "trust", "help", "invites", "security", "account"];

export function shell(more: Partial<Shell> = {}): Shell {
  return {
    lang: "en",
    csrf: "4tqv0m8Jt2bX",
    me: null,
    nav: NAV,
    current: null,
    collective: {
      name: "Kith",
      domain: "example.org",
      host: "kith.example.org",
      origin: "https://kith.example.org",
      contact: "mailto:people@example.org",
    },
    switchHref: "?language=de",
    flash: null,
    band: null,
    errors: [],
    ...more,
  };
}

const person = (username: string, standing: TrustedPerson["standing"] = "counts", reset: string | null = null) =>
  ({ username, standing, since: "2025-03", reset }) satisfies TrustedPerson;

const bea = person("bea", "new-key", "2025-11");
const three = [bea, person("cem"), person("dora")];
const held = [person("bea", "new-key", "2025-11"), person("cem", "new-key"), person("dora")];
const eight = ["bea", "cem", "dora", "emilia-sofie", "fatma", "giorgos.k", "hatice", "ida"].map((name) => person(name));
const rules = (threshold: number, waitDays = 0, keepKey = false) => ({ threshold, waitDays, keepKey });
const reset = { began: "2025-11-24", chosen: "2025-11-24", agreed: 1, threshold: 2, earliest: "2025-11-27" };

const states: PageState[] = [];

function add<Template extends keyof Pages>(
  template: Template,
  state: string,
  data: Pages[Template],
  more: Partial<Shell> = {},
): void {
  states.push({
    name: (state ? `${template}--${state}` : template).replaceAll("/", "."),
    template,
    render: (view, lang) => view.render(template, shell({ ...more, lang }), data),
  });
}

const ada = { me: { username: "ada", isAdmin: false } };
const helper = { me: { username: "bea", isAdmin: false }, current: "help" as const };

add("accounts/sign-in", "", { form: { username: "" }, next: null });
add(
  "accounts/sign-in",
  "error",
  { form: { username: 'ada"><script>alert(1)</script>' }, next: "/trust?a=b" },
  { errors: [{ field: "password", key: "problem.signIn" }] },
);
add(
  "accounts/sign-in",
  "signed-out",
  { form: { username: "" }, next: null },
  {
    flash: { kind: "good", key: "flash.signed-out" },
    switchHref: null,
  },
);
add("accounts/sign-in-code", "", { next: null });
add("accounts/sign-in-code", "error", { next: "/" }, { errors: [{ field: "code", key: "problem.code.wrong" }] });
const waiting = {
  username: "ada",
  words: WORDS,
  agreed: 1,
  threshold: 2,
  chosen: "2025-11-23",
  earliest: "2025-11-27",
  daysLeft: 3,
};
add("accounts/sign-in-waiting", "", waiting);
add("accounts/sign-in-waiting", "one", { ...waiting, agreed: 0, threshold: 1, earliest: SAMPLE_DAY, daysLeft: 0 });
add("accounts/sign-in-waiting", "one-and-days", { ...waiting, agreed: 0, threshold: 1, daysLeft: 1 });
add("accounts/sign-in-waiting", "days", { ...waiting, agreed: 2, earliest: "2025-11-25", daysLeft: 1 });
add("accounts/sign-in-waiting", "people", { ...waiting, agreed: 0, threshold: 3, earliest: SAMPLE_DAY, daysLeft: 0 });
add("accounts/suspended", "", { reason: null });
add("accounts/suspended", "reason", { reason: "Somebody else used your account to send spam. Ring us & we open it." });

const home: Pages["accounts/home"] = {
  people: three,
  rules: rules(2, 3),
  slots: 8,
  stopped: null,
  departed: 0,
  reminder: false,
  afterReset: false,
  lastSignIn: "2025-11-20",
  listChanged: "2025-03-04",
  tiles: [
    { kind: "invites", left: 3 },
    { kind: "help" },
    { kind: "services", count: 2 },
    { kind: "security", secondStep: true, sessions: 1 },
    { kind: "account", contact: null },
    { kind: "export" },
  ],
  treeOpened: { day: "2025-11-03", by: "nour" },
  events: [],
};
const atHome = { ...ada, current: "home" as const };
add("accounts/home", "", home, { ...atHome, band: [reset] });
add("accounts/home", "calm", { ...home, people: three.slice(1), rules: rules(1) }, atHome);
add(
  "accounts/home",
  "everything",
  {
    ...home,
    people: [
      ...held,
      person("emil", "suspended"),
      person("fritzi", "gone"),
      person("gustl", "unverified"),
      person("hana", "counts", "2025-10"),
    ],
    rules: rules(3, 1),
    stopped: { agreed: ["bea", "cem"] },
    departed: 1,
    reminder: true,
    tiles: [
      { kind: "invites", left: 0 },
      { kind: "services", count: 0 },
      { kind: "security", secondStep: null, sessions: 3 },
      { kind: "account", contact: "ada@example.net" },
    ],
    events: [
      { key: "event.letters-granted", vars: { count: 3 } },
      { key: "event.row-refused" },
      { key: "event.released", vars: { username: "otto" } },
    ],
  },
  { ...atHome, band: [reset, { ...reset, chosen: null, earliest: null, agreed: 0 }] },
);
add("accounts/home", "stopped", { ...home, people: three.slice(1), stopped: { agreed: [] } }, atHome);
add(
  "accounts/home",
  "empty",
  { ...home, people: [], afterReset: true, tiles: [], treeOpened: null },
  {
    ...atHome,
    flash: { kind: "good", key: "flash.back-in", vars: { username: "ada" } },
  },
);
add("accounts/home", "nobody", { ...home, people: [], departed: 2, lastSignIn: null }, atHome);
add(
  "accounts/home",
  "eight",
  { ...home, people: eight, rules: rules(3, 7) },
  {
    me: { username: "giorgos-konstantinos", isAdmin: true },
    nav: [...NAV, "admin"],
    current: "home",
    collective: { ...shell().collective, contact: null },
  },
);
const joined = {
  me: { username: "emil", isAdmin: false },
  flash: { kind: "good" as const, key: "flash.joined", vars: { username: "emil" } },
};
add("accounts/welcome", "", { inviter: "dora", slots: 8 }, joined);
add("accounts/welcome", "alone", { inviter: null, slots: 8 }, joined);

const security: Pages["accounts/security"] = {
  passwordMin: 15,
  suggestion: null,
  secondStep: { state: "on", since: "2025-06", codesLeft: 5, codesTotal: 8 },
  services: {
    list: [
      { id: "1", label: "Phone", services: ["mail"], since: "2025-03" },
      { id: "2", label: "Laptop", services: ["mail", "chat"], since: "2025-01" },
    ],
    offered: ["mail", "chat", "files"],
    form: { label: "", service: "mail" },
    fresh: null,
  },
  sessions: [
    { id: "1", browser: "Firefox", phone: false, since: SAMPLE_DAY, current: true },
    { id: "2", browser: "Safari", phone: true, since: "2025-11-23", current: false },
    { id: "3", browser: null, phone: false, since: "2025-11-23", current: false },
  ],
  activity: [
    { kind: "signed-in", day: SAMPLE_DAY, times: 1 },
    { kind: "signed-in", day: "2025-11-22", times: 2 },
    { kind: "rules-changed", day: "2025-11-18", times: 1 },
    { kind: "wrong-password", day: "2025-11-02", times: 3 },
    { kind: "joined", day: "2024-11-02", times: 1 },
  ],
};
const atSecurity = { ...ada, current: "security" as const };
add("accounts/security", "", security, atSecurity);
add(
  "accounts/security",
  "plain",
  { ...security, secondStep: null, services: null, activity: [], suggestion: "velvet harbour onion drum lantern" },
  { ...atSecurity, band: [{ ...reset, agreed: 0, chosen: null, earliest: null }] },
);
add(
  "accounts/security",
  "errors",
  {
    ...security,
    secondStep: { state: "off" },
    services: { ...security.services!, fresh: { label: "Phone", password: "k3vr 8tq2 mwz7 plx1" }, list: [] },
  },
  {
    ...atSecurity,
    errors: [
      { form: "password", field: "current_password", key: "problem.password.wrong" },
      { form: "password", field: "password", key: "problem.password.common" },
      { form: "services", field: "label", key: "problem.services.label" },
    ],
  },
);
add(
  "accounts/account",
  "",
  {
    language: "en",
    contact: { address: "" },
    treeOpened: { day: "2025-11-03", by: "nour" },
    canExport: true,
    canDelete: true,
  },
  { ...ada, current: "account" },
);
add(
  "accounts/account",
  "plain",
  {
    language: "de",
    contact: null,
    treeOpened: null,
    canExport: false,
    canDelete: false,
  },
  { ...ada, current: "account" },
);
add(
  "accounts/account",
  "error",
  {
    language: "en",
    contact: { address: "ada at example" },
    treeOpened: null,
    canExport: false,
    canDelete: false,
  },
  { ...ada, current: "account", errors: [{ field: "address", key: "problem.contact.address" }] },
);
add(
  "accounts/totp-setup",
  "",
  {
    uri: "otpauth://totp/Kith:ada%40example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Kith&digits=6&period=30",
    secret: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP",
  },
  atSecurity,
);
add(
  "accounts/recovery-codes",
  "",
  {
    codes: ["k3vr-8tq2", "mwz7-plx1", "m7qk-2vxh", "0dyw-9urb", "4tzj-6a2c", "99aa-bb11", "q1w2-e3r4", "zz88-yy77"],
  },
  atSecurity,
);

const redeem: Pages["invites/redeem"] = {
  letter: "k3vR8tQ2mWz7pLx1",
  kind: "member",
  inviter: "dora",
  expires: "2025-12-20",
  passwordMin: 15,
  form: { username: "", trustInviter: true },
  suggestion: null,
};
add("invites/redeem", "", redeem);
add("invites/redeem", "first", { ...redeem, kind: "first-admin", inviter: null });
add("invites/redeem", "operator", {
  ...redeem,
  kind: "operator",
  inviter: null,
  suggestion: "velvet harbour onion drum",
});
add(
  "invites/redeem",
  "errors",
  { ...redeem, kind: "admin", form: { username: "Emil!", trustInviter: false } },
  {
    errors: [
      { field: "username", key: "problem.username.shape" },
      { field: "password", key: "problem.password.short", vars: { count: 11, min: 15 } },
    ],
  },
);
add("invites/dead", "", {});
const letters: Pages["invites/list"]["letters"] = [
  { id: "5", note: "Ida, choir", state: "open", expires: "2025-12-20" },
  { id: "4", note: "", state: "open", expires: "2025-12-02" },
  { id: "3", note: "Dora from the workshop", state: "came", month: "2025-01", username: "dora" },
  { id: "2", note: "neighbour", state: "came", month: "2024-12", username: null },
  { id: "1", note: "<b>cousin</b>", state: "expired", expires: "2025-10-01" },
  { id: "0", note: "", state: "revoked" },
];
const fresh = {
  link: "https://kith.example.org/invite/k3vR8tQ2mWz7pLx1k3vR8tQ2mWz7pLx1k3vR8tQ2mWz7pLx1k3vR8tQ2mWz7pLx1k3vR8tQ2mWz7",
  note: "Ida, choir",
  expires: "2025-12-20",
};
const atInvites = { ...ada, current: "invites" as const };
add("invites/list", "", { left: 3, fresh, letters, form: { note: "" } }, { ...atInvites, band: [reset] });
add("invites/list", "empty", { left: 1, fresh: null, letters: [], form: { note: "" } }, atInvites);
add(
  "invites/list",
  "error",
  { left: 0, fresh: null, letters, form: { note: "Ida" } },
  {
    ...atInvites,
    errors: [{ field: "note", key: "problem.invites.none" }],
  },
);
add("invites/card", "", fresh, atInvites);

const onionAddress = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
const onionRow = (domain: string, more: Partial<Pages["onion/map"]["rows"][number]>) => ({
  domain,
  onion: onionAddress,
  port: 25,
  more: 0,
  source: "pinned" as const,
  changedBy: "nour",
  month: "2025-05",
  reach: { state: "unchecked" as const },
  ...more,
});
const onionNotices: Pages["onion/map"]["notices"] = [
  { kind: "unreachable", domain: "letterbox.example", clear: false },
  { kind: "contradiction", domain: "riverbank.example", pinned: true, said: `${onionAddress}:25` },
  { kind: "mta-sts", domain: "workshop.example", policy: "enforce" },
];
const onionMap: Pages["onion/map"] = {
  count: 40,
  search: "",
  rows: [
    onionRow("riverbank.example", { reach: { state: "yes", seconds: "0.4", day: "2025-11-24" } }),
    onionRow("casa-azul.example", {
      source: "dnssec",
      more: 1,
      reach: { state: "slow", seconds: "11", day: "2025-11-24" },
    }),
    onionRow("letterbox.example", { changedBy: "import", reach: { state: "no", since: "2025-11-20", clear: false } }),
    onionRow("workshop.example", { source: "plain" }),
  ],
  notices: onionNotices,
  changes: [{ domain: "casa-azul.example", event: "discovered", day: "2025-11-22", detail: onionAddress }],
  form: { domain: "", onion: "", port: "25" },
};
const atAdmin = { ...ada, current: "admin" as const };
add("onion/map", "", onionMap, atAdmin);
add("onion/map", "empty", { ...onionMap, count: 0, rows: [], notices: [], changes: [] }, atAdmin);
add("onion/map", "nothing found", { ...onionMap, search: "zz", rows: [] }, atAdmin);
add(
  "onion/map",
  "error",
  { ...onionMap, form: { domain: "_x.example", onion: "4my2dd2okjr75aho.onion", port: "0" } },
  {
    ...atAdmin,
    errors: [
      { field: "domain", key: "onion.problem.domain" },
      { field: "onion", key: "onion.problem.version-2" },
      { field: "port", key: "onion.problem.port" },
    ],
  },
);
add(
  "onion/entry",
  "",
  {
    domain: "letterbox.example",
    row: onionRow("letterbox.example", { reach: { state: "no", since: "2025-11-20", clear: true } }),
    notices: [{ kind: "contradiction", domain: "letterbox.example", pinned: false, said: "" }],
    targets: [{ onion: onionAddress, port: 2525, priority: 0, weight: 0, virtual: "10.192.0.1" }],
    fallback: true,
    note: "spoke to them in May",
    check: { outcome: "no-descriptor", starttls: null, seconds: "30", day: "2025-11-24" },
    history: [{ event: "pinned", actor: "ada", day: "2025-08-02", detail: onionAddress }],
  },
  atAdmin,
);
add(
  "onion/entry",
  "removed",
  { domain: "gone.example", row: null, notices: [], targets: [], fallback: false, note: "", check: null, history: [] },
  atAdmin,
);
add("onion/import", "", { form: { list: "", strict: false }, refused: [], changed: 0 }, atAdmin);
add(
  "onion/import",
  "refused",
  {
    form: { list: "a.example wrong", strict: true },
    refused: [{ line: 1, domain: "a.example", reason: "not an onion address" }],
    changed: 2,
  },
  atAdmin,
);

const trust: Pages["trust/people"] = {
  people: three,
  rules: rules(2, 3, true),
  slots: 8,
  isAdmin: false,
  form: { username: "", threshold: "2", waitDays: "3", keepKey: true },
  removal: null,
};
const atTrust = { ...ada, current: "trust" as const };
add("trust/people", "", trust, {
  ...atTrust,
  flash: { kind: "good", key: "flash.rules-saved" },
  band: [reset],
});
const form = (threshold: string, waitDays = "0") => ({ username: "", threshold, waitDays, keepKey: false });
add("trust/people", "nobody", { ...trust, people: [], rules: rules(1), form: form("1") }, atTrust);
add("trust/people", "one", { ...trust, people: [person("bea")], rules: rules(1), form: form("1") }, atTrust);
add(
  "trust/people",
  "one-day",
  { ...trust, people: [person("bea")], rules: rules(1, 1), form: form("1", "1") },
  atTrust,
);
add(
  "trust/people",
  "one-of-three",
  {
    ...trust,
    people: three.slice(1).concat(person("emil")),
    rules: rules(1),
    form: form("1"),
  },
  atTrust,
);
add("trust/people", "both", { ...trust, people: three.slice(1), rules: rules(2, 1), form: form("2", "1") }, atTrust);
add("trust/people", "unable", { ...trust, people: held, rules: rules(2), form: form("2") }, atTrust);
add(
  "trust/people",
  "all-lost",
  {
    ...trust,
    people: [person("emil", "suspended"), person("fritzi", "unverified")],
    rules: rules(1),
    form: form("1"),
  },
  atTrust,
);
add(
  "trust/people",
  "eight",
  { ...trust, people: eight, rules: rules(3, 7), isAdmin: true, form: form("3", "7") },
  atTrust,
);
add(
  "trust/people",
  "errors",
  { ...trust, form: { username: "bea", threshold: "4", waitDays: "99", keepKey: false } },
  {
    ...atTrust,
    errors: [
      { field: "username", key: "problem.trust.twice", vars: { name: "bea" } },
      { field: "threshold", key: "problem.rules.threshold", vars: { count: 3 } },
      { field: "wait_days", key: "problem.rules.wait" },
      { field: "keep_key", key: "problem.rules.keepAlone" },
      { form: "rules", field: "current_password", key: "problem.rules.password" },
    ],
  },
);
add(
  "trust/people",
  "removal",
  {
    ...trust,
    removal: { username: "cem", left: 1, below: true, needsPassword: false },
  },
  atTrust,
);
add(
  "trust/people",
  "removal-key",
  {
    ...trust,
    removal: { username: "cem", left: 2, below: false, needsPassword: true },
  },
  { ...atTrust, errors: [{ form: "remove", field: "current_password", key: "problem.password.wrong" }] },
);
add(
  "trust/people",
  "removal-last",
  {
    ...trust,
    people: [person("cem")],
    rules: rules(1),
    form: form("1"),
    removal: { username: "cem", left: 0, below: true, needsPassword: true },
  },
  atTrust,
);
add("trust/card", "", { people: ["bea", "cem", "dora"], rules: rules(2, 3) }, atTrust);
add("trust/card", "one", { people: ["bea"], rules: rules(1) }, atTrust);
add("trust/card", "eight", { people: eight.map((each) => each.username), rules: rules(1, 1) }, atTrust);
add("trust/card", "nobody", { people: [], rules: rules(1) }, atTrust);
add("trust/confirm", "", { people: [bea] }, atTrust);
add("trust/confirm", "several", { people: [bea, person("cem", "new-key")] }, { ...atTrust, band: [reset] });

add("resets/help", "", { form: { username: "" } }, helper);
add(
  "resets/help",
  "error",
  { form: { username: "" } },
  {
    ...helper,
    errors: [{ field: "username", key: "problem.username.missing" }],
  },
);
add("resets/help-nothing", "", {}, helper);
const handing = {
  username: "ada",
  link: "https://kith.example.org/handover/m7Qk2vXh0dYw9uRb4TzJ6am7Qk2vXh0dYw9uRb4TzJ6",
  expires: "2026-01-07",
};
add("resets/help-handover", "", { ...handing, threshold: 2, waitDays: 3 }, helper);
add("resets/help-handover", "one", { ...handing, threshold: 1, waitDays: 0 }, helper);
add("resets/help-handover", "many", { ...handing, threshold: 3, waitDays: 1 }, helper);
add("resets/help-waiting", "", { username: "ada", expires: "2026-01-07", threshold: 2, waitDays: 3 }, helper);
const open = {
  id: "0b8f2c0e-0000-4000-8000-000000000001",
  words: WORDS,
  chosen: SAMPLE_DAY,
  agreed: 0,
  threshold: 2,
  waitDays: 3,
  lostSecondStep: true,
  approved: false,
};
const other = {
  ...open,
  id: "0b8f2c0e-0000-4000-8000-000000000002",
  words: ["velvet", "harbour", "onion", "drum"],
  chosen: "2025-11-23",
  lostSecondStep: false,
};
add("resets/help-compare", "", { username: "ada", fresh: null, cases: [open] }, helper);
add(
  "resets/help-compare",
  "one",
  { username: "ada", fresh: null, cases: [{ ...open, threshold: 1, lostSecondStep: false }] },
  helper,
);
add("resets/help-compare", "one-lost", { username: "ada", fresh: null, cases: [{ ...open, threshold: 1 }] }, helper);
add("resets/help-compare", "two", { username: "ada", fresh: null, cases: [other, open] }, helper);
add(
  "resets/help-compare",
  "three",
  {
    username: "ada",
    fresh: null,
    cases: [
      other,
      { ...open, approved: true, agreed: 1 },
      { ...other, id: "0b8f2c0e-0000-4000-8000-000000000003", words: ["river", "window", "pepper", "stone"] },
    ],
  },
  { ...helper, errors: [{ field: "case", key: "problem.help.case" }] },
);
add(
  "resets/help-compare",
  "approved",
  { username: "ada", fresh: null, cases: [{ ...open, approved: true, agreed: 1 }] },
  helper,
);
add(
  "resets/help-compare",
  "own-link",
  {
    username: "ada",
    cases: [open],
    fresh: { link: "https://kith.example.org/handover/m7Qk2vXh0dYw9uRb4TzJ6a", expires: "2026-01-07" },
  },
  helper,
);
const agreed = { username: "ada", agreed: 1, threshold: 2, chosen: SAMPLE_DAY, earliest: "2025-11-27", waitDays: 3 };
add("resets/help-agreed", "", agreed, helper);
add("resets/help-agreed", "one", { ...agreed, threshold: 1, earliest: SAMPLE_DAY, waitDays: 0 }, helper);
add("resets/help-agreed", "one-wait", { ...agreed, threshold: 1 }, helper);
add("resets/help-agreed", "many", { ...agreed, threshold: 4, earliest: SAMPLE_DAY, waitDays: 0 }, helper);
const choose: Pages["resets/handover"] = {
  username: "ada",
  secret: "m7Qk2vXh0dYw9uRb4TzJ6a",
  passwordMin: 15,
  threshold: 2,
  waitDays: 3,
  earliest: "2025-11-27",
  form: { lostSecondStep: false },
  suggestion: null,
};
add("resets/handover", "", choose);
add(
  "resets/handover",
  "error",
  { ...choose, form: { lostSecondStep: true } },
  {
    errors: [{ field: "password", key: "problem.password.short", vars: { count: 11, min: 15 } }],
  },
);
add("resets/handover", "one", {
  ...choose,
  threshold: 1,
  waitDays: 0,
  earliest: SAMPLE_DAY,
  suggestion: "velvet harbour onion drum lantern",
});
const chosen = {
  username: "ada",
  words: WORDS,
  agreed: 0,
  threshold: 2,
  chosen: SAMPLE_DAY,
  earliest: "2025-11-27",
  waitDays: 3,
};
add("resets/handover-done", "", chosen, { switchHref: null });
add(
  "resets/handover-done",
  "one",
  { ...chosen, threshold: 1, earliest: SAMPLE_DAY, waitDays: 0 },
  { switchHref: null },
);
add("resets/dead", "", {});
add("resets/how", "", {});
add("resets/stopped", "", { count: 1, agreed: ["bea"] }, { ...ada, current: "home" });
add("resets/stopped", "several", { count: 2, agreed: ["bea", "cem"] }, { ...ada, current: "home" });
add("resets/stopped", "none", { count: 0, agreed: [] }, { ...ada, current: "home" });
const caseWeeks = [1, 0, 2, 0, 0, 1, 0, 1, 0, 0, 3, 0].map((opened, index) => ({
  week: new Date(Date.parse(SAMPLE_DAY) - index * 7 * 86_400_000).toISOString().slice(0, 10),
  opened,
  finished: Math.min(opened, 1),
  alarming: false,
}));
const nour: Partial<Shell> = { ...ada, current: "admin", me: { username: "nour", isAdmin: true } };
add("admin/cases", "", { weeks: caseWeeks, warning: false }, nour);
const many = [{ ...caseWeeks[0]!, opened: 14, alarming: true }, ...caseWeeks.slice(1)];
add("admin/cases", "warning", { weeks: many, warning: true }, nour);
add("errors/not-found", "", {});
add("errors/not-found", "signed-in", {}, ada);
add("errors/too-many", "", { retryAfterSeconds: 20 });
add("errors/too-many", "minutes", { retryAfterSeconds: 600 });
add("errors/busy", "", { retryAfterSeconds: 3 });
add("errors/broken", "", {});
add("errors/old-form", "", {});
add("errors/database-down", "", {});
add("about", "", {});
add("about", "signed-in", {}, ada);

/** Every page in every state. */
export const PAGE_STATES: readonly PageState[] = states;
