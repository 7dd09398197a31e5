import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { packageRoot } from '#shared/runtime';
import { benches } from '../benches.ts';
import { mergeResults, readResults, resultsPath, resultsText } from '../results.ts';
import { renderDocument } from './render.ts';

/*
 * `npm run bench:docs -- FILE…`: takes the runs of the files into docs/benchmarks/results.json, in place of
 * the earlier runs of the same benchmarks, and makes tables and plots of docs/benchmarks.md from it.
 */

const help = `Usage: npm run bench:docs -- [FILE…]

Takes the figures of files that \`npm run bench -- --json FILE\` wrote into docs/benchmarks/results.json, the
later run of each benchmark, and makes the tables and plots of docs/benchmarks.md from it. Without a file it
makes them again.
`;

const documentPath = join(packageRoot, 'docs', 'benchmarks.md');
const folder = dirname(resultsPath);

async function main(files: readonly string[]): Promise<void> {
  const quoted = await readResults(resultsPath);
  const added = await Promise.all(files.map(readResults));
  const order = benches.map(({ name }) => name);
  const results = mergeResults([quoted, ...added], order);
  const { markdown, plots } = renderDocument(await readFile(documentPath, 'utf8'), results.runs);
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    if (name.endsWith('.svg') && !plots.has(name)) await rm(join(folder, name));
  }
  for (const [name, svg] of plots) await writeFile(join(folder, name), svg);
  await writeFile(resultsPath, resultsText(results));
  await writeFile(documentPath, markdown);
}

const args = process.argv.slice(2);
if (args.some((arg) => arg.startsWith('-'))) {
  process.stdout.write(help);
  process.exitCode = args.includes('--help') ? 0 : 2;
} else {
  await main(args).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
}
