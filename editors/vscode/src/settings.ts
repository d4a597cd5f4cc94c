// The settings that the user has set → what the server asks for by `workspace/configuration`.
import * as vscode from 'vscode';

export const SECTION = 'codeslm';

/** Settings of this extension alone. */
const OWN = new Set(['codeslm.serverPath']);

/**
 * What is set, as a tree. VS Code would also send every default, and with it overrule what a project's `pyproject.toml`
 * says of its own.
 */
export function explicitSettings(extension: vscode.Extension<unknown>): Record<string, unknown> {
  const tree: Record<string, unknown> = {};
  const properties: object = extension.packageJSON.contributes.configuration.properties;
  const configuration = vscode.workspace.getConfiguration();
  for (const key of Object.keys(properties)) {
    const found = configuration.inspect(key);
    const isSet = [found?.globalValue, found?.workspaceValue, found?.workspaceFolderValue].some((v) => v !== undefined);
    if (!OWN.has(key) && isSet) {
      put(tree, key.split('.').slice(1), configuration.get(key));
    }
  }
  return tree;
}

function put(tree: Record<string, unknown>, [head, ...rest]: string[], value: unknown): void {
  if (head === undefined) {
    return;
  }
  if (rest.length === 0) {
    tree[head] = value;
    return;
  }
  const table = (tree[head] ?? {}) as Record<string, unknown>;
  tree[head] = table;
  put(table, rest, value);
}

/** Change one of the server's settings for this user, such as `model`. */
export async function change(name: string, value: unknown): Promise<void> {
  await vscode.workspace.getConfiguration(SECTION).update(name, value, vscode.ConfigurationTarget.Global);
}
