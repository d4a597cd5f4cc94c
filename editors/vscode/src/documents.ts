// Documents that are in no file: answers while they are written, and files as a command would change them.
import * as vscode from 'vscode';

export const ANSWER = 'codeslm-answer';
export const PROPOSED = 'codeslm-proposed';

/** The editor of VS Code's own Markdown extension that shows a document as it will be read. */
const RENDERED = 'vscode.markdown.preview.editor';

/** Serves the texts of both schemes; a text that changes is read again by whoever shows it. */
export class Documents implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly toDispose: vscode.Disposable[];
  private n = 0;
  readonly onDidChange = this.changed.event;

  constructor() {
    this.toDispose = [
      this.changed,
      ...[ANSWER, PROPOSED].map((scheme) => vscode.workspace.registerTextDocumentContentProvider(scheme, this)),
      vscode.workspace.onDidOpenTextDocument((document) => this.catchUp(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.texts.delete(document.uri.toString())),
    ];
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? '';
  }

  /** A new document; `name` ends as the language of its text does. */
  add(scheme: typeof ANSWER | typeof PROPOSED, name: string, text: string): vscode.Uri {
    this.n += 1;
    const uri = vscode.Uri.from({ scheme, path: `/${name}`, query: String(this.n) });
    this.texts.set(uri.toString(), text);
    return uri;
  }

  set(uri: vscode.Uri, text: string): void {
    this.texts.set(uri.toString(), text);
    this.changed.fire(uri);
  }

  /** While a document is being opened VS Code hears of no change. */
  private catchUp(document: vscode.TextDocument): void {
    const text = this.texts.get(document.uri.toString());
    if (text !== undefined && text !== document.getText().replaceAll('\r\n', '\n')) {
      this.changed.fire(document.uri);
    }
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
