import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

// In Stryker's copy of the project: compiles the mutated sources over the compiled ones, one by one and without a look at
// their types, which mutants break. The whole build would take longer than the mutants of a small file.
for (const name of readdirSync("src", { recursive: true, encoding: "utf8" })) {
  if (!name.endsWith(".ts")) continue;
  const source = readFileSync(join("src", name), "utf8");
  if (!source.includes("stryMutAct")) continue;
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022, verbatimModuleSyntax: true };
  const { outputText } = ts.transpileModule(source, { compilerOptions, fileName: name });
  writeFileSync(join("dist", name.replace(/\.ts$/, ".js")), outputText);
}
