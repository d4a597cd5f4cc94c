// Models: which there are, which fits this machine, and how one comes here.
import * as vscode from 'vscode';
import { ask, follow, Problem } from './program.ts';
import { change } from './settings.ts';

/** What `codeslm models list --json` says of one. */
interface Model {
  name: string;
  size_bytes: number;
  memory_bytes: number;
  roles: string[];
  licence: string;
  gated: boolean;
  installed: 'yes' | 'no' | 'damaged';
  fits: boolean;
  note: string;
  read_tokens_s: number | null;
  write_tokens_s: number | null;
}

/** A line of `codeslm models pull --json`. */
interface Progress {
  phase: string;
  source: string;
  bytes_done: number;
  bytes_total: number;
}

export async function models(program: string): Promise<Model[]> {
  return JSON.parse(await ask(program, 'models', 'list', '--json'));
}

/** Let the user choose a model for completion, bring it here, and use it. Returns its name, or nothing. */
export async function chooseModel(program: string, log: vscode.LogOutputChannel): Promise<string | undefined> {
  const known = (await models(program)).filter((each) => each.roles.includes('completion') || !each.roles.length);
  const here = known.filter((each) => each.installed === 'yes');
  const items: (vscode.QuickPickItem & { model?: Model })[] = [];
  for (const [title, group] of [
    ['on this machine', here],
    ['to download', known.filter((each) => each.installed !== 'yes')],
  ] as const) {
    if (group.length > 0) {
      items.push({ label: title, kind: vscode.QuickPickItemKind.Separator }, ...group.map(entry));
    }
  }
  const chosen = await vscode.window.showQuickPick(items, {
    title: 'Which model completes your code?',
    placeHolder: 'It runs on this machine, and nothing of your code leaves it.',
    matchOnDetail: true,
  });
  if (!chosen?.model) {
    return undefined;
  }
  if (chosen.model.installed !== 'yes' && !(await pull(program, chosen.model, log))) {
    return undefined;
  }
  await change('model', chosen.model.name);
  return chosen.model.name;
}

/** Download a model. What was fetched before a cancel is kept for the next time. */
async function pull(program: string, { name, gated, licence }: Model, log: vscode.LogOutputChannel): Promise<boolean> {
  if (gated) {
    const message = `${name} comes under the licence ${licence}, which its owner asks you to accept on Hugging Face first.`;
    const go = 'I have; download it';
    if ((await vscode.window.showInformationMessage(message, { modal: true }, go)) !== go) {
      return false;
    }
  }
  try {
    await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: `Downloading ${name}`, cancellable: true },
      async (progress, cancelled) => {
        const shares = new Map<string, number>();
        await follow([program, 'models', 'pull', name, '--json'], log, cancelled, (line) => {
          const told = parsed(line);
          if (told?.bytes_total) {
            const share = (100 * told.bytes_done) / told.bytes_total;
            const before = shares.get(told.phase) ?? 0;
            shares.set(told.phase, share);
            const isFetched = told.phase === 'verify';
            const message = isFetched ? `verifying, ${Math.round(share)} %` : `from ${told.source}, ${megabytes(told)}`;
            progress.report({ message, increment: isFetched ? 0 : share - before });
          }
        });
      },
    );
    return true;
  } catch (error) {
    if (error instanceof vscode.CancellationError) {
      void vscode.window.showInformationMessage(`What came of ${name} is kept: the next download goes on from there.`);
      return false;
    }
    throw error;
  }
}

function parsed(line: string): Progress | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function megabytes({ bytes_done, bytes_total }: Progress): string {
  return `${Math.round(bytes_done / 1e6)} of ${Math.round(bytes_total / 1e6)} MB`;
}

function entry(model: Model): vscode.QuickPickItem & { model: Model } {
  const facts = [`${gigabytes(model.memory_bytes)} GB of memory`];
  if (model.size_bytes) {
    facts.unshift(`${gigabytes(model.size_bytes)} GB`);
  }
  if (model.read_tokens_s && model.write_tokens_s) {
    facts.push(`reads ${model.read_tokens_s}, writes ${model.write_tokens_s} tokens/s`);
  }
  const warnings = model.fits ? [] : ['$(warning) more than is free'];
  return {
    label: model.name,
    description: [...facts, ...warnings].join(' · '),
    detail: [model.licence + (model.gated ? ' (to be accepted first)' : ''), model.note].filter(Boolean).join(' · '),
    model,
  };
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1);
}

/** Show what went wrong, with the log at hand. */
export async function tellProblem(error: unknown, log: vscode.LogOutputChannel): Promise<void> {
  if (error instanceof vscode.CancellationError) {
    return;
  }
  const sentence = error instanceof Error ? error.message : String(error);
  log.error(sentence);
  const show = 'Show the log';
  const shown = error instanceof Problem ? sentence : `codeslm: ${sentence}`;
  if ((await vscode.window.showErrorMessage(shown, show)) === show) {
    log.show();
  }
}
