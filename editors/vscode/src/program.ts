// Where the `codeslm` program is: the one that is set, the one on PATH, or one that this extension has installed.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, readdir, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import * as vscode from 'vscode';

const run = promisify(execFile);
const IS_WINDOWS = process.platform === 'win32';
const BIN = IS_WINDOWS ? 'Scripts' : 'bin';
const EXECUTABLE = IS_WINDOWS ? 'codeslm.exe' : 'codeslm';

/** The oldest Python that the server runs in. */
const PYTHON: readonly [number, number] = [3, 11];
const PYTHONS = IS_WINDOWS
  ? [['py', '-3'], ['python']]
  : ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11'].map((name) => [name]);

/** What went wrong, in one sentence for the user. */
export class Problem extends Error {}

/** The program, or nothing where there is none. Throws `Problem` where a path is set that is none. */
export async function findProgram(context: vscode.ExtensionContext): Promise<string | undefined> {
  const configured = vscode.workspace.getConfiguration('codeslm').get<string>('serverPath', '').trim();
  if (configured) {
    const program = configured.replace(/^~(?=[/\\])/, homedir());
    if (await isExecutable(program)) {
      return program;
    }
    throw new Problem(`The setting codeslm.serverPath names ${configured}, which is no program; correct or clear it.`);
  }
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const program = path.join(folder, EXECUTABLE);
    if (folder && (await isExecutable(program))) {
      return program;
    }
  }
  const own = installed(context);
  return (await isExecutable(own)) ? own : undefined;
}

/** Run `codeslm` and return what it prints. Throws `Problem` with the sentence that it says of what went wrong. */
export async function ask(program: string, ...words: string[]): Promise<string> {
  try {
    return (await run(program, words, { maxBuffer: 64 * 1024 * 1024 })).stdout;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim();
    throw new Problem(said || `${program} ${words.join(' ')} failed: ${(error as Error).message}`);
  }
}

/**
 * Put the server that comes with this extension into a virtual environment of its own, and return the program.
 * Nothing is left of an installation that was cancelled or has failed. Throws `Problem`.
 */
export async function install(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): Promise<string> {
  const wheel = await bundledWheel(context);
  const python = await findPython();
  const folder = environment(context);
  return vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: 'Installing codeslm', cancellable: true },
    async (progress, cancelled) => {
      const step = (words: string[], title: string) => {
        progress.report({ message: title });
        return follow(words, log, cancelled, (line) => progress.report({ message: shortened(line) }));
      };
      try {
        await rm(folder, { recursive: true, force: true });
        await step([...python, '-m', 'venv', folder], 'making a Python environment');
        const inside = path.join(folder, BIN, 'python');
        const title = 'compiling llama.cpp for this machine, which takes 4 to 12 minutes';
        await step([inside, '-m', 'pip', 'install', '--disable-pip-version-check', wheel], title);
      } catch (error) {
        await rm(folder, { recursive: true, force: true });
        throw error;
      }
      return installed(context);
    },
  );
}

/** Run a program, tell each line that it prints, and end it when cancelled. Throws `Problem`. */
export function follow(
  [program = '', ...words]: string[],
  log: vscode.LogOutputChannel,
  cancelled: vscode.CancellationToken,
  hear: (line: string) => void,
): Promise<void> {
  log.info(`running ${[program, ...words].join(' ')}`);
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    const stop = cancelled.onCancellationRequested(() => child.kill());
    let last = '';
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split(/\r?\n|\r/);
        rest = lines.pop() ?? '';
        for (const line of lines.filter((each) => each.trim())) {
          last = stream === child.stderr ? line : last;
          log.debug(line);
          hear(line);
        }
      });
    }
    child.on('error', (error) => {
      stop.dispose();
      reject(new Problem(`${program} could not be run: ${error.message}.`));
    });
    child.on('close', (status) => {
      stop.dispose();
      if (cancelled.isCancellationRequested) {
        reject(new vscode.CancellationError());
      } else if (status === 0) {
        resolve();
      } else {
        reject(new Problem(last || `${program} ended with status ${status}.`));
      }
    });
  });
}

function environment(context: vscode.ExtensionContext): string {
  return path.join(context.globalStorageUri.fsPath, 'server');
}

function installed(context: vscode.ExtensionContext): string {
  return path.join(environment(context), BIN, EXECUTABLE);
}

async function bundledWheel(context: vscode.ExtensionContext): Promise<string> {
  const folder = path.join(context.extensionPath, 'server');
  const names = await readdir(folder).catch(() => []);
  const wheel = names.find((name) => name.endsWith('.whl'));
  if (!wheel) {
    throw new Problem('This build of the extension brings no server; install codeslm yourself and put it on PATH.');
  }
  return path.join(folder, wheel);
}

async function findPython(): Promise<string[]> {
  for (const [name = '', ...words] of PYTHONS) {
    try {
      const said = await run(name, [...words, '-c', 'import sys, venv, ensurepip; print(*sys.version_info[:2])']);
      const [major = 0, minor = 0] = said.stdout.trim().split(' ').map(Number);
      if (major > PYTHON[0] || (major === PYTHON[0] && minor >= PYTHON[1])) {
        return [name, ...words];
      }
    } catch {
      // It is not there, is too old, or (Debian) comes without venv.
    }
  }
  throw new Problem(`No Python ${PYTHON.join('.')} or newer with venv was found; install one and try again.`);
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function shortened(line: string): string {
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
