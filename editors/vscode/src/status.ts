// The item in the status bar, and the menu behind it.
import * as vscode from 'vscode';
import type { Connection } from './connection.ts';
import type { Silence, Suggestions } from './suggestions.ts';

/** Work that takes less is not told: an icon that flickers at each key tells nothing. */
const PATIENCE_MS = 250;
const PAUSE_MINUTES = 10;

/** What the item shows. `spoken` is for those who hear it: it says what the icon does. */
interface Look {
  icon: string;
  text: string;
  spoken: string;
  isProblem?: boolean;
}

export class StatusItem implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('codeslm.status', vscode.StatusBarAlignment.Right, 100);
  private readonly toDispose: vscode.Disposable[];
  private waiting: NodeJS.Timeout | undefined;
  private isSlow = false;
  private whyNothing = '';

  constructor(
    private readonly connection: Connection,
    private readonly suggestions: Suggestions,
    private readonly why: () => Promise<string>,
  ) {
    this.item.name = 'codeslm';
    this.item.command = 'codeslm.menu';
    this.toDispose = [
      this.item,
      connection.onDidChangeStatus(() => this.forget()),
      suggestions.onDidChange(() => this.watch()),
      suggestions.onDidAnswer((hasSome) => void this.answered(hasSome)),
      vscode.window.onDidChangeActiveTextEditor(() => this.forget()),
      vscode.workspace.onDidChangeConfiguration((event) => event.affectsConfiguration('codeslm') && this.draw()),
    ];
    this.draw();
    this.item.show();
  }

  dispose(): void {
    clearTimeout(this.waiting);
    for (const each of this.toDispose) {
      each.dispose();
    }
  }

  private watch(): void {
    if (this.suggestions.isThinking) {
      this.waiting ??= setTimeout(() => {
        this.isSlow = true;
        this.draw();
      }, PATIENCE_MS);
      this.draw();
    } else {
      clearTimeout(this.waiting);
      this.waiting = undefined;
      this.isSlow = false;
      this.draw();
    }
  }

  private async answered(hasSome: boolean): Promise<void> {
    const before = this.whyNothing;
    this.whyNothing = hasSome ? '' : await this.why();
    if (this.whyNothing !== before) {
      this.draw();
    }
  }

  /** What was last answered says nothing of what is now. */
  private forget(): void {
    this.whyNothing = '';
    this.draw();
  }

  private draw(): void {
    const { icon, text, spoken, isProblem } = this.look();
    const { message } = this.connection.status;
    this.item.text = `$(${icon}) ${text}`;
    this.item.backgroundColor = isProblem ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
    this.item.tooltip = [`codeslm: ${spoken}`, message, this.whyNothing && `Nothing is suggested: ${this.whyNothing}`]
      .filter(Boolean)
      .join('\n');
    this.item.accessibilityInformation = {
      label: `codeslm: ${spoken}. ${message} ${this.whyNothing}`.trim(),
      role: 'button',
    };
  }

  private look(): Look {
    const { kind, model } = this.connection.status;
    const name = model || 'codeslm';
    const editor = vscode.window.activeTextEditor;
    const silence = editor && this.suggestions.silence(editor.document);
    if (kind === 'problem') {
      return { icon: 'warning', text: 'codeslm: problem', spoken: 'there is a problem', isProblem: true };
    }
    if (kind === 'loading') {
      return { icon: 'loading~spin', text: `${name}: warming up`, spoken: 'the model is warming up' };
    }
    if (kind === 'off') {
      return { icon: 'circle-slash', text: 'codeslm: off', spoken: 'switched off' };
    }
    if (silence) {
      return { icon: silence.kind === 'paused' ? 'debug-pause' : 'circle-slash', ...quiet(silence, name) };
    }
    if (this.isSlow) {
      return { icon: 'loading~spin', text: name, spoken: `${name} is thinking` };
    }
    return this.whyNothing
      ? { icon: 'dash', text: name, spoken: `${name} has no suggestion here` }
      : { icon: 'sparkle', text: name, spoken: `${name} is ready` };
  }
}

function quiet(silence: Silence, name: string): Pick<Look, 'text' | 'spoken'> {
  if (silence.kind === 'paused') {
    const until = silence.until.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    return { text: `codeslm: until ${until}`, spoken: `paused until ${until}` };
  }
  return { text: `${name}: off here`, spoken: `off for this ${silence.kind}` };
}

/** What can be done from the menu. */
export interface Acts {
  pause(minutes: number): void;
  resume(): void;
  switchLanguage(languageId: string, on: boolean): Promise<void>;
  switchFile(uri: vscode.Uri, on: boolean): Promise<void>;
}

/** Show the menu, and do what is chosen. */
export async function showMenu(suggestions: Suggestions, acts: Acts): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  const silence = document && suggestions.silence(document);
  type Entry = vscode.QuickPickItem & { act?: () => unknown };
  const command = (label: string, name: string): Entry => ({ label, act: () => vscode.commands.executeCommand(name) });
  const entries: Entry[] = [];
  entries.push(
    silence?.kind === 'paused'
      ? { label: '$(debug-start) Go on suggesting', act: () => acts.resume() }
      : { label: `$(debug-pause) Pause for ${PAUSE_MINUTES} minutes`, act: () => acts.pause(PAUSE_MINUTES) },
  );
  if (document) {
    const { languageId, uri } = document;
    const [language, file] = [silence?.kind === 'language', silence?.kind === 'file'];
    entries.push(
      {
        label: language ? `$(check) Switch on for ${languageId}` : `$(circle-slash) Switch off for ${languageId}`,
        act: () => acts.switchLanguage(languageId, language),
      },
      {
        label: file ? '$(check) Switch on for this file' : '$(circle-slash) Switch off for this file',
        act: () => acts.switchFile(uri, file),
      },
    );
  }
  entries.push(
    command('$(question) Why was that suggested, or nothing?', 'codeslm.explainLastAnswer'),
    command('$(sync) Switch the model…', 'codeslm.chooseModel'),
    command('$(graph) Statistics', 'codeslm.showStatistics'),
    command('$(output) Show the log', 'codeslm.showLog'),
    command('$(debug-restart) Restart the language server', 'codeslm.restart'),
    {
      label: '$(gear) Settings',
      act: () => vscode.commands.executeCommand('workbench.action.openSettings', 'codeslm.'),
    },
    command('$(rocket) Getting started', 'codeslm.getStarted'),
  );
  const chosen = await vscode.window.showQuickPick(entries, { title: 'codeslm' });
  await chosen?.act?.();
}
