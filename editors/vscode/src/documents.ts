// Documents that are in no file: answers while they are written, and files as a command would change them.
import * as vscode from 'vscode';

export const ANSWER = 'codeslm-answer';
export const PROPOSED = 'codeslm-proposed';

/** The editor of VS Code's own Markdown extension that shows a document as it will be read. */
const RENDERED = 'vscode.markdown.preview.editor';

/** How long a preview may take to load, and a text to arrive in it. */
const LOADING_MS = 30_000;
const ARRIVING_MS = 5_000;
const POLL_MS = 50;

/** Serves the texts of both schemes; a text that changes is read again by whoever shows it. */
export class Documents implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly kept = new Map<string, { text: string; addedAt: number }>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly toDispose: vscode.Disposable[];
  private n = 0;
  readonly onDidChange = this.changed.event;

  constructor() {
    this.toDispose = [
      this.changed,
      ...[ANSWER, PROPOSED].map((scheme) => vscode.workspace.registerTextDocumentContentProvider(scheme, this)),
      vscode.workspace.onDidOpenTextDocument((document) => this.catchUp(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.kept.delete(document.uri.toString())),
    ];
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.kept.get(uri.toString())?.text ?? '';
  }

  /** A new document; `name` ends as the language of its text does. */
  add(scheme: typeof ANSWER | typeof PROPOSED, name: string, text: string): vscode.Uri {
    this.n += 1;
    const uri = vscode.Uri.from({ scheme, path: `/${name}`, query: String(this.n) });
    this.kept.set(uri.toString(), { text, addedAt: Date.now() });
    return uri;
  }

  /**
   * The last text of a document that is shown while it is written. VS Code's preview (1.139) loses what changes while its
   * page loads, which takes seconds on a slow machine; so one that was opened lately is drawn anew.
   */
  async finish(uri: vscode.Uri, text: string): Promise<void> {
    this.set(uri, text);
    if (Date.now() - (this.kept.get(uri.toString())?.addedAt ?? 0) > LOADING_MS) {
      return;
    }
    for (let waited = 0; waited < ARRIVING_MS && this.isBehind(this.opened(uri)); waited += POLL_MS) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    await vscode.commands.executeCommand('markdown.preview.refresh');
  }

  set(uri: vscode.Uri, text: string): void {
    this.kept.set(uri.toString(), { text, addedAt: this.kept.get(uri.toString())?.addedAt ?? 0 });
    this.changed.fire(uri);
  }

  /** While a document is being opened VS Code hears of no change. */
  private catchUp(document: vscode.TextDocument): void {
    if (this.kept.has(document.uri.toString()) && this.isBehind(document)) {
      this.changed.fire(document.uri);
    }
  }

  private opened(uri: vscode.Uri): vscode.TextDocument | undefined {
    return vscode.workspace.textDocuments.find((each) => each.uri.toString() === uri.toString());
  }

  /** Whether VS Code has an earlier text of it, or none yet. */
  private isBehind(document: vscode.TextDocument | undefined): boolean {
    return (
      document === undefined ||
      document.getText().replaceAll('\r\n', '\n') !== this.kept.get(document.uri.toString())?.text
    );
  }

  dispose(): void {
    for (const each of this.toDispose) {
      each.dispose();
    }
  }
}

/** Show Markdown beside the editor, which keeps the keys. */
export async function showAnswer(uri: vscode.Uri): Promise<void> {
  const beside = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true, preview: true };
  try {
    await vscode.commands.executeCommand('vscode.openWith', uri, RENDERED, beside);
  } catch {
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), beside);
  }
}
