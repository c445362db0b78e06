import { Features } from "./features.js";

/** One round's features, and which of two worlds it was. */
export interface Sample {
  features: Features;
  world: boolean;
}

export interface Verdict {
  rounds: number;
  /** How many of them were guessed. */
  guesses: number;
  /** How many guesses were right. */
  right: number;
  /** Yes-or-no questions that were asked of each round. */
  questions: number;
  /** The question that tells the worlds apart best, over all rounds. */
  best: { name: string; p: number };
  /** The best few. */
  suspects: string[];
}

/** A yes-or-no question to a round: whether one feature is above some value. */
interface Question {
  name: string;
  answers: Uint8Array;
}

/** At most so many cuts through one feature. */
const CUTS = 6;
/** Of all questions, so many that did best on the rounds to learn from go into the model. */
const SCREENED = 150;
const STUMPS = 25;
/** So many rounds are only learnt from: a quarter, but no more than this. */
const HEAD_START = 20;
/** Learns anew when there is so much more to learn from. */
const GROWTH = 1.05;

/**
 * Learns which questions tell the worlds apart (boosted stumps) and guesses one round after the other, each by what the
 * rounds before it taught. As each round has a coin of its own, guesses where nothing leaks are coins, too, each without
 * regard to the others, whatever the rounds have in common: how likely so many right ones are is a plain binomial.
 * Cross-validation would not do: its guesses depend on one another, and their number varies twice as much as a coin's
 * (A. Blum, A. Kalai, J. Langford: Beating the Hold-Out, 1999).
 */
export function judge(samples: readonly Sample[]): Verdict {
  const questions = ask(samples.map(({ features }) => features));
  const worlds = Uint8Array.from(samples, ({ world }) => Number(world));
  const all = samples.map((_, at) => at);
  const first = Math.min(HEAD_START, Math.floor(samples.length / 4));
  let right = 0;
  let model: Stump[] = [];
  let next = first;
  for (let at = first; at < samples.length; at++) {
    if (at >= next) {
      model = boost(questions, worlds, all.slice(0, at));
      next = Math.ceil(at * GROWTH);
    }
    if (guess(model, at) === Boolean(worlds[at])) right++;
  }
  const best = ranked(questions, worlds, all);
  return {
    rounds: samples.length,
    guesses: samples.length - first,
    right,
    questions: questions.length,
    suspects: best.slice(0, 12).map(({ question, logP }) => `${question.name} ${logP.toFixed(1)}`),
    best: best[0] ? { name: best[0].question.name, p: 10 ** best[0].logP } : { name: "none", p: 1 },
  };
}

/** Cuts every feature; what all rounds answer alike, and what another question asks already, is left out. */
function ask(rounds: readonly Features[]): Question[] {
  const questions = new Map<string, Question>();
  for (const { name, values } of Features.columns(rounds)) {
    const sorted = values.slice().sort();
    const distinct = [...new Set(sorted)];
    if (distinct.length === 1) continue;
    const cuts =
      distinct.length <= CUTS + 1
        ? distinct.slice(1)
        : [0.05, 0.25, 0.5, 0.75, 0.95].map((part) => sorted[Math.floor(part * sorted.length)] as number);
    for (const cut of new Set(cuts)) {
      const answers = Uint8Array.from(values, (value) => Number(value >= cut));
      // A question and its opposite are one.
      const key = Buffer.from(answers[0] ? answers.map((answer) => 1 - answer) : answers).toString("latin1");
      if (!answers.includes(0) || !answers.includes(1) || questions.has(key)) continue;
      questions.set(key, { name: `${name} ≥ ${cut}`, answers });
    }
  }
  return [...questions.values()];
}

interface Ranked {
  question: Question;
  logP: number;
}

function ranked(questions: readonly Question[], worlds: Uint8Array, rounds: readonly number[]): Ranked[] {
  const ofOne = rounds.filter((at) => worlds[at]).length;
  const all = questions.map((question) => {
    let yes = 0;
    let both = 0;
    for (const at of rounds) {
      yes += question.answers[at] as number;
      both += (question.answers[at] as number) & (worlds[at] as number);
    }
    return { question, logP: logFisher(both, yes, ofOne, rounds.length) };
  });
  return all.sort((a, b) => a.logP - b.logP);
}

interface Stump {
  question: Question;
  weight: number;
}

function boost(questions: readonly Question[], worlds: Uint8Array, learn: readonly number[]): Stump[] {
  const candidates = ranked(questions, worlds, learn).slice(0, SCREENED);
  const weights = new Map(learn.map((at) => [at, 1 / learn.length]));
  const model: Stump[] = [];
  for (let step = 0; step < STUMPS; step++) {
    let best: { question: Question; agree: number } | undefined;
    for (const { question } of candidates) {
      let agree = 0;
      for (const [at, weight] of weights) if (question.answers[at] === worlds[at]) agree += weight;
      if (!best || Math.abs(agree - 0.5) > Math.abs(best.agree - 0.5)) best = { question, agree };
    }
    if (!best) break;
    const agree = Math.min(1 - 1e-6, Math.max(1e-6, best.agree));
    const weight = 0.5 * Math.log(agree / (1 - agree));
    model.push({ question: best.question, weight });
    let sum = 0;
    for (const [at, old] of weights) {
      const next = old * Math.exp(best.question.answers[at] === worlds[at] ? -weight : weight);
      weights.set(at, next);
      sum += next;
    }
    for (const [at, weight] of weights) weights.set(at, weight / sum);
    // Nothing is left to learn.
    if (agree > 1 - 1e-5 || agree < 1e-5) break;
  }
  return model;
}

function guess(model: readonly Stump[], round: number): boolean {
  return model.reduce((sum, { question, weight }) => sum + (question.answers[round] ? weight : -weight), 0) > 0;
}

const logFactorials = [0];
function logFactorial(n: number): number {
  for (let next = logFactorials.length; next <= n; next++) {
    logFactorials.push((logFactorials[next - 1] as number) + Math.log10(next));
  }
  return logFactorials[n] as number;
}
const logChoose = (n: number, k: number) => logFactorial(n) - logFactorial(k) - logFactorial(n - k);

/** log₁₀ of how likely a table at least as uneven is by chance (Fisher, both sides). */
function logFisher(both: number, yes: number, ofOne: number, all: number): number {
  const log = (k: number) => logChoose(ofOne, k) + logChoose(all - ofOne, yes - k) - logChoose(all, yes);
  const [from, to] = [Math.max(0, yes - (all - ofOne)), Math.min(yes, ofOne)];
  const here = log(both) + 1e-9;
  let sum = 0;
  for (let k = from; k <= to; k++) if (log(k) <= here) sum += 10 ** (log(k) - here);
  return Math.min(0, here + Math.log10(sum));
}

/** How likely it is to guess so many or more right by tossing coins. */
export function chanceOf(right: number, rounds: number): number {
  let sum = 0;
  for (let k = right; k <= rounds; k++) sum += 10 ** (logChoose(rounds, k) - rounds * Math.log10(2));
  return Math.min(1, sum);
}

/** Wilson's interval at 95 %. */
export function interval(right: number, rounds: number): [number, number] {
  const z = 1.96;
  const p = right / rounds;
  const middle = (p + z ** 2 / (2 * rounds)) / (1 + z ** 2 / rounds);
  const half = (z * Math.sqrt((p * (1 - p)) / rounds + z ** 2 / (4 * rounds ** 2))) / (1 + z ** 2 / rounds);
  return [middle - half, middle + half];
}
