import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { register } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { InstrumenterContext, MutantResult } from "@stryker-mutator/api/core";
import { declareClassPlugin, PluginKind } from "@stryker-mutator/api/plugin";
import type { Reporter } from "@stryker-mutator/api/report";
import {
  type DryRunResult,
  DryRunStatus,
  determineHitLimitReached,
  type MutantRunOptions,
  type MutantRunResult,
  MutantRunStatus,
  type TestResult,
  type TestRunner,
  TestStatus,
} from "@stryker-mutator/api/test-runner";
import { clearUp, type Unit, units } from "./harness.js";
import { isInSample } from "./sample.js";

/** The names of the compiled test files, from `run.ts`. */
export const TEST_FILES_VARIABLE = "KITH_MUTATION_TEST_FILES";

/** The name of a file that gets a line for each mutant as soon as it is tried: a run that is broken off is not lost. */
export const LOG_VARIABLE = "KITH_MUTATION_LOG";

/** How many units are run for a mutant before it counts as survived. */
export const MOST_VARIABLE = "KITH_MUTATION_MOST_TESTS";

/** The name of a file in which the first run leaves, for the processes after it, how many milliseconds each unit took. */
export const TIMES_VARIABLE = "KITH_MUTATION_TIMES";

/** What Stryker's instrumented code looks at: always this object, it is remembered there. */
const instrumenter: InstrumenterContext = {};
Object.assign(globalThis, { __stryker__: instrumenter });

/** Runs units of the test files in this process, as long as it lives; Stryker starts another for each static mutant. */
class UnitRunner implements TestRunner {
  private loaded: Map<string, Unit> | undefined;
  /** Milliseconds that each unit took when it ran last. */
  private took = new Map<string, number>();
  private readonly kills: { fileName: string; line: number; id: string }[] = [];

  capabilities() {
    return { reloadEnvironment: false };
  }

  async init(): Promise<void> {
    // What a mutant left undone must neither end the process nor count against the next mutant.
    process.on("unhandledRejection", () => undefined);
    process.on("uncaughtException", () => undefined);
    register(new URL("./resolve.js", import.meta.url));
  }

  /** Backwards, so that a unit which needs an earlier one is found out. */
  async dryRun(): Promise<DryRunResult> {
    const tests: TestResult[] = [];
    for (const [id, unit] of [...(await this.load())].reverse()) {
      instrumenter.currentTestId = id;
      const start = Date.now();
      const failureMessage = await failureOf(unit);
      const result = { id, name: id, timeSpentMs: Date.now() - start };
      tests.push(
        failureMessage === undefined
          ? { ...result, status: TestStatus.Success }
          : { ...result, status: TestStatus.Failed, failureMessage },
      );
    }
    delete instrumenter.currentTestId;
    this.took = new Map(tests.map(({ id, timeSpentMs }) => [id, timeSpentMs]));
    writeFileSync(String(process.env[TIMES_VARIABLE]), JSON.stringify([...this.took]));
    return { status: DryRunStatus.Complete, tests, mutantCoverage: instrumenter.mutantCoverage };
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    if (!isInSample(options.activeMutant)) return { status: MutantRunStatus.Error, errorMessage: "not in the sample" };
    const isStatic = options.mutantActivation === "static";
    if (isStatic) instrumenter.activeMutant = options.activeMutant.id;
    const loaded = await this.load();
    instrumenter.activeMutant = options.activeMutant.id;
    instrumenter.hitCount = options.hitLimit === undefined ? undefined : 0;
    instrumenter.hitLimit = options.hitLimit;

    let nrOfTests = 0;
    const { fileName, location } = options.activeMutant;
    const ids = this.likeliestFirst([...(options.testFilter ?? loaded.keys())], fileName, location.start.line);
    for (const id of ids.slice(0, Number(process.env[MOST_VARIABLE]))) {
      const unit = loaded.get(id);
      if (unit === undefined) throw new Error(`no test "${id}"`);
      nrOfTests++;
      const start = Date.now();
      const failureMessage = await failureOf(unit);
      if (failureMessage === undefined) this.took.set(id, Date.now() - start);
      const endless = determineHitLimitReached(instrumenter.hitCount, options.hitLimit);
      if (endless !== undefined) return { status: MutantRunStatus.Timeout, reason: endless.reason };
      if (failureMessage === undefined) continue;
      if (!isStatic) await this.expectSuccess(unit);
      this.kills.push({ fileName, line: location.start.line, id });
      return { status: MutantRunStatus.Killed, killedBy: [id], failureMessage, nrOfTests };
    }
    return { status: MutantRunStatus.Survived, nrOfTests };
  }

  /** Units that killed a mutant nearby, the nearest first; those that killed most; then the quick ones. */
  private likeliestFirst(ids: readonly string[], fileName: string, line: number): string[] {
    const distances = new Map<string, number>();
    for (const kill of this.kills)
      if (kill.fileName === fileName)
        distances.set(kill.id, Math.min(distances.get(kill.id) ?? Infinity, Math.abs(kill.line - line)));
    const nearest = [...distances].sort(([, one], [, other]) => one - other).slice(0, 6);
    const counts = new Map<string, number>();
    for (const { id } of this.kills) counts.set(id, (counts.get(id) ?? 0) + 1);
    const deadliest = [...counts].sort(([, one], [, other]) => other - one).slice(0, 6);
    const likely = [...new Set([...nearest, ...deadliest].map(([id]) => id))].filter((id) => ids.includes(id));
    const took = (id: string) => this.took.get(id) ?? 0;
    const others = ids.filter((id) => !likely.includes(id)).sort((one, other) => took(one) - took(other));
    return [...likely, ...others];
  }

  /**
   * Without the mutant the same unit must pass, else something before it or a busy machine made it fail.
   *
   * @throws Error if not: Stryker then tries the mutant again in a new process
   */
  private async expectSuccess(unit: Unit): Promise<void> {
    delete instrumenter.activeMutant;
    delete instrumenter.hitCount;
    const failure = await failureOf(unit);
    if (failure !== undefined) throw new Error(`"${unit.name}" fails without any mutant: ${failure}`);
  }

  private async load(): Promise<Map<string, Unit>> {
    if (this.loaded === undefined) {
      for (const file of JSON.parse(process.env[TEST_FILES_VARIABLE] ?? "[]") as string[])
        await import(pathToFileURL(resolve(file)).href);
      this.loaded = new Map(units().map((unit) => [unit.name, unit]));
      const times = existsSync(String(process.env[TIMES_VARIABLE]))
        ? readFileSync(String(process.env[TIMES_VARIABLE]), "utf8")
        : "[]";
      for (const [id, milliseconds] of JSON.parse(times)) this.took.set(id, milliseconds);
    }
    return this.loaded;
  }
}

async function failureOf(unit: Unit): Promise<string | undefined> {
  try {
    await unit.run();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await clearUp();
  }
}

class LogReporter implements Reporter {
  onMutantTested(result: Readonly<MutantResult>): void {
    const log = process.env[LOG_VARIABLE];
    if (log) appendFileSync(log, `${JSON.stringify(result)}\n`);
  }
}

export const strykerPlugins = [
  declareClassPlugin(PluginKind.TestRunner, "units", UnitRunner),
  declareClassPlugin(PluginKind.Reporter, "log", LogReporter),
];
