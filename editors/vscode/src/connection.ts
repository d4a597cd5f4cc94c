// The connection to `codeslm serve`: started, kept, restarted, with the user's settings.
import * as vscode from 'vscode';
import {
  DidChangeConfigurationNotification,
  ExecuteCommandRequest,
  InlineCompletionRequest,
  LanguageClient,
  type LanguageClientOptions,
  type Middleware,
  State,
  type StaticFeature,
} from 'vscode-languageclient/node';
import { explicitSettings, SECTION } from './settings.ts';

/** What the server says of itself (`codeslm/didChangeStatus`), and what there is to say where none runs. */
export interface ServerStatus {
  kind: 'loading' | 'ready' | 'off' | 'problem';
  message: string;
  model: string;
}

const STARTING: ServerStatus = { kind: 'loading', message: 'The language server is starting.', model: '' };
const STOPPED: ServerStatus = { kind: 'problem', message: 'The language server is not running.', model: '' };

/** All that is code, wherever it comes from; what other extensions show of other versions of it is not. */
export const DOCUMENTS = ['file', 'untitled', 'vscode-notebook-cell'].map((scheme) => ({ scheme }));

/** How long a server may take to answer for the first time: a cold disk and a busy machine included. */
const PATIENCE_MS = 60_000;

const SHOWS_STATUS: StaticFeature = {
  fillClientCapabilities(capabilities) {
    capabilities.experimental = { ...capabilities.experimental, codeslmStatus: true };
  },
  initialize() {},
  getState: () => ({ kind: 'static' }),
  clear() {},
};

export class Connection implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private readonly changed = new vscode.EventEmitter<ServerStatus>();
  private readonly listeners = new Map<string, (params: never) => void>();
  private last: Promise<void> = Promise.resolve();
  private readonly toDispose: vscode.Disposable[] = [];
  readonly onDidChangeStatus = this.changed.event;
  status = STARTING;

  constructor(
    private readonly extension: vscode.Extension<unknown>,
    private readonly log: vscode.LogOutputChannel,
    private readonly middleware: Middleware,
  ) {
    this.toDispose.push(
      this.changed,
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration(SECTION)) {
          this.tell(DidChangeConfigurationNotification.type.method, { settings: null });
        }
      }),
    );
  }

  get isRunning(): boolean {
    return this.client?.state === State.Running;
  }

  /** The running client. Throws where there is none. */
  get running(): LanguageClient {
    if (this.client?.state !== State.Running) {
      throw new Error(this.status.message || STOPPED.message);
    }
    return this.client;
  }

  /** Start `program`, in place of what runs now. Throws where it cannot be started. */
  start(program: string): Promise<void> {
    return this.inTurn(async () => {
      await this.stopNow();
      await this.startNow(program);
    });
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.stopNow());
  }

  /** A client that is ended while it starts complains to the user, so one thing is done after the other. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.last.then(work);
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private async startNow(program: string): Promise<void> {
    const options: LanguageClientOptions = {
      documentSelector: DOCUMENTS,
      outputChannel: this.log,
      middleware: {
        ...this.middleware,
        workspace: {
          configuration: async (params, token, next) => {
            const answers = await next(params, token);
            const explicit = explicitSettings(this.extension);
            return Array.isArray(answers)
              ? params.items.map((item, index) => (item.section === SECTION ? explicit : answers[index]))
              : answers;
          },
        },
      },
    };
    const client = new LanguageClient('codeslm', 'codeslm', { command: program, args: ['serve'] }, options);
    client.registerFeature(SHOWS_STATUS);
    client.onNotification('codeslm/didChangeStatus', (status: ServerStatus) => this.be(status));
    for (const [method, listener] of this.listeners) {
      client.onNotification(method, listener as (params: unknown) => void);
    }
    client.onDidChangeState(({ newState }) => {
      if (this.client === client && newState !== State.Running) {
        this.be(newState === State.Starting ? STARTING : STOPPED);
      }
    });
    this.client = client;
    this.be(STARTING);
    try {
      await Promise.race([client.start(), tooLate()]);
    } catch (error) {
      this.be({ ...STOPPED, message: `The language server could not be started: ${(error as Error).message}` });
      throw error;
    }
  }

  private async stopNow(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client?.state === State.Running) {
      await client.stop().catch((error) => this.log.warn(`the server did not stop: ${error}`));
    }
    await client?.dispose().catch(() => undefined);
  }

  /** Send a notification, if anybody is there to hear it. */
  tell(method: string, params: object): void {
    if (this.isRunning) {
      this.client?.sendNotification(method, params).catch((error) => this.log.warn(`${method}: ${error}`));
    }
  }

  /** Suggestions for a place. */
  async complete(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[]> {
    const client = this.running;
    const params = client.code2ProtocolConverter.asInlineCompletionParams(document, position, context);
    const answer = await client.sendRequest(InlineCompletionRequest.type, params, token);
    const found = await client.protocol2CodeConverter.asInlineCompletionResult(answer, token);
    return Array.isArray(found) ? found : (found?.items ?? []);
  }

  /** Hear a notification of every server that is started from now on. */
  onNotification<T>(method: string, listener: (params: T) => void): void {
    this.listeners.set(method, listener as (params: never) => void);
  }

  /** Run a command of the server that takes no argument. */
  async request<T>(command: string): Promise<T> {
    return this.running.sendRequest(ExecuteCommandRequest.type, { command, arguments: [] });
  }

  be(status: ServerStatus): void {
    this.status = status;
    this.changed.fire(status);
  }

  dispose(): void {
    for (const each of this.toDispose) {
      each.dispose();
    }
  }
}

async function tooLate(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  throw new Error(`it did not answer within ${PATIENCE_MS / 1000} seconds.`);
}
