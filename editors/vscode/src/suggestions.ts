// Ghost text: VS Code draws it; this file decides whether to ask, and tells the server what became of it.
import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';
import { Asked, type Place } from './asked.ts';
import { type Connection, DOCUMENTS } from './connection.ts';
import { Following, type Outcome, type Shown } from './following.ts';

/** The cursor rests where it has been so long; the server then evaluates what it needs there. */
const REST_MS = 300;

/** What an editor tells of an item: the id in its command is all that counts. */
interface Item {
  insertText: string;
  command: { title: string; command: string; arguments: string[] };
}

/** How long after a key VS Code is let wait for an answer: less than the 750 ms after which its menu has it cancelled. */
const PATIENCE_MS = 600;

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
  private typed: { document: vscode.TextDocument; version: number; at: number; isNew: boolean } | undefined;
  private nAsking = 0;
  private isFromLate = false;
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly answered = new vscode.EventEmitter<boolean>();
  private readonly toDispose: vscode.Disposable[];

  /** Whether anything is being asked for has changed, or whether it is asked for at all. */
  readonly onDidChange = this.changed.event;

  /** The server has answered; true with something to show. */
  readonly onDidAnswer = this.answered.event;

  readonly middleware: Pick<Middleware, 'provideInlineCompletionItems'> = {
    provideInlineCompletionItems: async (document, position, context, token) => {
      const isAutomatic = context.triggerKind === vscode.InlineCompletionTriggerKind.Automatic;
      const place = { document, position, selected: context.selectedCompletionInfo };
      if (isAutomatic && this.silence(document)) {
        return undefined;
      }
      const known = this.asked?.isAt(place) && (isAutomatic || this.asked.isLate) ? this.asked : undefined;
      if (known && !isAutomatic) {
        known.isLate = false;
        this.cameLate(true);
      }
      const asked = known ?? this.ask(place, context);
      const waited = Date.now() - (this.typed?.at ?? Date.now());
      const isOfKey = isAutomatic && waited < PATIENCE_MS;
      const items = await asked.answer(token, isOfKey ? PATIENCE_MS - waited : undefined);
      if (!token.isCancellationRequested) {
        this.shows(document, position, items);
      }
      return items;
    },
  };

  constructor(private readonly memory: vscode.Memento) {
    this.toDispose = [
      this.changed,
      this.answered,
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0) {
          if (document === vscode.window.activeTextEditor?.document) {
            this.typed = { document, version: document.version, at: Date.now(), isNew: true };
          }
          const changes = contentChanges.map((each) => ({
            offset: each.rangeOffset,
            length: each.rangeLength,
            text: each.text,
          }));
          this.tells(this.following.changed(document.uri.toString(), changes));
        }
      }),
      vscode.window.onDidChangeTextEditorSelection((event) => {
        this.asksAhead(event);
        this.rests(event.textEditor);
      }),
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

  /**
   * Show the one after this, or before. VS Code asks for others by hand, once at each place; what came late was brought
   * that way (see `Asked`), so there it has to forget it first.
   */
  async showOther(which: 'Next' | 'Previous'): Promise<void> {
    await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
    await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
    await vscode.commands.executeCommand(`editor.action.inlineSuggest.show${which}`);
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

  /** What is shown was brought by hand. VS Code is told when that changes, not at every key. */
  private cameLate(isSo: boolean): void {
    if (isSo === this.isFromLate) {
      return;
    }
    this.isFromLate = isSo;
    void vscode.commands.executeCommand('setContext', 'codeslm.cameLate', isSo);
  }

  private offFiles(): string[] {
    return this.memory.get<string[]>(OFF_FILES, []);
  }

  /** Ask the server; what it was asked before does not matter any more. */
  private ask(place: Place, context: vscode.InlineCompletionContext): Asked {
    this.asked?.cancel();
    this.cameLate(false);
    const asked = new Asked(place, async (token) =>
      this.connection ? this.connection.complete(place.document, place.position, context, token) : [],
    );
    this.asked = asked;
    this.nAsking += 1;
    this.changed.fire();
    void asked.items.then((items) => {
      this.nAsking -= 1;
      this.changed.fire();
      if (!asked.isCancelled) {
        this.answered.fire(items.length > 0);
        if (asked.isLate && items.length > 0 && asked.isWhereTheCursorIs()) {
          void vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
        }
      }
    });
    return asked;
  }

  /**
   * After a key VS Code waits for 50 ms whether another one follows, and then asks. The server need not wait: a request
   * that is overtaken costs it next to nothing, and so its answer is nearer when VS Code wants it.
   */
  private asksAhead({ textEditor, selections, kind }: vscode.TextEditorSelectionChangeEvent): void {
    const { document } = textEditor;
    const [selection] = selections;
    const isTyped = this.typed?.isNew && this.typed.document === document && this.typed.version === document.version;
    if (this.typed) {
      this.typed.isNew = false; // The cursor may go on moving without a key.
    }
    if (!isTyped || kind !== vscode.TextEditorSelectionChangeKind.Keyboard || selections.length !== 1) {
      return;
    }
    const isWanted = vscode.workspace.getConfiguration('editor', document).get<boolean>('inlineSuggest.enabled', true);
    const isKnown = vscode.languages.match([...DOCUMENTS], document) > 0;
    if (selection?.isEmpty && isWanted && isKnown && !this.silence(document)) {
      const triggerKind = vscode.InlineCompletionTriggerKind.Automatic;
      const place = { document, position: selection.active, selected: undefined };
      this.ask(place, { triggerKind, selectedCompletionInfo: undefined });
    }
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
    if (outcome === undefined) {
      return;
    }
    const meant = { item: item(outcome.suggestion.text, outcome.suggestion.id) };
    if (outcome.kind === 'dismissed') {
      this.connection?.tell('codeslm/didDismissCompletion', meant);
    } else {
      const params = { ...meant, acceptedLength: outcome.length };
      this.connection?.tell('textDocument/didPartiallyAcceptCompletion', params);
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
