// Commands of the server: what is asked, the answer while it is written, and edits that only the user makes.
import * as path from 'node:path';
import * as vscode from 'vscode';
import { ExecuteCommandRequest } from 'vscode-languageclient/node';
import { type Answer, asMarkdown, badge, type DocumentChange, edited, reasons } from './answer.ts';
import type { Connection } from './connection.ts';
import { ANSWER, type Documents, PROPOSED, showAnswer } from './documents.ts';

/** The one argument of a command, as PROTOCOL.md has it. */
export interface Argument {
  words?: string;
  textDocument?: { uri: string };
  range?: object;
  diagnostics?: object[];
  to?: string;
  stream?: string;
  propose?: boolean;
}

/** Commands that are about code, those that are answered in words, and what is to be typed for some. */
const OF_CODE = ['document', 'fix', 'implement', 'simplify', 'types', 'name', 'test', 'complexity', 'latex'] as const;
const IN_WORDS = new Set(['explain', 'ask', 'complexity', 'solve', 'verify', 'commit', 'latex']);
const WORDS: Record<string, { title: string; example: string; mayBeSelected: boolean }> = {
  ask: { title: 'Ask about this file or the workspace', example: 'Where is the tax worked out?', mayBeSelected: false },
  solve: { title: 'A problem or an equation', example: '60 km/h * 2.5 h in km', mayBeSelected: true },
  verify: { title: 'A claim', example: '(a + b)^2 = a^2 + 2*a*b + b^2', mayBeSelected: true },
  formula: { title: 'A formula', example: 'sqrt(x^2 + y^2)', mayBeSelected: true },
};
const LANGUAGES = [
  'javascript',
  'typescript',
  'python',
  'go',
  'rust',
  'java',
  'c',
  'cpp',
  'csharp',
  'ruby',
  'php',
  'lua',
];

export const COMMANDS = ['explain', 'ask', 'solve', 'verify', 'formula', 'translate', 'commit', ...OF_CODE];

const APPLY = 'Apply';
const DISCARD = 'Discard';
const DETAILS = 'Details';
const COMMIT = 'Put it into the commit box';

/** An edit that is shown and not yet made. */
interface Proposal {
  answer: Answer;
  shown: vscode.Uri[];
  askedIn: vscode.TextEditor | undefined;
}

export class Commands {
  private readonly streams = new Map<string, (text: string) => void>();
  private proposal: Proposal | undefined;
  private n = 0;

  constructor(
    private readonly connection: Connection,
    private readonly documents: Documents,
  ) {}

  /** A piece of an answer has come (`codeslm/didWriteAnswer`). */
  hear({ stream, text }: { stream: string; text: string }): void {
    this.streams.get(stream)?.(text);
  }

  /** Ask about what is selected, or where the cursor is. */
  async askHere(name: string): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const argument: Argument = {};
    if (editor && editor.document.uri.scheme !== ANSWER) {
      argument.textDocument = { uri: editor.document.uri.toString() };
      argument.range = rangeOf(editor.selection);
      if (name === 'fix' || name === 'explain') {
        argument.diagnostics = diagnosticsAt(editor);
      }
    } else if ((OF_CODE as readonly string[]).includes(name)) {
      void vscode.window.showWarningMessage(`codeslm ${name} is about code: open a file and put the cursor into it.`);
      return;
    }
    if (name === 'translate') {
      const to = await vscode.window.showQuickPick(LANGUAGES, { title: 'Translate to which language?' });
      if (to === undefined) {
        return;
      }
      argument.to = to;
    }
    const wanted = WORDS[name];
    if (wanted && !(wanted.mayBeSelected && editor && !editor.selection.isEmpty)) {
      const words = await vscode.window.showInputBox({ title: wanted.title, placeHolder: wanted.example });
      if (!words?.trim()) {
        return;
      }
      argument.words = words;
    }
    await this.ask(name, argument);
  }

  /** Ask, show the answer, and offer its edit. */
  async ask(name: string, { propose: _, ...argument }: Argument): Promise<void> {
    this.n += 1;
    const stream = `${name}-${this.n}`;
    let written = '';
    let shown: vscode.Uri | undefined;
    const title = `codeslm: ${name}`;
    this.streams.set(stream, (text) => {
      written += text;
      if (IN_WORDS.has(name)) {
        if (shown === undefined) {
          shown = this.documents.add(ANSWER, `${name}.md`, written);
          void showAnswer(shown);
        } else {
          this.documents.set(shown, written);
        }
      }
    });
    let answer: Answer;
    try {
      answer = await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Notification, title, cancellable: true },
        (_progress, token) => this.request(name, { ...argument, stream }, token),
      );
    } catch (error) {
      if (!(error instanceof vscode.CancellationError)) {
        void vscode.window.showWarningMessage(`${title}: ${(error as Error).message}`);
      }
      return;
    } finally {
      this.streams.delete(stream);
    }
    if (answer.edit) {
      await this.propose(answer, answer.edit.documentChanges);
    } else {
      await this.show(answer, shown);
    }
  }

  /** Make the edit that is shown. */
  async apply(): Promise<void> {
    const proposal = this.proposal;
    if (!proposal?.answer.edit) {
      return;
    }
    await this.discard();
    for (const change of proposal.answer.edit.documentChanges) {
      const version = change.kind === undefined ? change.textDocument.version : null;
      const uri = change.kind === undefined ? change.textDocument.uri : change.uri;
      const document = openDocument(uri);
      if (version !== null && document?.version !== version) {
        const name = path.posix.basename(vscode.Uri.parse(uri).path);
        void vscode.window.showWarningMessage(
          `${name} has changed since codeslm was asked, so nothing was done; ask again.`,
        );
        return;
      }
    }
    const edit = await this.connection.running.protocol2CodeConverter.asWorkspaceEdit(proposal.answer.edit as never);
    if (edit && !(await vscode.workspace.applyEdit(edit))) {
      void vscode.window.showWarningMessage(
        'VS Code refused the edit: is there a file of that name, or is one read-only?',
      );
    }
  }

  /** Leave everything as it is. */
  async discard(): Promise<void> {
    const proposal = this.proposal;
    this.proposal = undefined;
    const isShown = (uri: vscode.Uri) => proposal?.shown.some((each) => each.toString() === uri.toString()) ?? false;
    const tabs = vscode.window.tabGroups.all
      .flatMap((group) => group.tabs)
      .filter(({ input }) => input instanceof vscode.TabInputTextDiff && isShown(input.modified));
    await vscode.window.tabGroups.close(tabs, true);
    if (proposal?.askedIn && !proposal.askedIn.document.isClosed) {
      await vscode.window.showTextDocument(proposal.askedIn.document, proposal.askedIn.viewColumn);
    }
  }

  private async request(name: string, argument: Argument, token: vscode.CancellationToken): Promise<Answer> {
    const params = { command: `codeslm.${name}`, arguments: [argument] };
    const answer = await this.connection.running
      .sendRequest(ExecuteCommandRequest.type, params, token)
      .catch((error) => {
        throw token.isCancellationRequested ? new vscode.CancellationError() : error;
      });
    if (answer?.error) {
      throw new Error(answer.error);
    }
    return answer;
  }

  private async show(answer: Answer, shown: vscode.Uri | undefined): Promise<void> {
    const text = asMarkdown(answer);
    if (shown) {
      await this.documents.finish(shown, text);
    } else {
      await showAnswer(this.documents.add(ANSWER, `${answer.command}.md`, text));
    }
    if (answer.command === 'commit') {
      const chosen = await vscode.window.showInformationMessage(
        `codeslm: a message was written (${badge(answer)}).`,
        COMMIT,
      );
      if (chosen === COMMIT) {
        await fillCommitBox(answer.value || answer.answer);
      }
    }
  }

  private async propose(answer: Answer, changes: DocumentChange[]): Promise<void> {
    await this.discard();
    const askedIn = vscode.window.activeTextEditor;
    const shown: vscode.Uri[] = [];
    for (const change of changes) {
      if (change.kind === undefined) {
        shown.push(await this.showChange(answer, change.textDocument.uri, change.edits));
      }
    }
    this.proposal = { answer, shown, askedIn };
    const message = `codeslm ${answer.command}, ${badge(answer)}: ${reasons(answer)}`;
    const chosen = await vscode.window.showInformationMessage(message, APPLY, DETAILS, DISCARD);
    if (chosen === APPLY) {
      await this.apply();
    } else if (chosen === DISCARD) {
      await this.discard();
    } else if (chosen === DETAILS) {
      await this.show(answer, undefined);
    }
  }

  private async showChange(answer: Answer, uri: string, edits: Parameters<typeof edited>[1]): Promise<vscode.Uri> {
    const document = openDocument(uri);
    const name = path.posix.basename(vscode.Uri.parse(uri).path);
    const proposed = this.documents.add(PROPOSED, name, edited(document?.getText() ?? '', edits));
    const before = document?.uri ?? this.documents.add(PROPOSED, name, '');
    const title = `${name}: codeslm ${answer.command} (${answer.badge})`;
    await vscode.commands.executeCommand('vscode.diff', before, proposed, title, { preview: false });
    return proposed;
  }
}

function openDocument(uri: string): vscode.TextDocument | undefined {
  const wanted = vscode.Uri.parse(uri).toString();
  return vscode.workspace.textDocuments.find((document) => document.uri.toString() === wanted);
}

function rangeOf(selection: vscode.Range): object {
  const place = ({ line, character }: vscode.Position) => ({ line, character });
  return { start: place(selection.start), end: place(selection.end) };
}

function diagnosticsAt({ document, selection }: vscode.TextEditor): object[] {
  return vscode.languages
    .getDiagnostics(document.uri)
    .filter((each) => each.range.start.line <= selection.end.line && each.range.end.line >= selection.start.line)
    .map((each) => ({
      range: rangeOf(each.range),
      message: each.message,
      source: each.source ?? '',
      code: String(typeof each.code === 'object' ? each.code.value : (each.code ?? '')),
    }));
}

/** The box of VS Code's own git extension. */
async function fillCommitBox(message: string): Promise<void> {
  const git = vscode.extensions.getExtension('vscode.git');
  const [repository] = (await git?.activate())?.getAPI(1).repositories ?? [];
  if (repository) {
    repository.inputBox.value = message;
    await vscode.commands.executeCommand('workbench.view.scm');
  } else {
    await vscode.env.clipboard.writeText(message);
    void vscode.window.showInformationMessage('VS Code sees no git repository here; the message is in the clipboard.');
  }
}
