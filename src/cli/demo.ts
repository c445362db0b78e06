import type { Command } from "commander";
import type { Story } from "../demo/story.js";
import { BEGINS, withContext } from "./with-database.js";

export function addDemo(program: Command): void {
  program
    .command("demo")
    .description("fills an empty database with ten people to look around as, and prints who signs in with what")
    .option("--json", "prints JSON")
    .action(async (options: { json?: boolean }) => {
      await withContext(async (context) => {
        const { tellStory } = await import("../demo/story.js");
        const story = await tellStory(context);
        const signIn = new URL("/sign-in", context.config.origin).href;
        if (options.json) console.log(JSON.stringify({ signIn, ...story }));
        else print(signIn, story);
      }, BEGINS);
    });
}

function print(signIn: string, { cast, reset }: Story): void {
  const width = Math.max(...cast.map(({ password }) => password.length));
  console.log(`Ten people are in; start with "kith start" and sign in at ${signIn}\n`);
  for (const { username, password, about } of cast) {
    console.log(`  ${username.padEnd(5)} ${password.padEnd(width)}  ${about}`);
  }
  console.log(`
${reset.username} is being let back in. The new password, good as soon as ${reset.missing} agrees too:

  ${reset.newPassword}

The words that ${reset.missing} should see under "Help someone", ${reset.username}: ${reset.words.join(" ")}`);
}
