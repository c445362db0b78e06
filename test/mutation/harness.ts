/**
 * Stands in for `node:test` in mutation testing: the test files only tell what they have, and any part of it can then
 * be run again and again in one process. Starting a process and a server for every mutant would take days.
 */

interface TestContext {
  after(hook: Hook): void;
}
type Hook = () => unknown;
type TestBody = (context: TestContext) => unknown;

interface Test {
  name: string;
  body: TestBody;
}

class Suite {
  readonly children: (Suite | Test)[] = [];
  readonly before: Hook[] = [];
  readonly after: Hook[] = [];

  constructor(readonly name: string) {}
}

/** What is run as a whole: a test by itself, or a suite whose tests stand on what its hooks and each other did. */
export interface Unit {
  name: string;
  /** @throws what the first failing test threw */
  run(): Promise<void>;
}

/** Outside of any suite: its `after` hooks come from test/support and clear up after each unit. */
let current = new Suite("");

export function describe(name: string, body: () => void): void {
  const outer = current;
  const suite = new Suite(name);
  outer.children.push(suite);
  current = suite;
  try {
    body();
  } finally {
    current = outer;
  }
}

export function it(name: string, body: TestBody): void {
  current.children.push({ name, body });
}

export const test = it;

export function before(hook: Hook): void {
  current.before.push(hook);
}

export function after(hook: Hook): void {
  current.after.push(hook);
}

/** Units of the files imported until now. */
export function units(): Unit[] {
  return unitsOf(current, "");
}

/** Closes and removes what the last unit left. */
export async function clearUp(): Promise<void> {
  for (const hook of current.after.toReversed()) await hook();
}

function unitsOf(suite: Suite, path: string): Unit[] {
  return suite.children.flatMap((child) => {
    const name = path === "" ? child.name : `${path} > ${child.name}`;
    if (!(child instanceof Suite)) return [{ name, run: () => runTest(child) }];
    const isStory = child.before.length + child.after.length > 0;
    return isStory ? [{ name, run: () => runSuite(child) }] : unitsOf(child, name);
  });
}

async function runSuite(suite: Suite): Promise<void> {
  try {
    for (const hook of suite.before) await hook();
    for (const child of suite.children) await (child instanceof Suite ? runSuite(child) : runTest(child));
  } finally {
    for (const hook of suite.after) await hook();
  }
}

async function runTest({ body }: Test): Promise<void> {
  const hooks: Hook[] = [];
  try {
    await body({ after: (hook) => void hooks.push(hook) });
  } finally {
    for (const hook of hooks) await hook();
  }
}
