import { drawTree } from "#kith/review/picture.js";
import type { TreeNode } from "#kith/review/tree.js";
import type { TrustedPerson } from "#kith/trust/statement.js";
import type { NavItem, Pages, Shell, TreeItem } from "#kith/web/pages.js";
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
  ({
    username,
    standing,
    since: "2025-03",
    reset,
    wasReset: username !== "cem",
    newKey: standing === "new-key" ? "00".repeat(20) : null,
  }) satisfies TrustedPerson;

const bea = person("bea", "new-key", "2025-11");
const three = [bea, person("cem"), person("dora")];
const held = [person("bea", "new-key", "2025-11"), person("cem", "new-key"), person("dora")];
const eight = ["bea", "cem", "dora", "emilia-sofie", "fatma", "giorgos.k", "hatice", "ida"].map((name) => person(name));
const rules = (threshold: number, waitDays = 0, keepKey = false) => ({ threshold, waitDays, keepKey });
const reset = { began: "2025-11-24", chosen: "2025-11-24", agreed: 1, threshold: 2, earliest: "2025-11-27" };

/** The tree of the design: 26 people by way of ada. */
function sampleTree(): TreeNode[] {
  const below: Record<string, string> = {
    ada: "bea dora fritzi nour",
    bea: "cem nadja oskar",
    cem: "lale mats",
    oskar: "pia",
    dora: "emil quirin",
    emil: "hana kofi",
    hana: "ivo jana",
    fritzi: "rosa tove ulla",
    rosa: "sami",
    ulla: "veit wim",
    nour: "xenia yusuf",
    yusuf: "zoe",
  };
  const make = (username: string, parent: TreeNode | undefined): TreeNode => {
    const node: TreeNode = {
      id: username,
      username,
      domain: "example.org",
      suspended: false,
      invitingFrozen: false,
      signInFrozen: false,
      isAdmin: false,
      month: "2025-03",
      parent,
      children: [],
      depth: parent ? parent.depth + 1 : 0,
      below: 0,
    };
    node.children = (below[username]?.split(" ") ?? []).map((name) => make(name, node));
    return node;
  };
  return [make("ada", undefined)];
}

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

const ada = { me: { username: "ada", label: "ada", isAdmin: false } };
const helper = { me: { username: "bea", label: "bea", isAdmin: false }, current: "help" as const };

add("accounts/sign-in", "", { form: { username: "" }, next: null, lost: false });
add(
  "accounts/sign-in",
  "error",
  { form: { username: 'ada"><script>alert(1)</script>' }, next: "/trust?a=b", lost: false },
  { errors: [{ field: "password", key: "problem.signIn" }] },
);
add(
  "accounts/sign-in",
  "lost",
  { form: { username: "" }, next: "/help", lost: true },
  { switchHref: "?next=%2Fhelp&lost=1&language=de" },
);
add("accounts/sign-in-code", "", { next: null });
add(
  "accounts/sign-in-code",
  "error",
  { next: "/" },
  { errors: [{ field: "code", key: "problem.code.wrongAtSignIn" }] },
);
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
add("accounts/sign-in-waiting", "last-day", { ...waiting, agreed: 2, earliest: SAMPLE_DAY, daysLeft: 1 });
add("accounts/sign-in-waiting", "one-and-last-day", { ...waiting, earliest: SAMPLE_DAY, daysLeft: 1 });
add("accounts/sign-in-waiting", "people", { ...waiting, agreed: 0, threshold: 3, earliest: SAMPLE_DAY, daysLeft: 0 });
add("accounts/suspended", "", { kind: "suspended", reason: null });
add("accounts/suspended", "frozen", { kind: "frozen", reason: null });
add("accounts/suspended", "reason", {
  kind: "suspended",
  reason: "Somebody else used your account to send spam. Ring us & we open it.",
});

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
    stopped: { agreed: ["bea", "cem"], byChange: false },
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
      { key: "event.put-back", vars: { day: "2025-11-20" } },
      { key: "event.person-mended" },
      { key: "event.rows-refused", vars: { tables: "accounts, people" } },
      { key: "event.released", vars: { username: "otto" } },
    ],
  },
  { ...atHome, band: [reset, { ...reset, chosen: null, earliest: null, agreed: 0 }] },
);
add("accounts/home", "none-held", { ...home, people: [bea] }, atHome);
add("accounts/home", "none-counts", { ...home, people: [person("emil", "suspended")], rules: rules(1) }, atHome);
add("accounts/home", "stopped", { ...home, people: three.slice(1), stopped: { agreed: [], byChange: true } }, atHome);
add(
  "accounts/home",
  "empty",
  { ...home, people: [], afterReset: true, tiles: [], treeOpened: null },
  {
    ...atHome,
    flash: { kind: "good", key: "flash.back-in", vars: { username: "ada" } },
  },
);
add("accounts/home", "nobody", { ...home, people: [], departed: 2, lastSignIn: null }, { ...atHome, band: [reset] });
add(
  "accounts/home",
  "eight",
  { ...home, people: eight, rules: rules(3, 7) },
  {
    me: { username: "giorgos-konstantinos", label: "giorgos-konstantinos", isAdmin: true },
    nav: [...NAV, "admin"],
    current: "home",
    collective: { ...shell().collective, contact: null },
  },
);
const joined = {
  me: { username: "emil", label: "emil", isAdmin: false },
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
  "no-codes",
  { ...security, secondStep: { state: "on", since: "2025-06", codesLeft: 0, codesTotal: 8 } },
  atSecurity,
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
    mailed: true,
    treeOpened: { day: "2025-11-03", by: "nour" },
    acts: [
      { kind: "reinstated", day: "2025-11-20", by: "nour", reason: "", count: 0 },
      { kind: "suspended", day: "2025-11-18", by: "", reason: "Spam came from <b>your</b> account.", count: 0 },
      { kind: "invites", day: "2025-10-02", by: "nour", reason: "", count: 3 },
    ],
    ownKey: "9F3C 11D0 AB42 77E1 0C5D 2E6A 4B90 D3F1 8A27 66CE",
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
    mailed: true,
    treeOpened: null,
    acts: [],
    ownKey: null,
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
    mailed: false,
    treeOpened: null,
    acts: [],
    ownKey: null,
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

const atAdmin = {
  me: { username: "nour", label: "nour", isAdmin: true },
  nav: [...NAV, "admin" as const],
  current: "admin" as const,
};
const opened = { day: "2025-11-03", by: "nour" };
add("admin/gate", "", { state: "closed", members: 26, last: opened }, atAdmin);
add(
  "admin/gate",
  "error",
  { state: "closed", members: 1, last: null },
  { ...atAdmin, errors: [{ field: "current_password", key: "problem.password.wrong" }] },
);
add("admin/gate", "unconfirmed", { state: "unconfirmed", members: 26, last: opened }, atAdmin);
add("admin/reading", "", { done: 12_000, total: 100_000 }, atAdmin);
const panelForm = { sent: "", reason: "", branch: false, what: "", inviter: "", count: "" };
const emil: Pages["admin/accounts"]["person"] = {
  username: "emil",
  self: false,
  isAdmin: false,
  suspended: false,
  invitingFrozen: false,
  signInFrozen: false,
  place: {
    inviter: "dora",
    month: "2025-03",
    path: ["ada", "dora"],
    direct: 2,
    below: 4,
    names: ["hana", "ivo", "jana", "kofi"],
    more: 0,
    containsSelf: false,
  },
};
const sample = sampleTree();
const inBranch = (node: TreeNode) =>
  [node.username, node.parent?.username, node.parent?.parent?.username].includes("emil");
const draw = (cut: boolean) =>
  drawTree(
    sample,
    "example.org",
    8,
    (node) => cut && inBranch(node),
    (node) => node.username,
  );
const item = (node: TreeNode): TreeItem => ({
  label: node.username,
  username: node.username,
  depth: node.depth,
  state: node.username === "ivo" ? "suspended" : node.username === "wim" ? "frozen" : "active",
  cut: inBranch(node),
  current: node.username === "emil",
  invited: node.children.length,
  below: null,
  by: null,
  open: true,
  children: node.children.map(item),
});
const tree: Pages["admin/tree"] = {
  total: 26,
  roots: ["ada"],
  minutesLeft: 12,
  picture: draw(false),
  around: null,
  up: null,
  rings: 8,
  person: null,
  list: { items: sample.map(item), filtered: false, count: 26, page: 1, pages: 1 },
  filter: { q: "", month: "", domain: "", state: "" },
  domains: [],
  form: panelForm,
};
add("admin/tree", "", tree, atAdmin);
add("admin/tree", "person", { ...tree, picture: draw(true), person: emil, around: "emil", up: "dora" }, atAdmin);
add(
  "admin/tree",
  "errors",
  {
    ...tree,
    total: 400,
    minutesLeft: 1,
    roots: ["ada", "bea"],
    person: {
      ...emil,
      suspended: true,
      invitingFrozen: true,
      signInFrozen: true,
      place: { ...emil.place!, inviter: null, month: null, path: [], below: 40, more: 28 },
    },
    picture: { ...draw(true), beyond: 340 },
    rings: 3,
    list: {
      items: [{ ...item(sample[0]!), children: [], by: null, below: "dora" }],
      filtered: true,
      count: 1,
      page: 2,
      pages: 3,
    },
    filter: { q: "ad", month: "2025-03", domain: "example.net", state: "suspended" },
    domains: ["example.org", "example.net"],
    form: { sent: "suspend", reason: "spam & <b>worse</b>", branch: false, what: "", inviter: "xenia", count: "zero" },
  },
  {
    ...atAdmin,
    errors: [
      { form: "suspend", field: "reason", key: "problem.admin.reason" },
      { form: "graft", field: "inviter", key: "problem.admin.unknown", vars: { name: "xenia" } },
      { form: "invites", field: "count", key: "problem.admin.count", vars: { max: 1000 } },
    ],
  },
);
const fingerprint = "9F3C 11D0 AB42 77E1 0C5D 2E6A 4B90 D3F1 8A27 66CE";
const key = fingerprint.replaceAll(" ", "").toLowerCase();
const accounts: Pages["admin/accounts"] = {
  admins: [
    { username: "nour", self: true, standing: "reader", canConfirm: false, canUnmake: true, fingerprint, key },
    { username: "bea", self: false, standing: "unconfirmed", canConfirm: true, canUnmake: true, fingerprint, key },
    { username: "cem", self: false, standing: "resting", canConfirm: true, canUnmake: true, fingerprint, key },
  ],
  reader: true,
  recovery: false,
  person: null,
  list: [
    { username: "ada", suspended: false, frozen: false, isAdmin: false },
    { username: "bea", suspended: false, frozen: false, isAdmin: true },
    { username: "ivo", suspended: true, frozen: true, isAdmin: false },
  ],
  filter: { q: "", state: "" },
  page: 1,
  more: true,
  form: panelForm,
};
add("admin/accounts", "", accounts, atAdmin);
add(
  "admin/accounts",
  "person",
  { ...accounts, person: { ...emil, place: null }, reader: false, list: [], more: false },
  { ...atAdmin, errors: [{ form: "all", field: "count", key: "problem.admin.count", vars: { max: 1000 } }] },
);
add(
  "admin/accounts",
  "self",
  { ...accounts, person: { ...emil, username: "nour", self: true, isAdmin: true } },
  atAdmin,
);
const about = { name: "emil", count: 5, invites: 0, everybody: false, to: null };
const lines: Pages["admin/log"]["lines"] = [
  { id: "1", by: "nour", kind: "suspended", day: SAMPLE_DAY, about, undone: false, undo: true },
  {
    id: "2",
    by: null,
    kind: "made-admin",
    day: "2025-11-23",
    about: { ...about, count: 1 },
    undone: true,
    undo: false,
  },
  {
    id: "3",
    by: "nour",
    kind: "invites",
    day: "2025-11-20",
    about: { ...about, name: null, invites: 3, everybody: true },
    undone: false,
    undo: true,
  },
  {
    id: "4",
    by: "bea",
    kind: "grafted",
    day: "2025-10-20",
    about: { ...about, count: 1, to: "dora" },
    undone: false,
    undo: true,
  },
  {
    id: "5",
    by: "bea",
    kind: "tree-opened",
    day: "2024-10-20",
    about: { ...about, name: null },
    undone: false,
    undo: false,
  },
];
add("admin/log", "", { open: true, lines, page: 2, more: true }, atAdmin);
add(
  "admin/log",
  "closed",
  { open: false, lines: lines.map(({ about: _sealed, ...line }) => ({ ...line, undo: false })), page: 1, more: false },
  { ...atAdmin, errors: [{ field: "log", key: "problem.admin.undo" }] },
);
add("admin/log", "empty", { open: false, lines: [], page: 1, more: false }, atAdmin);
const phrase = [...WORDS, "velvet", "harbour", "onion", "drum", "river", "window", "pepper", "stone"];
add("admin/recovery", "", { state: "none", words: null, ask: null }, atAdmin);
add("admin/recovery", "set", { state: "set", words: null, ask: null }, atAdmin);
add("admin/recovery", "unconfirmed", { state: "unconfirmed", words: null, ask: null }, atAdmin);
add("admin/recovery", "words", { state: "none", words: phrase, ask: null }, atAdmin);
add(
  "admin/recovery",
  "check",
  { state: "none", words: phrase, ask: [2, 7, 11] },
  { ...atAdmin, errors: [{ field: "word_7", key: "problem.admin.word", vars: { place: 7 } }] },
);
const letters: Pages["invites/list"]["letters"] = [
  { id: "5", note: "Ida, choir", state: "open", expires: "2025-12-20" },
  { id: "4", note: "", state: "open", expires: "2025-12-02" },
  { id: "3", note: "Dora from the workshop", state: "came", month: "2025-01", username: "dora" },
  { id: "2", note: "neighbour", state: "came", month: "2024-12", username: null },
  { id: "1", note: "<b>cousin</b>", state: "expired", expires: "2025-10-01" },
  { id: "0", note: "", state: "revoked" },
  { id: "", note: "the one with the bike", state: "unreadable" },
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
const atOnion = { ...ada, current: "admin" as const };
add("onion/map", "", onionMap, atOnion);
add("onion/map", "empty", { ...onionMap, count: 0, rows: [], notices: [], changes: [] }, atOnion);
add("onion/map", "nothing found", { ...onionMap, search: "zz", rows: [] }, atOnion);
add(
  "onion/map",
  "error",
  { ...onionMap, form: { domain: "_x.example", onion: "4my2dd2okjr75aho.onion", port: "0" } },
  {
    ...atOnion,
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
    again: null,
    history: [{ event: "pinned", actor: "ada", day: "2025-08-02", detail: onionAddress }],
  },
  atOnion,
);
add(
  "onion/entry",
  "removed",
  {
    domain: "gone.example",
    row: null,
    notices: [],
    targets: [],
    fallback: false,
    note: "",
    check: null,
    again: { onion: onionAddress, port: 25 },
    history: [],
  },
  atOnion,
);
add("onion/import", "", { form: { list: "", strict: false }, refused: [], changed: 0 }, atOnion);
add(
  "onion/import",
  "refused",
  {
    form: { list: "a.example wrong", strict: true },
    refused: [{ line: 1, domain: "a.example", reason: "not an onion address" }],
    changed: 2,
  },
  atOnion,
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
add("trust/card", "", { people: ["bea", "cem", "dora"], able: true, rules: rules(2, 3) }, atTrust);
add("trust/card", "one", { people: ["bea"], able: true, rules: rules(1) }, atTrust);
add("trust/card", "too-few", { people: ["bea"], able: false, rules: rules(2, 3) }, atTrust);
add("trust/card", "eight", { people: eight.map((each) => each.username), able: true, rules: rules(1, 1) }, atTrust);
add("trust/card", "nobody", { people: [], able: false, rules: rules(1) }, atTrust);
add("trust/confirm", "", { people: [bea] }, atTrust);
add(
  "trust/confirm",
  "several",
  { people: [bea, person("cem", "new-key")] },
  { ...atTrust, band: [reset], collective: { ...shell().collective, contact: null } },
);

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
add("resets/help-agreed", "last-day", { ...agreed, threshold: 1, chosen: "2025-11-21", earliest: SAMPLE_DAY }, helper);
add("resets/help-agreed", "many", { ...agreed, threshold: 4, earliest: SAMPLE_DAY, waitDays: 0 }, helper);
const choose: Pages["resets/handover"] = {
  username: "ada",
  name: "ada@example.org",
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
const nour: Partial<Shell> = { ...ada, current: "admin", me: { username: "nour", label: "nour", isAdmin: true } };
add("admin/cases", "", { weeks: caseWeeks, warning: false }, nour);
const many = [{ ...caseWeeks[0]!, opened: 14, alarming: true }, ...caseWeeks.slice(1)];
add("admin/cases", "warning", { weeks: many, warning: true }, nour);
add("errors/not-found", "", {});
add("errors/not-found", "signed-in", {}, ada);
add("errors/too-many", "", { retryAfterSeconds: 20 });
add("errors/too-many", "minutes", { retryAfterSeconds: 600 });
add("errors/busy", "", { retryAfterSeconds: 3 });
add("errors/no-joining", "", {});
add("errors/broken", "", {});
add("errors/old-form", "", {});
add("errors/database-down", "", {});
add("about", "", {});
add("about", "signed-in", {}, ada);

/** Every page in every state. */
export const PAGE_STATES: readonly PageState[] = states;
