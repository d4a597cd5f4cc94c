// Ghost text: VS Code draws it; this file decides whether to ask, and tells the server what became of it.
import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';
import type { Connection } from './connection.ts';
import { Following, type Outcome, type Shown } from './following.ts';

/** The cursor rests where it has been so long; the server then evaluates what it needs there. */
const REST_MS = 300;

/** What an editor tells of an item: the id in its command is all that counts. */
interface Item {
  insertText: string;
  command: { title: string; command: string; arguments: string[] };
}

/**
 * A request on its way. VS Code's menu waits three quarters of a second for ghost text; then it has the request
 * cancelled and goes first, whatever else there is. A model on a laptop may take longer, so the request goes on as long as
 * nothing is typed and the cursor stays, and its answer is shown then.
 */
class Asked {
  readonly items: Promise<readonly vscode.InlineCompletionItem[]>;
  isLate = false;
  private readonly own = new vscode.CancellationTokenSource();
  private readonly version: number;

  constructor(
    private readonly document: vscode.TextDocument,
    private readonly position: vscode.Position,
    private readonly selected: vscode.SelectedCompletionInfo | undefined,
    ask: (
      token: vscode.CancellationToken,
    ) => Promise<vscode.InlineCompletionItem[] | vscode.InlineCompletionList | null | undefined>,
  ) {
    this.version = document.version;
    this.items = ask(this.own.token).then(
      (found) => (Array.isArray(found) ? found : (found?.items ?? [])),
      () => [],
    );
  }

  get isCancelled(): boolean {
    return this.own.token.isCancellationRequested;
  }

  /** The items, or nothing once VS Code does not wait for them any more. */
  async answer(token: vscode.CancellationToken): Promise<vscode.InlineCompletionItem[]> {
    const waits = token.onCancellationRequested(() => {
      if (this.isWhereTheCursorIs()) {
        this.isLate = true;
      } else {
        this.cancel();
      }
    });
    try {
      return [...(await this.items)];
    } finally {
      waits.dispose();
    }
  }

  cancel(): void {
    this.own.cancel();
  }

  isIn(document: vscode.TextDocument, position: vscode.Position, selected?: vscode.SelectedCompletionInfo): boolean {
    return (
      document === this.document &&
      document.version === this.version &&
      position.isEqual(this.position) &&
      selected?.text === this.selected?.text
    );
  }

  isWhereTheCursorIs(): boolean {
    const editor = vscode.window.activeTextEditor;
    return editor !== undefined && this.isIn(editor.document, editor.selection.active, this.selected);
  }
}

const ACCEPTED = 'codeslm.accepted';
const OFF_FILES = 'codeslm.offFiles';

/** Why nothing is asked for while one types, although completions are switched on. */
export type Silence = { kind: 'paused'; until: Date } | { kind: 'file' } | { kind: 'language' };

export class Suggestions implements vscode.Disposable {
  private connection: Connection | undefined;
  private readonly following = new Following();
  private pausedUntil: Date | undefined;
  private resumes: NodeJS.Timeout | undefined;
  private resting: NodeJS.Timeout | undefined;
  private asked: Asked | undefined;
  private nAsking = 0;
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly answered = new vscode.EventEmitter<boolean>();
  private readonly toDispose: vscode.Disposable[];

  /** Whether anything is being asked for has changed, or whether it is asked for at all. */
  readonly onDidChange = this.changed.event;

  /** The server has answered; true with something to show. */
  readonly onDidAnswer = this.answered.event;

  readonly middleware: Pick<Middleware, 'provideInlineCompletionItems'> = {
    provideInlineCompletionItems: async (document, position, context, token, next) => {
      const isAutomatic = context.triggerKind === vscode.InlineCompletionTriggerKind.Automatic;
      const asked = this.asked;
      if (asked && !asked.isIn(document, position, context.selectedCompletionInfo)) {
        asked.cancel();
      } else if (asked && (isAutomatic || asked.isLate)) {
        return asked.answer(token);
      }
      if (isAutomatic && this.silence(document)) {
        return undefined;
      }
      const asking = new Asked(document, position, context.selectedCompletionInfo, (own) =>
        Promise.resolve(next(document, position, context, own)),
      );
      this.asked = asking;
      this.asks(1);
      void asking.items.then(async (items) => {
        this.asks(-1);
        if (!asking.isCancelled) {
          this.shows(document, position, items);
          this.answered.fire(items.length > 0);
          if (asking.isLate && items.length > 0 && asking.isWhereTheCursorIs()) {
            await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
          }
        }
        if (this.asked === asking) {
          this.asked = undefined;
        }
      });
      return asking.answer(token);
    },
  };

  constructor(private readonly memory: vscode.Memento) {
    this.toDispose = [
      this.changed,
      this.answered,
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0) {
          const changes = contentChanges.map((each) => ({
            offset: each.rangeOffset,
            length: each.rangeLength,
            text: each.text,
          }));
          this.tells(this.following.changed(document.uri.toString(), changes));
        }
      }),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => this.rests(textEditor)),
      vscode.window.onDidChangeActiveTextEditor((editor) => editor && this.rests(editor)),
    ];
  }

  /** From now on tell this connection's server. */
  connect(connection: Connection): void {
    this.connection = connection;
  }

  get isThinking(): boolean {
    return this.nAsking > 0;
  }

  /** Why nothing is asked for in this document while one types. */
  silence(document: vscode.TextDocument): Silence | undefined {
    if (this.pausedUntil !== undefined) {
      return { kind: 'paused', until: this.pausedUntil };
    }
    if (this.offFiles().includes(document.uri.toString())) {
      return { kind: 'file' };
    }
    const languages = vscode.workspace.getConfiguration('codeslm').get<string[]>('completion.disabledLanguages', []);
    return languages.includes(document.languageId) ? { kind: 'language' } : undefined;
  }

  pause(minutes: number): void {
    this.resume();
    this.pausedUntil = new Date(Date.now() + minutes * 60_000);
    this.resumes = setTimeout(() => this.resume(), minutes * 60_000);
    void vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
    this.changed.fire();
  }

  resume(): void {
    clearTimeout(this.resumes);
    this.pausedUntil = undefined;
    this.changed.fire();
  }

  async switchFile(uri: vscode.Uri, on: boolean): Promise<void> {
    const others = this.offFiles().filter((each) => each !== uri.toString());
    await this.memory.update(OFF_FILES, on ? others : [...others, uri.toString()]);
    if (!on) {
      await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
    }
    this.changed.fire();
  }

  /** The command of an item was run: all of it was accepted. */
  accepted(): void {
    const suggestion = this.following.accepted();
    const editor = vscode.window.activeTextEditor;
    if (suggestion && editor?.document.uri.toString() === suggestion.uri) {
      moveBehind(editor, suggestion);
    }
  }

  dispose(): void {
    clearTimeout(this.resumes);
    clearTimeout(this.resting);
    for (const each of this.toDispose) {
      each.dispose();
    }
  }

  private offFiles(): string[] {
    return this.memory.get<string[]>(OFF_FILES, []);
  }

  private asks(more: number): void {
    this.nAsking += more;
    this.changed.fire();
  }

  /** VS Code shows the first of them, from the cursor on. What they replace before it stands there already. */
  private shows(
    document: vscode.TextDocument,
    position: vscode.Position,
    items: readonly vscode.InlineCompletionItem[],
  ): void {
    const [first] = items;
    const id = first?.command?.arguments?.[0];
    if (!first?.command || typeof id !== 'string' || typeof first.insertText !== 'string') {
      return;
    }
    const before = first.range ? document.offsetAt(position) - document.offsetAt(first.range.start) : 0;
    const known = this.following.show({
      uri: document.uri.toString(),
      offset: document.offsetAt(position),
      text: first.insertText.slice(before),
      id,
    });
    first.command.arguments = [known.id];
    if (known.isNew) {
      this.connection?.tell('textDocument/didShowCompletion', { item: item(first.insertText, known.id) });
    }
  }

  private tells(outcome: Outcome | undefined): void {
    if (outcome?.kind === 'partly accepted') {
      this.connection?.tell('textDocument/didPartiallyAcceptCompletion', {
        item: item(outcome.suggestion.text, outcome.suggestion.id),
        acceptedLength: outcome.length,
      });
    } else if (outcome?.kind === 'dismissed') {
      this.connection?.tell('codeslm/didDismissCompletion', {
        item: item(outcome.suggestion.text, outcome.suggestion.id),
      });
    }
  }

  private rests(editor: vscode.TextEditor): void {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      if (editor === vscode.window.activeTextEditor && !this.silence(editor.document)) {
        const { line, character } = editor.selection.active;
        this.connection?.tell('codeslm/didMoveCursor', {
          textDocument: { uri: editor.document.uri.toString() },
          position: { line, character },
        });
      }
    }, REST_MS);
  }
}

/**
 * VS Code (1.139) counts characters, not UTF-16 units, where it puts the cursor: behind a suggestion with an emoji it
 * stands one place too early for each.
 */
function moveBehind(editor: vscode.TextEditor, { offset, text }: Shown): void {
  const end = offset + text.length;
  const { document, selection } = editor;
  const span = new vscode.Range(document.positionAt(offset), document.positionAt(end));
  const isEarly = selection.isEmpty && document.offsetAt(selection.active) < end;
  if (/[\ud800-\udbff]/.test(text) && isEarly && document.getText(span) === text) {
    editor.selection = new vscode.Selection(span.end, span.end);
  }
}

function item(insertText: string, id: string): Item {
  return { insertText, command: { title: '', command: ACCEPTED, arguments: [id] } };
}
