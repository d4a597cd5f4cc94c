// A request for suggestions on its way to the server, and those who wait for its answer.
import * as vscode from 'vscode';

/** Where something is asked for: this version of the document, with this entry of the menu selected. */
export interface Place {
  document: vscode.TextDocument;
  position: vscode.Position;
  selected: vscode.SelectedCompletionInfo | undefined;
}

type Items = readonly vscode.InlineCompletionItem[];

/**
 * One request. VS Code's menu waits three quarters of a second after a key for ghost text; then it has the request cancelled
 * and goes first, whatever else there is. A model on a laptop may take longer, so VS Code is told in time that there is
 * nothing, and the request goes on as long as nothing is typed and the cursor stays. It is `isLate` then: its answer has to
 * be brought to VS Code.
 */
export class Asked {
  readonly items: Promise<Items>;
  isLate = false;
  private readonly own = new vscode.CancellationTokenSource();
  private readonly version: number;

  constructor(
    private readonly place: Place,
    ask: (token: vscode.CancellationToken) => Promise<Items>,
  ) {
    this.version = place.document.version;
    this.items = ask(this.own.token).catch(() => []);
  }

  get isCancelled(): boolean {
    return this.own.token.isCancellationRequested;
  }

  /** The items, for somebody who waits until `token` is cancelled, and no longer than `ms`; then nothing. */
  async answer(token: vscode.CancellationToken, ms = Number.POSITIVE_INFINITY): Promise<vscode.InlineCompletionItem[]> {
    const waits = token.onCancellationRequested(() => {
      if (this.isWhereTheCursorIs()) {
        this.isLate = true;
      } else {
        this.cancel();
      }
    });
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<Items>((resolve) => {
      if (Number.isFinite(ms)) {
        timer = setTimeout(() => {
          this.isLate = true;
          resolve([]);
        }, ms);
      }
    });
    try {
      return [...(await Promise.race([this.items, tooLate]))];
    } finally {
      clearTimeout(timer);
      waits.dispose();
    }
  }

  cancel(): void {
    this.own.cancel();
  }

  /** Whether it was asked just there, and nobody has taken it back. */
  isAt({ document, position, selected }: Place): boolean {
    return (
      !this.isCancelled &&
      document === this.place.document &&
      document.version === this.version &&
      position.isEqual(this.place.position) &&
      selected?.text === this.place.selected?.text
    );
  }

  isWhereTheCursorIs(): boolean {
    const editor = vscode.window.activeTextEditor;
    const { selected } = this.place;
    return (
      editor !== undefined && this.isAt({ document: editor.document, position: editor.selection.active, selected })
    );
  }
}
