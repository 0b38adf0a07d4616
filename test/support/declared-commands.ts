import { declare } from "./program";

/**
 * Prints, as JSON, the commands that the program declares for a stack: `declared-commands.ts STACK CONFIG FACTS`. A
 * separate process, since the SDK's test runtime supports one program for each process.
 */
async function main([stack, config = "{}", facts = "{}"]: string[]): Promise<void> {
  const { resources } = await declare(JSON.parse(config), JSON.parse(facts), stack);
  const commands = resources.filter(({ type }) => type === "command:local:Command");
  process.stdout.write(JSON.stringify(Object.fromEntries(commands.map(({ name, inputs }) => [name, inputs]))));
}

void main(process.argv.slice(2));
