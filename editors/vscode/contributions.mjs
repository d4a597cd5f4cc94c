// Writes into package.json what follows from elsewhere: the server's settings, and the commands with their menus.
// `node contributions.mjs` writes it, `--check` fails where it is not up to date. `CODESLM` names the server's program.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('package.json', import.meta.url));

/** Settings that a folder must not decide: how the engine runs on this machine, what is sent to others, and what is kept. */
const OF_MACHINE = /^(engine|remote|usage)\./;
const OF_USER_FIRST = /^(model|commands\.model|index\..*)$/;

/** Commands of the server: what they are called in menus, and in which group of the context menu. */
const OF_SERVER = [
  ['explain', 'Explain', '1_read'],
  ['ask', 'Ask…', '1_read'],
  ['complexity', 'How Does It Grow?', '1_read'],
  ['fix', 'Fix', '2_write'],
  ['implement', 'Implement', '2_write'],
  ['document', 'Write the Docstring', '2_write'],
  ['types', 'Add Annotations', '2_write'],
  ['name', 'Find a Better Name', '2_write'],
  ['simplify', 'Simplify', '2_write'],
  ['test', 'Write Tests', '2_write'],
  ['translate', 'Translate to…', '2_write'],
  ['solve', 'Solve…', '3_mathematics'],
  ['verify', 'Is This True?', '3_mathematics'],
  ['formula', 'Write a Formula as Code', '3_mathematics'],
  ['latex', 'Show as LaTeX', '3_mathematics'],
  ['commit', 'Write a Commit Message', ''],
];

const OWN = [
  ['apply', 'Apply the Edit', '$(check)'],
  ['discard', 'Discard the Edit', '$(close)'],
  ['menu', 'Menu'],
  ['pause', 'Pause for 10 Minutes'],
  ['resume', 'Go On Suggesting'],
  ['explainLastAnswer', 'Why Was That Suggested, or Nothing?'],
  ['chooseModel', 'Choose the Model'],
  ['showStatistics', 'Statistics'],
  ['showLog', 'Show the Log'],
  ['restart', 'Restart the Language Server'],
  ['install', 'Install the Language Server for VS Code'],
  ['allow', "Let Commands Run This Folder's Code in the Sandbox"],
  ['tryIt', 'Try It on a Sample'],
  ['getStarted', 'Getting Started'],
];

function commands() {
  const all = [
    ...OF_SERVER.map(([name, title]) => ({ command: `codeslm.ask.${name}`, title })),
    ...OWN.map(([name, title, icon]) => ({ command: `codeslm.${name}`, title, ...(icon && { icon }) })),
  ];
  return all.map((each) => ({ ...each, category: 'codeslm' }));
}

function menus() {
  const inDiff = 'resourceScheme == codeslm-proposed';
  return {
    'editor/context': [{ submenu: 'codeslm.context', group: '1_modification@9', when: '!editorReadonly' }],
    'codeslm.context': OF_SERVER.filter(([, , group]) => group).map(([name, , group], index) => ({
      command: `codeslm.ask.${name}`,
      group: `${group}@${index}`,
    })),
    'editor/title': [
      { command: 'codeslm.apply', group: 'navigation@1', when: inDiff },
      { command: 'codeslm.discard', group: 'navigation@2', when: inDiff },
    ],
    'scm/title': [{ command: 'codeslm.ask.commit', group: 'navigation', when: 'scmProvider == git' }],
    commandPalette: [
      { command: 'codeslm.apply', when: inDiff },
      { command: 'codeslm.discard', when: inDiff },
    ],
  };
}

/** The server's settings, as VS Code describes some: names in camel case, tables as dots. */
function settings() {
  const program = process.env.CODESLM ?? 'codeslm';
  const schema = JSON.parse(execFileSync(program, ['config', 'schema'], { encoding: 'utf8' }));
  const found = {
    'codeslm.serverPath': {
      type: 'string',
      default: '',
      scope: 'machine-overridable',
      order: 0,
      markdownDescription:
        'The `codeslm` program; empty takes the one on the PATH, else the one that this extension has installed.',
    },
  };
  flatten(schema, schema, '', found);
  return { title: 'codeslm', properties: found };
}

function flatten(table, schema, before, found) {
  for (const [name, declared] of Object.entries(table.properties)) {
    const reference = declared.$ref ?? declared.allOf?.[0]?.$ref;
    const path = before + name;
    if (reference) {
      flatten(schema.$defs[reference.split('/').pop()], schema, `${path}.`, found);
      continue;
    }
    const { title: _, unit, description, ...rest } = inlined(declared, schema);
    found[`codeslm.${camelCase(path)}`] = {
      ...rest,
      scope: OF_MACHINE.test(path) ? 'machine' : OF_USER_FIRST.test(path) ? 'machine-overridable' : 'window',
      order: Object.keys(found).length,
      markdownDescription: unit ? `${description} In ${unit}.` : description,
    };
  }
}

/** A schema without references and names of Python: what VS Code checks the table of languages by. */
function inlined(node, schema) {
  if (Array.isArray(node)) {
    return node.map((each) => inlined(each, schema));
  }
  if (node === null || typeof node !== 'object') {
    return node;
  }
  if (node.$ref) {
    return inlined(schema.$defs[node.$ref.split('/').pop()], schema);
  }
  const entries = Object.entries(node).filter(([name]) => name !== 'title');
  const of = (name, value) =>
    name === 'properties'
      ? Object.fromEntries(Object.entries(value).map(([key, each]) => [camelCase(key), inlined(each, schema)]))
      : inlined(value, schema);
  return Object.fromEntries(entries.map(([name, value]) => [name, of(name, value)]));
}

function camelCase(path) {
  return path.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
}

const text = readFileSync(FILE, 'utf8');
const manifest = JSON.parse(text);
Object.assign(manifest.contributes, { commands: commands(), menus: menus(), configuration: settings() });
const wanted = `${JSON.stringify(manifest, null, 2)}\n`;
if (!process.argv.includes('--check')) {
  writeFileSync(FILE, wanted);
} else if (text !== wanted) {
  console.error('package.json does not say what the server does; run `npm run contributions`.');
  process.exit(1);
}
