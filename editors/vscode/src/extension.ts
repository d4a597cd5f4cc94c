// The extension: finds the server, connects it to VS Code, and says what is missing.
import * as vscode from 'vscode';
import { COMMANDS, Commands } from './commands.ts';
import { Connection } from './connection.ts';
import { ANSWER, Documents, showAnswer } from './documents.ts';
import { chooseModel, models, tellProblem } from './models.ts';
import { ask, findProgram, install } from './program.ts';
import { type Report, reportAsMarkdown, whyNothing } from './report.ts';
import { change } from './settings.ts';
import { StatusItem, showMenu } from './status.ts';
import { Suggestions } from './suggestions.ts';

const NO_SERVER = 'codeslm is not installed: there is no program of that name on the PATH.';
const WALKTHROUGH = 'codeslm.codeslm#start';
const SAMPLE = `import math


def sphere_volume(radius: float) -> float:
    """The volume of a ball: four thirds of pi times the cube of its radius."""
    ret`;

/** One window's codeslm. */
class Codeslm {
  private readonly log = vscode.window.createOutputChannel('codeslm', { log: true });
  private readonly documents = new Documents();
  private readonly suggestions: Suggestions;
  private readonly connection: Connection;
  private readonly commands: Commands;

  constructor(private readonly context: vscode.ExtensionContext) {
    this.suggestions = new Suggestions(context.workspaceState);
    this.connection = new Connection(context.extension, this.log, {
      ...this.suggestions.middleware,
      executeCommand: async (command, args, next) => {
        if (command === 'codeslm.accepted') {
          this.suggestions.accepted();
        } else if (COMMANDS.includes(command.replace('codeslm.', ''))) {
          return this.commands.ask(command.replace('codeslm.', ''), args[0] ?? {});
        }
        return next(command, args);
      },
    });
    this.suggestions.connect(this.connection);
    this.commands = new Commands(this.connection, this.documents);
    this.connection.onNotification('codeslm/didWriteAnswer', (piece: { stream: string; text: string }) =>
      this.commands.hear(piece),
    );
    const status = new StatusItem(this.connection, this.suggestions, async () => whyNothing(await this.lastReport()));
    context.subscriptions.push(this.log, this.documents, this.suggestions, this.connection, status);
    this.registerCommands();
    context.subscriptions.push(
      vscode.workspace.onDidChangeConfiguration(async (event) => {
        if (event.affectsConfiguration('codeslm.serverPath')) {
          await this.start();
        }
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.start()),
      this.connection.onDidChangeStatus((told) => {
        void this.setContext('modelReady', told.kind === 'ready');
        if (told.kind === 'problem' && this.connection.isRunning) {
          void this.offerModel();
        }
      }),
    );
  }

  /** Start the server, or say what is missing. */
  async start(): Promise<void> {
    try {
      const program = await findProgram(this.context);
      await this.setContext('serverFound', program !== undefined);
      if (program === undefined) {
        await this.connection.stop();
        this.connection.be({ kind: 'problem', message: NO_SERVER, model: '' });
        await this.offerInstallation();
        return;
      }
      this.log.info(`starting ${program}`);
      await this.connection.start(program);
    } catch (error) {
      await this.connection.stop();
      this.connection.be({ kind: 'problem', message: (error as Error).message, model: '' });
      await tellProblem(error, this.log);
    }
  }

  async stop(): Promise<void> {
    await this.connection.stop();
  }

  private registerCommands(): void {
    const register = (name: string, act: (...args: never[]) => unknown) =>
      this.context.subscriptions.push(
        vscode.commands.registerCommand(`codeslm.${name}`, async (...args: never[]) => {
          try {
            return await act(...args);
          } catch (error) {
            return tellProblem(error, this.log);
          }
        }),
      );
    for (const name of COMMANDS) {
      register(`ask.${name}`, () => this.commands.askHere(name));
    }
    register('apply', () => this.commands.apply());
    register('discard', () => this.commands.discard());
    register('menu', () => showMenu(this.suggestions, { ...this.acts() }));
    register('pause', () => this.suggestions.pause(10));
    register('resume', () => this.suggestions.resume());
    register('showNext', () => this.suggestions.showOther('Next'));
    register('showPrevious', () => this.suggestions.showOther('Previous'));
    register('explainLastAnswer', () => this.explainLast());
    register('showStatistics', () => this.showStatistics());
    register('showLog', () => this.log.show());
    register('restart', () => this.start());
    register('chooseModel', () => this.chooseModel());
    register('install', () => this.install());
    register('allow', () => this.allow());
    register('tryIt', () => this.tryIt());
    register('getStarted', () =>
      vscode.commands.executeCommand('workbench.action.openWalkthrough', WALKTHROUGH, false),
    );
  }

  private acts() {
    return {
      pause: (minutes: number) => this.suggestions.pause(minutes),
      resume: () => this.suggestions.resume(),
      switchFile: (uri: vscode.Uri, on: boolean) => this.suggestions.switchFile(uri, on),
      switchLanguage: (languageId: string, on: boolean) => {
        const key = 'completion.disabledLanguages';
        const others = vscode.workspace
          .getConfiguration('codeslm')
          .get<string[]>(key, [])
          .filter((each) => each !== languageId);
        return change(key, on ? others : [...others, languageId]);
      },
    };
  }

  private async program(): Promise<string> {
    const program = await findProgram(this.context);
    if (program === undefined) {
      throw new Error(NO_SERVER);
    }
    return program;
  }

  private async chooseModel(): Promise<void> {
    const chosen = await chooseModel(await this.program(), this.log);
    if (chosen) {
      await this.start();
    }
  }

  private async install(): Promise<void> {
    await install(this.context, this.log);
    await this.start();
  }

  private async offerInstallation(): Promise<void> {
    await this.welcome();
    const [yes, set] = ['Install it', 'Set its path'];
    const chosen = await vscode.window.showWarningMessage(
      `${NO_SERVER} It can be installed for VS Code alone.`,
      yes,
      set,
    );
    if (chosen === yes) {
      await this.install();
    } else if (chosen === set) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'codeslm.serverPath');
    }
  }

  /** The server runs, and cannot complete: perhaps because no model is here yet. */
  private async offerModel(): Promise<void> {
    const here = await models(await this.program()).catch(() => undefined);
    if (here === undefined || here.some((each) => each.installed === 'yes')) {
      return;
    }
    await this.welcome();
    const yes = 'Choose a model';
    const message = 'codeslm has no model on this machine yet. One download is all that it needs.';
    if ((await vscode.window.showInformationMessage(message, yes)) === yes) {
      await vscode.commands.executeCommand('codeslm.chooseModel');
    }
  }

  /** Show how to begin, once. */
  private async welcome(): Promise<void> {
    if (!this.context.globalState.get('welcomed')) {
      await this.context.globalState.update('welcomed', true);
      await vscode.commands.executeCommand('codeslm.getStarted');
    }
  }

  private async lastReport(): Promise<Report | null> {
    return this.connection.isRunning ? this.connection.request('codeslm.explainLast') : null;
  }

  private async explainLast(): Promise<void> {
    const report = await this.lastReport();
    if (report === null) {
      void vscode.window.showInformationMessage('codeslm: nothing has been asked for yet.');
    } else {
      await showAnswer(this.documents.add(ANSWER, 'why.md', reportAsMarkdown(report)));
    }
  }

  private async showStatistics(): Promise<void> {
    const text = await ask(await this.program(), 'stats', '--markdown');
    await showAnswer(this.documents.add(ANSWER, 'statistics.md', text));
  }

  /** Let commands run the code of this folder, in the sandbox alone. */
  private async allow(): Promise<void> {
    const folder = vscode.workspace.workspaceFolders?.[0];
    if (!folder || !vscode.workspace.isTrusted) {
      throw new Error('There is no folder open that you trust.');
    }
    const yes = 'Allow it';
    const message = `May codeslm run the code of ${folder.name}? It does so only for commands that you give (test, simplify), in a sandbox without network and without your files.`;
    if ((await vscode.window.showInformationMessage(message, { modal: true }, yes)) === yes) {
      await ask(await this.program(), 'allow', folder.uri.fsPath);
    }
  }

  private async tryIt(): Promise<void> {
    const document = await vscode.workspace.openTextDocument({ language: 'python', content: SAMPLE });
    const editor = await vscode.window.showTextDocument(document);
    const end = document.positionAt(SAMPLE.length);
    editor.selection = new vscode.Selection(end, end);
    await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
  }

  private async setContext(name: string, value: boolean): Promise<void> {
    await vscode.commands.executeCommand('setContext', `codeslm.${name}`, value);
  }
}

let running: Codeslm | undefined;

export function activate(context: vscode.ExtensionContext): void {
  running = new Codeslm(context);
  void running.start();
}

export async function deactivate(): Promise<void> {
  await running?.stop();
}
